//! The reminders whose time has come: found, claimed for a while, settled with what became of them.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Tables;
use super::errors::{another_try, is_transaction_conflict, store_error};
use super::events::MessageEvent;
use super::reminders::{ReminderKey, Reminders, status};
use super::session::{ChatKey, Item, instant};
use crate::domain::reminder::{Reminder, ReminderStatus};
use crate::error::StoreError;

/// How long a claim holds: longer than a function may run (20 s).
const CLAIM: TimeDelta = TimeDelta::seconds(30);

/// A reminder whose time has come.
#[derive(Debug, Clone)]
pub struct DueReminder {
    /// Where it is.
    pub key: ReminderKey,
    /// What it says; `None` if it cannot be read.
    pub reminder: Option<Reminder>,
}

/// Some of them, and where the rest begins.
#[derive(Debug, Clone, Default)]
pub struct DuePage {
    /// By their time.
    pub due: Vec<DueReminder>,
    /// `None`: there is no more.
    pub next: Option<DuePlace>,
}

/// A place in the index.
#[derive(Debug, Clone)]
pub struct DuePlace(Item);

/// What became of a claimed reminder.
#[derive(Debug, Clone, Copy)]
pub enum ReminderResult<'a> {
    /// The provider took it.
    Sent,
    /// It will not go out; why.
    Failed(&'a str),
    /// It is not wanted; why.
    Cancelled(&'a str),
    /// It is tried again from then on.
    Later(DateTime<Utc>),
    /// It was not its fault: it waits on, and this attempt does not count.
    Untried,
}

impl Reminders {
    /// PENDING ones whose time has come, or SENDING ones whose claim ran out; at most `limit`.
    pub async fn list_due(
        &self,
        in_status: ReminderStatus,
        now: DateTime<Utc>,
        limit: i32,
        from: Option<DuePlace>,
    ) -> Result<DuePage, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("status-sendAt-index")
            .key_condition_expression("#status = :status AND sendAt <= :now")
            .filter_expression(match in_status {
                ReminderStatus::Sending => "leaseUntil <= :now",
                _ => "attribute_not_exists(retryAt) OR retryAt <= :now",
            })
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", status(in_status))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .limit(limit)
            .set_exclusive_start_key(from.map(|place| place.0))
            .send()
            .await
            .map_err(|error| store_error("list due reminders", error))?;
        let due = page.items.unwrap_or_default().into_iter().filter_map(due).collect();
        Ok(DuePage { due, next: page.last_evaluated_key.map(DuePlace) })
    }

    /// Takes a reminder that is due, so that nobody else sends it. How often it has been tried, this
    /// time included; `None`: somebody else has it, or it is over.
    pub async fn claim(
        &self,
        key: &ReminderKey,
        lease_owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<u32>, StoreError> {
        let claimed = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .update_expression(
                "SET #status = :sending, leaseOwner = :lease_owner, leaseUntil = :until ADD attempts :one",
            )
            .condition_expression(
                "(#status = :pending AND (attribute_not_exists(retryAt) OR retryAt <= :now)) \
                 OR (#status = :sending AND leaseUntil <= :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", status(ReminderStatus::Pending))
            .expression_attribute_values(":sending", status(ReminderStatus::Sending))
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + CLAIM)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let item = match claimed {
            Ok(answer) => answer.attributes,
            Err(error) => match error.as_service_error() {
                // Our own claim, whose answer was lost on the way and which the client tried again.
                Some(UpdateItemError::ConditionalCheckFailedException(check)) => {
                    check.item.clone().filter(|item| is_held_by(item, lease_owner))
                }
                _ => return Err(store_error("claim a reminder", error)),
            },
        };
        let attempts = |item: Item| item.get("attempts")?.as_n().ok()?.parse().ok();
        Ok(item.and_then(attempts))
    }
}

impl Tables {
    /// Writes what became of a reminder that `holder` has claimed, and what the chat's history says
    /// of it, in one. `false`: somebody else has claimed it since, and nothing was written.
    pub async fn finish_reminder(
        &self,
        key: &ReminderKey,
        lease_owner: &str,
        settled: ReminderResult<'_>,
        event: Option<(&ChatKey, &MessageEvent)>,
    ) -> Result<bool, StoreError> {
        const ACTION: &str = "settle a reminder";
        let update = settlement(self.reminders(), key, lease_owner, settled);
        let update = update.map_err(|error| StoreError::internal(ACTION, error))?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if let Some((chat, event)) = event {
            writes.push(TransactWriteItem::builder().put(self.put_event(chat, event)?).build());
        }
        // One token for all tries: a write whose answer was lost is not made twice.
        let token = Uuid::new_v4().to_string();
        let mut tried = 0;
        loop {
            let call = self.client.transact_write_items().client_request_token(&token);
            match call.set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => return Ok(true),
                Err(error) if is_transaction_conflict(&error) && another_try(tried).await => tried += 1,
                Err(error) if is_refused(&error) => return Ok(false),
                Err(error) => return Err(store_error(ACTION, error)),
            }
        }
    }
}

fn settlement(
    reminders: &Reminders,
    key: &ReminderKey,
    lease_owner: &str,
    settled: ReminderResult<'_>,
) -> Result<Update, aws_sdk_dynamodb::error::BuildError> {
    let (becomes, set, value) = match settled {
        ReminderResult::Sent => (ReminderStatus::Sent, "", None),
        ReminderResult::Failed(why) => {
            (ReminderStatus::Failed, ", errorDetails = :value", Some(AttributeValue::S(why.to_owned())))
        }
        ReminderResult::Cancelled(why) => {
            (ReminderStatus::Cancelled, ", errorDetails = :value", Some(AttributeValue::S(why.to_owned())))
        }
        ReminderResult::Later(at) => {
            (ReminderStatus::Pending, ", retryAt = :value", Some(AttributeValue::S(instant(at))))
        }
        ReminderResult::Untried => {
            let one = AttributeValue::N("1".into());
            (ReminderStatus::Pending, ", attempts = attempts - :value", Some(one))
        }
    };
    let mut update = Update::builder()
        .table_name(&reminders.table)
        .set_key(Some(key.item()))
        .update_expression(format!("SET #status = :status{set} REMOVE leaseOwner, leaseUntil"))
        .condition_expression("leaseOwner = :lease_owner")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":status", status(becomes))
        .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()));
    if let Some(value) = value {
        update = update.expression_attribute_values(":value", value);
    }
    update.build()
}

fn is_held_by(item: &Item, lease_owner: &str) -> bool {
    let owner = item.get("leaseOwner").and_then(|owner| owner.as_s().ok());
    owner.is_some_and(|owner| owner == lease_owner)
        && item.get("status") == Some(&status(ReminderStatus::Sending))
}

fn due(item: Item) -> Option<DueReminder> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let key = ReminderKey { pk: text("pk")?, sk: text("sk")? };
    Some(DueReminder { key, reminder: serde_dynamo::from_item(item).ok() })
}

fn is_refused<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let SdkError::ServiceError(service) = error else { return false };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else {
        return false;
    };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
