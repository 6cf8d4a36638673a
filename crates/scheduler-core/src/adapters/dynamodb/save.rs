//! A holder's write of its chat: state, replies, history and lease in one transaction.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Tables;
use super::errors::{another_try, is_transaction_conflict, store_error};
use super::events::MessageEvent;
use super::lease::{LEASE, SESSION_KEPT, shard};
use super::session::{ChatKey, InboxEntry, Item, SESSION, Session, instant, state_data, value};
use crate::error::StoreError;

/// A generation of `seen` is put aside when it holds this many, or is as old as it is kept.
const SEEN_FULL: usize = 3_000;

/// How long a lid points at the phone it turned out to be.
const POINTER_KEPT: TimeDelta = TimeDelta::days(90);

/// What happens to the lease with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseChange {
    /// It is kept, and starts anew.
    Keep,
    /// It is given back and nothing is left to do: refused if the inbox isn't empty.
    Release,
    /// It is given back, and the Reconciler takes the chat up from then on.
    DueAt(DateTime<Utc>),
}

/// A lid that turned out to be a phone: its chat is continued under the phone.
#[derive(Debug, Clone)]
pub struct MovedFrom {
    /// The chat of the lid.
    pub key: ChatKey,
    /// Its version when it was read; `None` if there was no such chat.
    pub version: Option<u64>,
}

/// A holder's write.
#[derive(Debug)]
pub struct Save<'a> {
    /// The head of the inbox, if it is done with.
    pub done: Option<&'a str>,
    /// Added to the history.
    pub events: &'a [MessageEvent],
    /// What happens to the lease.
    pub lease: LeaseChange,
    /// The chat this one continues.
    pub moved_from: Option<&'a MovedFrom>,
}

/// What became of a holder's write.
#[derive(Debug)]
pub enum SaveOutcome {
    /// It is written; the session's version has grown.
    Done,
    /// Nothing is written: something came in meanwhile, here is the inbox.
    MoreCame(Vec<InboxEntry>),
    /// Nothing is written: the lease was lost.
    Lost,
    /// Nothing is written: the chat of the lid is being worked on.
    LidBusy,
}

impl Tables {
    /// Writes the session as it is in memory, if `holder` still holds it and it is as it was read.
    pub async fn save(
        &self,
        session: &mut Session,
        lease_owner: &str,
        save: Save<'_>,
        now: DateTime<Utc>,
    ) -> Result<SaveOutcome, StoreError> {
        let rotates = seen_is_full(session, now);
        if rotates || session.bookkeeping.seen_since.is_none() {
            session.bookkeeping.seen_since = Some(now);
        }
        let update = self.session_update(session, lease_owner, &save, rotates, now)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        if let Some(from) = save.moved_from {
            writes.push(TransactWriteItem::builder().update(self.pointer(from, &session.key, now)?).build());
        }
        for event in save.events {
            writes.push(TransactWriteItem::builder().put(self.put_event(&session.key, event)?).build());
        }
        // One token for all tries: a write whose answer was lost is not made twice.
        let token = Uuid::new_v4().to_string();
        let mut tried = 0;
        loop {
            let call = self.client.transact_write_items().client_request_token(&token);
            let error = match call.set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => {
                    session.version += 1;
                    if rotates {
                        session.seen_before = std::mem::take(&mut session.seen);
                    }
                    return Ok(SaveOutcome::Done);
                }
                Err(error) => error,
            };
            if is_transaction_conflict(&error) && another_try(tried).await {
                tried += 1;
                continue;
            }
            return match conditions(&error, save.moved_from.is_some()) {
                Some(Refusal::Session(old)) => classify_refusal(session, lease_owner, old),
                Some(Refusal::Pointer) => Ok(SaveOutcome::LidBusy),
                None => Err(store_error("save a chat", error)),
            };
        }
    }

    fn session_update(
        &self,
        session: &Session,
        lease_owner: &str,
        save: &Save<'_>,
        rotates: bool,
        now: DateTime<Utc>,
    ) -> Result<Update, StoreError> {
        let pk = session.key.pk();
        let mut set = vec![
            "version = :version",
            "pendingReplies = :pending",
            "notes = :notes",
            "updatedAt = :now",
            "#ttl = :ttl",
        ];
        let mut remove = vec!["attempts"];
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
            .expression_attribute_values(":pending", value(&session.pending)?)
            .expression_attribute_values(":notes", value(&session.bookkeeping)?)
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + SESSION_KEPT).timestamp().to_string()),
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
                .expression_attribute_values(":previous", value(&chat.previous)?)
                .expression_attribute_values(":data", value(&state_data(chat))?)
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
        if let Some(done) = save.done {
            remove.push("inbox[0]");
            condition.push_str(" AND inbox[0].#key = :done");
            update = update
                .expression_attribute_names("#key", "key")
                .expression_attribute_values(":done", AttributeValue::S(done.to_owned()));
        }
        if rotates {
            set.push("seenBefore = seen");
            remove.push("seen");
        }
        match save.lease {
            LeaseChange::Keep => {
                set.extend(["leaseUntil = :until", "dueShard = :shard", "dueAt = :until"]);
                update = update
                    .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE)))
                    .expression_attribute_values(":shard", AttributeValue::S(shard(&pk)));
            }
            LeaseChange::Release => {
                remove.extend(["leaseOwner", "leaseUntil", "dueShard", "dueAt"]);
                let empty = if save.done.is_some() { "1" } else { "0" };
                condition.push_str(" AND (attribute_not_exists(inbox) OR size(inbox) = :left)");
                update = update.expression_attribute_values(":left", AttributeValue::N(empty.into()));
            }
            LeaseChange::DueAt(at) => {
                set.extend(["dueShard = :shard", "dueAt = :due"]);
                remove.extend(["leaseOwner", "leaseUntil"]);
                update = update
                    .expression_attribute_values(":due", AttributeValue::S(instant(at)))
                    .expression_attribute_values(":shard", AttributeValue::S(shard(&pk)));
            }
        }
        // A chat that is put off has made no progress: its attempts go on counting.
        if matches!(save.lease, LeaseChange::DueAt(_)) && save.done.is_none() {
            remove.retain(|name| *name != "attempts");
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        update
            .update_expression(expression)
            .condition_expression(condition)
            .build()
            .map_err(|error| StoreError::internal("save a chat", error))
    }

    /// Leaves behind, under the lid, where the chat went.
    fn pointer(&self, from: &MovedFrom, to: &ChatKey, now: DateTime<Utc>) -> Result<Update, StoreError> {
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
                AttributeValue::N((now + POINTER_KEPT).timestamp().to_string()),
            )
            .update_expression(
                "SET movedTo = :to, version = :version, #ttl = :ttl \
                 REMOVE pendingReplies, leaseOwner, leaseUntil, dueShard, dueAt",
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

/// Which condition refused the transaction: the session's, which comes first, or the lid's.
fn conditions<R>(error: &SdkError<TransactWriteItemsError, R>, moves: bool) -> Option<Refusal> {
    let SdkError::ServiceError(service) = error else { return None };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else { return None };
    let reasons = cancelled.cancellation_reasons();
    let refused =
        |index: usize| reasons.get(index).filter(|reason| reason.code() == Some("ConditionalCheckFailed"));
    if let Some(reason) = refused(0) {
        return Some(Refusal::Session(reason.item.clone()));
    }
    (moves && refused(1).is_some()).then_some(Refusal::Pointer)
}

fn classify_refusal(
    session: &mut Session,
    lease_owner: &str,
    old: Option<Item>,
) -> Result<SaveOutcome, StoreError> {
    let Some(old) = old else { return Ok(SaveOutcome::Lost) };
    let old = Session::from_item(old)?;
    let ours = old.lease_owner.as_deref() == Some(lease_owner);
    if ours && old.version == session.version {
        return Ok(SaveOutcome::MoreCame(old.inbox));
    }
    if old.version == session.version + 1 && (ours || old.lease_owner.is_none()) {
        // Our own write, whose answer was lost on the way.
        session.version += 1;
        return Ok(SaveOutcome::Done);
    }
    Ok(SaveOutcome::Lost)
}

/// What was seen is remembered for eight days at least, or for the last three thousand messages of
/// a chat that has more.
fn seen_is_full(session: &Session, now: DateTime<Utc>) -> bool {
    let old = session.bookkeeping.seen_since.is_some_and(|since| now - since >= SESSION_KEPT);
    !session.seen.is_empty() && (old || session.seen.len() >= SEEN_FULL)
}
