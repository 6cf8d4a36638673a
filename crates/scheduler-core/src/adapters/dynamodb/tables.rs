//! The three tables and the client that reaches them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::client::{connect, warm};
use super::errors::store_error;
use super::reminders::Reminders;
use crate::config::TablesConfig;
use crate::error::StoreError;

/// The tables and the client that reaches them. Cheap to clone.
#[derive(Clone)]
pub struct Tables {
    pub(super) client: Client,
    pub(super) sessions: String,
    pub(super) events: String,
    pub(super) reminders: Reminders,
}

impl Tables {
    /// A client for these tables; connects with the first call. Credentials come from the
    /// environment, as Lambda gives them; an endpoint of one's own does without.
    pub fn new(options: TablesConfig) -> Self {
        let client = connect(options.endpoint, options.region);
        Self {
            reminders: Reminders::on(client.clone(), options.reminders),
            client,
            sessions: options.sessions,
            events: options.events,
        }
    }

    /// The reminders.
    pub fn reminders(&self) -> &Reminders {
        &self.reminders
    }

    /// Opens the connection ahead of the first request by a cheap call; its failure is the first
    /// request's to report.
    pub async fn warm(&self) {
        warm(&self.client, &self.sessions).await;
    }

    /// Whether the tables answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        for table in self.names() {
            let asked = self
                .client
                .get_item()
                .table_name(table)
                .key("pk", AttributeValue::S("PING".into()))
                .key("sk", AttributeValue::S("PING".into()))
                .send()
                .await;
            asked.map_err(|error| store_error("ping the tables", error))?;
        }
        Ok(())
    }

    /// The client, for whoever makes the tables.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Their names: sessions, events, reminders.
    pub fn names(&self) -> [&str; 3] {
        [&self.sessions, &self.events, self.reminders.table()]
    }
}
