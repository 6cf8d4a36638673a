//! The table of reminders: create, cancel, read (docs/rules/data.md#reminders).

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};

use super::client::{connect, warm};
use super::errors::store_error;
use super::session::{Item, instant};
use crate::config::RemindersConfig;
use crate::domain::ids::ReminderId;
use crate::domain::reminder::{Reminder, ReminderPlan, ReminderStatus};
use crate::domain::time::later;
use crate::error::StoreError;

/// How long a reminder is kept after its `sendAt`.
const REMINDER_TTL: TimeDelta = TimeDelta::hours(48);
/// The table of reminders and its client. Cheap to clone.
#[derive(Clone)]
pub struct Reminders {
    pub(super) client: Client,
    pub(super) table: String,
}

/// Primary key of a reminder: its id and `sendAt`, both computed from the appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReminderKey {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl ReminderKey {
    /// The key of the reminder with this id and `sendAt`.
    pub fn new(id: ReminderId, send_at: DateTime<Utc>) -> Self {
        Self { pk: partition_key(id), sk: format!("SEND_AT#{}", instant(send_at)) }
    }

    /// The key of a planned reminder.
    pub fn for_plan(plan: &ReminderPlan) -> Self {
        Self::new(plan.id, plan.send_at)
    }

    pub(super) fn item(&self) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

fn partition_key(id: ReminderId) -> String {
    format!("REMINDER#{id}")
}

/// Condition under which [`Reminders::put`] writes a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// The reminder does not exist or is cancelled.
    CreateOrReopen,
    /// The reminder does not exist.
    Create,
    /// The reminder is cancelled.
    Reopen,
}

impl Reminders {
    /// Creates a client, which connects with the first call. For Lambda functions that use no other table.
    pub fn new(options: RemindersConfig) -> Self {
        Self::with_client(connect(options.endpoint, options.region), options.table)
    }

    pub(super) fn with_client(client: Client, table: String) -> Self {
        Self { client, table }
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Opens the connection before the first request. An error is only logged; the first request reports
    /// it.
    pub async fn warm(&self) {
        warm(&self.client, &self.table).await;
    }

    /// Writes a PENDING reminder if the condition `mode` holds; otherwise changes nothing.
    pub async fn put(&self, reminder: &Reminder, mode: PutMode) -> Result<(), StoreError> {
        const ACTION: &str = "create a reminder";
        let mut item: Item =
            serde_dynamo::to_item(reminder).map_err(|error| StoreError::internal(ACTION, error))?;
        item.extend(ReminderKey::new(reminder.reminder_id, reminder.send_at).item());
        // The index compares texts, so instants need the format of `instant`.
        item.insert("sendAt".into(), AttributeValue::S(instant(reminder.send_at)));
        item.insert("notAfter".into(), AttributeValue::S(instant(reminder.not_after)));
        let ttl = later(reminder.send_at, REMINDER_TTL).timestamp();
        item.insert("ttl".into(), AttributeValue::N(ttl.to_string()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).condition_expression(
            match mode {
                PutMode::CreateOrReopen => "attribute_not_exists(pk) OR #status = :off",
                PutMode::Create => "attribute_not_exists(pk)",
                PutMode::Reopen => "#status = :off",
            },
        );
        // DynamoDB refuses names and values that no expression uses.
        let put = match mode {
            PutMode::Create => put,
            PutMode::CreateOrReopen | PutMode::Reopen => put
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":off", status(ReminderStatus::Cancelled)),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            // The condition does not hold, so nothing is written.
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(()),
                _ => Err(store_error(ACTION, error)),
            },
        }
    }

    /// Cancels a reminder if it is PENDING. One that is being sent now needs no cancelling: its processor
    /// reads the appointment again after the claim.
    pub async fn cancel(&self, key: &ReminderKey) -> Result<(), StoreError> {
        self.set_status(key, ReminderStatus::Pending, ReminderStatus::Cancelled, "cancel a reminder").await
    }

    /// Changes the status of a reminder that has the status `from`; otherwise changes nothing.
    async fn set_status(
        &self,
        key: &ReminderKey,
        from: ReminderStatus,
        to: ReminderStatus,
        action: &'static str,
    ) -> Result<(), StoreError> {
        let changed = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression("SET #status = :to")
            .condition_expression("#status = :from")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":to", status(to))
            .expression_attribute_values(":from", status(from))
            .send()
            .await;
        match changed {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => Ok(()),
                _ => Err(store_error(action, error)),
            },
        }
    }

    /// Marks an `UNKNOWN` reminder as sent, because the provider's webhook proved it.
    pub async fn settle(&self, key: &ReminderKey) -> Result<(), StoreError> {
        self.set_status(key, ReminderStatus::Unknown, ReminderStatus::Sent, "settle a reminder").await
    }

    /// The reminders with this id. There are several if the clinic's time zone changed, because the time of
    /// sending is part of the key.
    pub async fn list(&self, id: ReminderId) -> Result<Vec<Reminder>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition_key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error("read reminders", error))?;
        Ok(found.items.unwrap_or_default().into_iter().filter_map(read_reminder).collect())
    }
}

/// A reminder. One that cannot be read is left out with a warning.
fn read_reminder(item: Item) -> Option<Reminder> {
    let read = serde_dynamo::from_item(item);
    read.inspect_err(|_| tracing::warn!(step = "read_reminder", "a reminder cannot be read and is left out"))
        .ok()
}

pub(super) fn status(status: ReminderStatus) -> AttributeValue {
    AttributeValue::S(status.as_str().to_owned())
}
