//! The three DynamoDB tables.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::client::{connect, warm};
use super::errors::store_error;
use super::reminders::Reminders;
use crate::config::TablesConfig;
use crate::error::StoreError;

/// The three DynamoDB tables and their client. Cheap to clone.
#[derive(Clone)]
pub struct Tables {
    pub(super) client: Client,
    pub(super) sessions: String,
    pub(super) events: String,
    pub(super) reminders: Reminders,
}

impl Tables {
    /// Creates the client, which connects with the first call. Credentials come from the environment, as
    /// in Lambda; a custom endpoint needs none.
    pub fn new(options: TablesConfig) -> Self {
        let client = connect(options.endpoint, options.region);
        Self {
            reminders: Reminders::with_client(client.clone(), options.reminders),
            client,
            sessions: options.sessions,
            events: options.events,
        }
    }

    /// The table of reminders.
    pub fn reminders(&self) -> &Reminders {
        &self.reminders
    }

    /// Opens the connection before the first request. An error is only logged; the first request reports
    /// it.
    pub async fn warm(&self) {
        warm(&self.client, &self.sessions).await;
    }

    /// Checks that all three tables answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        for table in self.names() {
            let answer = self
                .client
                .get_item()
                .table_name(table)
                .key("pk", AttributeValue::S("PING".into()))
                .key("sk", AttributeValue::S("PING".into()))
                .send()
                .await;
            answer.map_err(|error| store_error("ping the tables", error))?;
        }
        Ok(())
    }

    /// The client, for code that creates the tables.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The names of the tables: sessions, events, reminders.
    pub fn names(&self) -> [&str; 3] {
        [&self.sessions, &self.events, self.reminders.table()]
    }
}
