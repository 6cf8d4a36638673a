//! Due reminders: lists them, claims them, stores the result of sending them
//! (docs/rules/reminders.md#sending).

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Tables;
use super::errors::{is_transaction_retryable, store_error, wait_before_retry};
use super::events::MessageEvent;
use super::reminders::{ReminderKey, Reminders, status};
use super::session::{ChatKey, Item, instant};
use crate::domain::reminder::{Reminder, ReminderStatus};
use crate::error::StoreError;

/// How long a claim lasts: longer than the calls of one delivery may take together.
const CLAIM_DURATION: TimeDelta = TimeDelta::seconds(90);

/// How long a reminder without a complete answer waits for a proof that it was accepted, at least.
const PROOF_TIMEOUT: TimeDelta = TimeDelta::minutes(2);

/// Sends without a complete answer after which a reminder is not sent again.
pub const MAX_UNKNOWN_SENDS: u32 = 2;

/// A reminder whose `sendAt` has passed.
#[derive(Debug, Clone)]
pub struct DueReminder {
    /// The primary key.
    pub key: ReminderKey,
    /// `None` if the item cannot be parsed.
    pub reminder: Option<Reminder>,
}

/// A page of due reminders.
#[derive(Debug, Clone, Default)]
pub struct DuePage {
    /// Ordered by `sendAt`.
    pub due: Vec<DueReminder>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<DueCursor>,
}

/// A position in `status-sendAt-index`.
#[derive(Debug, Clone)]
pub struct DueCursor(Item);

/// Result of a claimed reminder.
#[derive(Debug, Clone, Copy)]
pub enum ReminderResult<'a> {
    /// The provider accepted it at this time.
    Sent(DateTime<Utc>),
    /// It was first sent at this time, and it is unknown whether the provider accepted it.
    Unknown {
        /// Time of the first send.
        sent_at: DateTime<Utc>,
        /// How often it was sent without a complete answer.
        sends: u32,
    },
    /// It will not be sent, for this reason.
    Failed(&'a str),
    /// It must not be sent any more, for this reason.
    Cancelled(&'a str),
    /// It is PENDING again, and is tried again at this time or later.
    Later(DateTime<Utc>),
    /// It is PENDING again and this attempt does not count, because the fault was not the reminder's.
    Released,
}

impl Reminders {
    /// Lists at most `limit` due reminders in one status: PENDING ones, SENDING ones whose claim expired, or
    /// UNKNOWN ones that may be sent once more.
    pub async fn list_due(
        &self,
        in_status: ReminderStatus,
        now: DateTime<Utc>,
        limit: i32,
        from: Option<DueCursor>,
    ) -> Result<DuePage, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("status-sendAt-index")
            .key_condition_expression("#status = :status AND sendAt <= :now")
            .filter_expression(match in_status {
                ReminderStatus::Sending => "leaseUntil <= :now",
                ReminderStatus::Unknown => {
                    "(attribute_not_exists(retryAt) OR retryAt <= :now) AND unknownSends < :max \
                     AND sentAt <= :unproven AND notAfter > :now"
                }
                _ => "attribute_not_exists(retryAt) OR retryAt <= :now",
            })
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", status(in_status))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .limit(limit)
            .set_exclusive_start_key(from.map(|place| place.0));
        // DynamoDB refuses values that no expression uses.
        let page = match in_status {
            ReminderStatus::Unknown => page
                .expression_attribute_values(":max", AttributeValue::N(MAX_UNKNOWN_SENDS.to_string()))
                .expression_attribute_values(":unproven", AttributeValue::S(instant(now - PROOF_TIMEOUT))),
            _ => page,
        };
        let page = page.send().await.map_err(|error| store_error("list due reminders", error))?;
        let due = page.items.unwrap_or_default().into_iter().filter_map(parse_due).collect();
        Ok(DuePage { due, next: page.last_evaluated_key.map(DueCursor) })
    }

    /// Claims a due reminder, so that no other processor sends it. Returns the number of attempts, including
    /// this one; `None` if another processor has claimed it or it needs no sending any more.
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
                 OR (#status = :unknown AND unknownSends < :max \
                     AND (attribute_not_exists(retryAt) OR retryAt <= :now)) \
                 OR (#status = :sending AND leaseUntil <= :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", status(ReminderStatus::Pending))
            .expression_attribute_values(":sending", status(ReminderStatus::Sending))
            .expression_attribute_values(":unknown", status(ReminderStatus::Unknown))
            .expression_attribute_values(":max", AttributeValue::N(MAX_UNKNOWN_SENDS.to_string()))
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + CLAIM_DURATION)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let item = match claimed {
            Ok(answer) => answer.attributes,
            Err(error) => match error.as_service_error() {
                // This may be our own claim: its answer was lost, and the SDK sent it again.
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
    /// Stores the result of a reminder that `lease_owner` has claimed, and an event of the chat's history,
    /// in one transaction. `false`: another processor has claimed it since, and nothing was written.
    pub async fn finish_reminder(
        &self,
        key: &ReminderKey,
        lease_owner: &str,
        result: ReminderResult<'_>,
        event: Option<(&ChatKey, &MessageEvent)>,
    ) -> Result<bool, StoreError> {
        const ACTION: &str = "store a reminder's result";
        let update = result_update(self.reminders(), key, lease_owner, result);
        let update = update.map_err(|error| StoreError::internal(ACTION, error))?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if let Some((chat, event)) = event {
            writes.push(TransactWriteItem::builder().put(self.put_event(chat, event)?).build());
        }
        // All attempts share one token, so that DynamoDB does not repeat a write whose answer was lost.
        let token = Uuid::new_v4().to_string();
        let mut retries = 0;
        loop {
            let call = self.client.transact_write_items().client_request_token(&token);
            match call.set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => return Ok(true),
                Err(error) if is_transaction_retryable(&error) && wait_before_retry(retries).await => {
                    retries += 1;
                }
                Err(error) if is_condition_failed(&error) => return Ok(false),
                Err(error) => return Err(store_error(ACTION, error)),
            }
        }
    }
}

fn result_update(
    reminders: &Reminders,
    key: &ReminderKey,
    lease_owner: &str,
    result: ReminderResult<'_>,
) -> Result<Update, aws_sdk_dynamodb::error::BuildError> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u32| AttributeValue::N(number.to_string());
    let (new_status, set, values) = match result {
        ReminderResult::Sent(at) => {
            (ReminderStatus::Sent, ", sentAt = :at", vec![(":at", text(&instant(at)))])
        }
        ReminderResult::Unknown { sent_at, sends } => (
            ReminderStatus::Unknown,
            ", sentAt = :at, unknownSends = :sends",
            vec![(":at", text(&instant(sent_at))), (":sends", number(sends))],
        ),
        ReminderResult::Failed(why) => {
            (ReminderStatus::Failed, ", errorDetails = :why", vec![(":why", text(why))])
        }
        ReminderResult::Cancelled(why) => {
            (ReminderStatus::Cancelled, ", errorDetails = :why", vec![(":why", text(why))])
        }
        ReminderResult::Later(at) => {
            (ReminderStatus::Pending, ", retryAt = :at", vec![(":at", text(&instant(at)))])
        }
        ReminderResult::Released => {
            (ReminderStatus::Pending, ", attempts = attempts - :one", vec![(":one", number(1))])
        }
    };
    let mut update = Update::builder()
        .table_name(&reminders.table)
        .set_key(Some(key.item()))
        .update_expression(format!("SET #status = :status{set} REMOVE leaseOwner, leaseUntil"))
        .condition_expression("leaseOwner = :lease_owner")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":status", status(new_status))
        .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()));
    for (name, value) in values {
        update = update.expression_attribute_values(name, value);
    }
    update.build()
}

fn is_held_by(item: &Item, lease_owner: &str) -> bool {
    let owner = item.get("leaseOwner").and_then(|owner| owner.as_s().ok());
    owner.is_some_and(|owner| owner == lease_owner)
        && item.get("status") == Some(&status(ReminderStatus::Sending))
}

fn parse_due(item: Item) -> Option<DueReminder> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let key = ReminderKey { pk: text("pk")?, sk: text("sk")? };
    Some(DueReminder { key, reminder: serde_dynamo::from_item(item).ok() })
}

fn is_condition_failed<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let SdkError::ServiceError(service) = error else { return false };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else {
        return false;
    };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}
