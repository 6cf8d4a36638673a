//! Commits a chat worker's results: state, replies, history and lease in one transaction.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Tables;
use super::errors::{is_transaction_retryable, store_error, wait_before_retry};
use super::events::MessageEvent;
use super::lease::{LEASE_DURATION, SESSION_TTL, shard};
use super::session::{
    Bookkeeping, ChatKey, InboxEntry, Item, SESSION, Session, instant, seen_mark, state_data, to_attribute,
};
use crate::error::StoreError;

/// How long marks of an earlier release are kept. They are collected for eight days, and valid for eight more.
const OLD_MARKS_TTL: TimeDelta = TimeDelta::days(16);

/// How long the item of a lid's chat is kept after the chat moved to the phone's item.
const POINTER_TTL: TimeDelta = TimeDelta::days(90);

/// What a write does with the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseChange {
    /// The worker keeps the lease, and its time starts again.
    Keep,
    /// The worker releases the lease because no work is left. Refused if the inbox is not empty.
    Release,
    /// The worker releases the lease, and the Reconciler takes up the chat at this time or later.
    DueAt(DateTime<Utc>),
}

/// A chat that was stored under a lid, because the person's phone was not known. Now that the phone is known,
/// the chat continues in the phone's item.
#[derive(Debug, Clone)]
pub struct MovedFrom {
    /// The key of the lid's chat.
    pub key: ChatKey,
    /// Its version when it was read; `None` if there was no such chat.
    pub version: Option<u64>,
}

/// What a chat worker writes in addition to the session.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Keys of the first inbox entries, which are removed.
    pub finished_entries: &'a [String],
    /// Events to add to the history.
    pub events: &'a [MessageEvent],
    /// What the write does with the lease.
    pub lease: LeaseChange,
    /// The lid's chat that this chat continues.
    pub moved_from: Option<&'a MovedFrom>,
}

/// Result of [`Tables::save`].
#[derive(Debug)]
pub enum SaveOutcome {
    /// Written. The session's version was raised.
    Done,
    /// Not written: entries arrived since the session was read. Contains the current inbox.
    InboxNotEmpty(Vec<InboxEntry>),
    /// Not written: another worker has taken the lease.
    LeaseLost,
    /// Not written: the lid's chat is being worked on, or has changed.
    LidBusy,
}

impl Tables {
    /// Writes the session if `lease_owner` still holds the lease and the stored version is unchanged.
    pub async fn save(
        &self,
        session: &mut Session,
        lease_owner: &str,
        commit: Commit<'_>,
        now: DateTime<Utc>,
    ) -> Result<SaveOutcome, StoreError> {
        let token = Uuid::new_v4().to_string();
        let mut bookkeeping = session.bookkeeping.clone();
        bookkeeping.remember_finished(commit.finished_entries);
        let update = self.session_update(session, &bookkeeping, lease_owner, &commit, &token, now)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if let Some(from) = commit.moved_from {
            let pointer = self.pointer_update(from, &session.key, now)?;
            writes.push(TransactWriteItem::builder().update(pointer).build());
        }
        for event in commit.events {
            writes.push(TransactWriteItem::builder().put(self.put_event(&session.key, event)?).build());
        }
        for entry in commit.finished_entries.iter().filter(|key| !key.is_empty()) {
            writes.push(TransactWriteItem::builder().put(self.put_seen(&session.key, entry, now)?).build());
        }
        // All attempts share one token, so that DynamoDB does not repeat a write whose answer was lost.
        let mut retries = 0;
        loop {
            let call = self.client.transact_write_items().client_request_token(&token);
            let error = match call.set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => {
                    session.version += 1;
                    session.bookkeeping = bookkeeping;
                    return Ok(SaveOutcome::Done);
                }
                Err(error) => error,
            };
            if is_transaction_retryable(&error) && wait_before_retry(retries).await {
                retries += 1;
                continue;
            }
            return match failed_condition(&error, commit.moved_from.is_some()) {
                Some(Refusal::Session(old)) => classify_refusal(session, lease_owner, &token, old),
                Some(Refusal::Pointer) => Ok(SaveOutcome::LidBusy),
                None => Err(store_error("save a chat", error)),
            };
        }
    }

    fn session_update(
        &self,
        session: &Session,
        bookkeeping: &Bookkeeping,
        lease_owner: &str,
        commit: &Commit<'_>,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Update, StoreError> {
        let pk = session.key.pk();
        let mut set = vec![
            "version = :version",
            "pendingReplies = :pending",
            "notes = :notes",
            "saveToken = :token",
            "updatedAt = :now",
            "#ttl = :ttl",
        ];
        let mut remove = vec!["attempts".to_owned()];
        let mut condition = "leaseOwner = :lease_owner AND version = :read".to_owned();
        let mut update = Update::builder()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(pk.clone()))
            .key("sk", AttributeValue::S(SESSION.into()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":read", AttributeValue::N(session.version.to_string()))
            .expression_attribute_values(":version", AttributeValue::N((session.version + 1).to_string()))
            .expression_attribute_values(":pending", to_attribute(&session.pending)?)
            .expression_attribute_values(":notes", to_attribute(bookkeeping)?)
            .expression_attribute_values(":token", AttributeValue::S(token.to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + SESSION_TTL).timestamp().to_string()),
            );
        if let Some(chat) = &session.chat {
            set.extend([
                "currentState = :state",
                "previousStates = :previous",
                "stateData = :data",
                "silentUntil = :silent",
            ]);
            let silent = chat
                .memory
                .silent_until
                .map_or(AttributeValue::Null(true), |at| AttributeValue::S(instant(at)));
            update = update
                .expression_attribute_values(":state", AttributeValue::S(chat.state.name().to_owned()))
                .expression_attribute_values(":previous", to_attribute(&chat.previous)?)
                .expression_attribute_values(":data", to_attribute(&state_data(chat))?)
                .expression_attribute_values(":silent", silent);
        }
        if let Some(id) = session.conversation_id {
            set.push("conversationId = :conversation");
            update = update.expression_attribute_values(":conversation", AttributeValue::S(id.to_string()));
        }
        if let Some(at) = session.expires_at {
            set.push("expiresAt = :expires");
            update = update.expression_attribute_values(":expires", AttributeValue::S(instant(at)));
        }
        for (index, entry) in commit.finished_entries.iter().enumerate() {
            remove.push(format!("inbox[{index}]"));
            update = update.expression_attribute_names("#key", "key");
            if entry.is_empty() {
                // An entry whose key cannot be read.
                condition.push_str(&format!(" AND NOT attribute_type(inbox[{index}].#key, :string)"));
                update = update.expression_attribute_values(":string", AttributeValue::S("S".into()));
            } else {
                condition.push_str(&format!(" AND inbox[{index}].#key = :done{index}"));
                update = update
                    .expression_attribute_values(format!(":done{index}"), AttributeValue::S(entry.clone()));
            }
        }
        if has_old_marks(session, now) {
            remove.extend(["seen", "seenBefore"].map(str::to_owned));
        }
        match commit.lease {
            LeaseChange::Keep => {
                set.extend(["leaseUntil = :until", "dueShard = :shard", "dueAt = :until"]);
                update = update
                    .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE_DURATION)))
                    .expression_attribute_values(":shard", AttributeValue::S(shard(&pk)));
            }
            LeaseChange::Release => {
                remove.extend(
                    ["leaseOwner", "leaseUntil", "dueShard", "dueAt", "waitingSince"].map(str::to_owned),
                );
                let left = commit.finished_entries.len().to_string();
                condition.push_str(" AND (attribute_not_exists(inbox) OR size(inbox) = :left)");
                update = update.expression_attribute_values(":left", AttributeValue::N(left));
            }
            LeaseChange::DueAt(at) => {
                set.extend(["dueShard = :shard", "dueAt = :due"]);
                remove.extend(["leaseOwner", "leaseUntil"].map(str::to_owned));
                update = update
                    .expression_attribute_values(":due", AttributeValue::S(instant(at)))
                    .expression_attribute_values(":shard", AttributeValue::S(shard(&pk)));
            }
        }
        // A deferred chat has made no progress, so its attempts keep counting.
        if matches!(commit.lease, LeaseChange::DueAt(_)) && commit.finished_entries.is_empty() {
            remove.retain(|name| *name != "attempts");
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        let finished = commit.finished_entries.iter().filter(|key| !key.is_empty());
        let marks: BTreeSet<String> = finished.map(|entry| seen_mark(entry)).collect();
        if !marks.is_empty() {
            expression.push_str(" DELETE waiting :marks");
            update =
                update.expression_attribute_values(":marks", AttributeValue::Ss(marks.into_iter().collect()));
        }
        update
            .update_expression(expression)
            .condition_expression(condition)
            .build()
            .map_err(|error| StoreError::internal("save a chat", error))
    }

    /// Marks the lid's chat as moved to the phone.
    fn pointer_update(
        &self,
        from: &MovedFrom,
        to: &ChatKey,
        now: DateTime<Utc>,
    ) -> Result<Update, StoreError> {
        let condition = match from.version {
            Some(_) => {
                "version = :read AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now) \
                 AND (attribute_not_exists(inbox) OR size(inbox) = :zero)"
            }
            None => "attribute_not_exists(pk)",
        };
        let mut update = Update::builder()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(from.key.pk()))
            .key("sk", AttributeValue::S(SESSION.into()))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":to", AttributeValue::S(to.person.0.clone()))
            .expression_attribute_values(
                ":version",
                AttributeValue::N((from.version.unwrap_or_default() + 1).to_string()),
            )
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + POINTER_TTL).timestamp().to_string()),
            )
            .update_expression(
                "SET movedTo = :to, version = :version, #ttl = :ttl \
                 REMOVE pendingReplies, leaseOwner, leaseUntil, dueShard, dueAt, waitingSince",
            )
            .condition_expression(condition);
        if let Some(version) = from.version {
            update = update
                .expression_attribute_values(":read", AttributeValue::N(version.to_string()))
                .expression_attribute_values(":now", AttributeValue::S(instant(now)))
                .expression_attribute_values(":zero", AttributeValue::N("0".into()));
        }
        update.build().map_err(|error| StoreError::internal("save a chat", error))
    }
}

enum Refusal {
    Session(Option<Item>),
    Pointer,
}

/// Finds the write whose condition failed: the first write is the session, the second one the lid's chat.
fn failed_condition<R>(error: &SdkError<TransactWriteItemsError, R>, has_pointer: bool) -> Option<Refusal> {
    let SdkError::ServiceError(service) = error else { return None };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else { return None };
    let reasons = cancelled.cancellation_reasons();
    let refused =
        |index: usize| reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"));
    if let Some(reason) = refused(0) {
        return Some(Refusal::Session(reason.item.clone()));
    }
    (has_pointer && refused(1).is_some()).then_some(Refusal::Pointer)
}

fn classify_refusal(
    session: &mut Session,
    lease_owner: &str,
    token: &str,
    old: Option<Item>,
) -> Result<SaveOutcome, StoreError> {
    let Some(old) = old else { return Ok(SaveOutcome::LeaseLost) };
    let old = Session::from_item(old)?;
    if old.lease_owner.as_deref() == Some(lease_owner) && old.version == session.version {
        return Ok(SaveOutcome::InboxNotEmpty(old.inbox));
    }
    if old.save_token.as_deref() == Some(token) {
        // This is our own write; only its answer was lost.
        session.version += 1;
        return Ok(SaveOutcome::Done);
    }
    Ok(SaveOutcome::LeaseLost)
}

/// Whether the marks that an earlier release stored in the chat are older than every message that may still be
/// repeated.
fn has_old_marks(session: &Session, now: DateTime<Utc>) -> bool {
    let has_marks = !(session.seen.is_empty() && session.seen_before.is_empty());
    has_marks && session.bookkeeping.seen_since.is_none_or(|since| now - since >= OLD_MARKS_TTL)
}
