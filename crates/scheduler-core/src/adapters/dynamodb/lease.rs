//! Storing what came and taking the chat's lease, in one write (docs/adr/0001).

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, TimeDelta, Utc};

use super::Tables;
use super::errors::{another_try, is_conflict, store_error};
use super::session::{ChatKey, InboxEntry, Item, SESSION, Session, instant, value};
use crate::digest::short_sha256_hex;
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

/// How long a chat is held without a write: longer than a function may run (20 s).
pub const LEASE: TimeDelta = TimeDelta::seconds(30);

/// How long a session's item is kept after its last write, and so what was seen.
pub(super) const SESSION_KEPT: TimeDelta = TimeDelta::days(8);

/// How many partitions the index of due chats is spread over.
pub(super) const SHARDS: u32 = 4;

/// An inbox takes no more: an item holds 400 KB, and only twenty a minute are worked on.
const INBOX_FULL: &str = "60";

/// A free lease, and nothing seen under this key.
const MAY_HOLD: &str = "(attribute_not_exists(leaseUntil) OR leaseUntil <= :now)";
const NOT_SEEN: &str = "NOT contains(seen, :seen) AND NOT contains(seenBefore, :seen)";

/// What became of a message that was to be stored.
#[derive(Debug)]
pub enum StoreOutcome {
    /// It is in the inbox, and the chat is ours until the lease runs out.
    Leased(Box<Session>),
    /// It is in the inbox of a chat that somebody else is working on: they will see it.
    Held,
    /// It was stored before.
    Duplicate,
    /// The chat lives under another key now.
    Moved(MatchKey),
    /// The inbox takes no more.
    Full,
}

/// The shard of the index of due chats that an item belongs to.
pub(super) fn shard(pk: &str) -> String {
    (pk.bytes().map(u32::from).sum::<u32>() % SHARDS).to_string()
}

/// A key as `seen` holds it: 64 bits of a digest, so that the set stays small.
pub(super) fn seen_mark(key: &str) -> String {
    short_sha256_hex(key)
}

impl Tables {
    /// Stores `waiting` in the chat's inbox unless it was seen, and takes the lease for `holder`
    /// if it is free. One write where the lease is free, two where it is not.
    pub async fn store(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        lease_owner: &str,
        now: DateTime<Utc>,
    ) -> Result<StoreOutcome, StoreError> {
        // Somebody may let go of the lease between our two writes: then it is tried again.
        for _ in 0..6 {
            let old = match self.store_and_lease(key, entry, lease_owner, now).await? {
                Ok(session) => return Ok(StoreOutcome::Leased(Box::new(session))),
                Err(Refused::TooLarge) => return Ok(StoreOutcome::Full),
                Err(Refused::Was(old)) => old,
            };
            if let Some(answer) = refusal(&old, &entry.key, lease_owner) {
                return Ok(answer);
            }
            let Some(observed) = old.lease_owner.as_deref().filter(|_| !free(&old, now)) else {
                // Neither seen nor held: the inbox is full.
                return Ok(StoreOutcome::Full);
            };
            match self.store_only(key, entry, observed, now).await? {
                Ok(()) => return Ok(StoreOutcome::Held),
                Err(Refused::TooLarge) => return Ok(StoreOutcome::Full),
                Err(Refused::Was(old)) => {
                    if let Some(answer) = refusal(&old, &entry.key, lease_owner) {
                        return Ok(answer);
                    }
                    if old.lease_owner.as_deref() == Some(observed) {
                        return Ok(StoreOutcome::Full);
                    }
                }
            }
        }
        Err(StoreError::unavailable("store a message", "the chat's lease kept changing hands"))
    }

    /// Takes the lease of a chat that is due; `None` if it no longer is, or somebody else was
    /// faster.
    pub async fn take_due(
        &self,
        key: &ChatKey,
        lease_owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        let update = self
            .update(key)
            .update_expression(
                "SET leaseOwner = :lease_owner, leaseUntil = :until, dueAt = :until ADD attempts :one",
            )
            .condition_expression(format!("attribute_exists(dueAt) AND dueAt <= :now AND {MAY_HOLD}"))
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":one", AttributeValue::N("1".into()));
        match self.send_update("take up a chat", update).await? {
            Ok(session) => Ok(Some(session)),
            Err(Refused::Was(old)) if old.lease_owner.as_deref() == Some(lease_owner) => Ok(Some(*old)),
            Err(_) => Ok(None),
        }
    }

    /// A chat as it is, if there is one.
    pub async fn find_session(&self, key: &ChatKey) -> Result<Option<Session>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(key.pk()))
            .key("sk", AttributeValue::S(SESSION.into()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| store_error("read a session", error))?;
        answer.item.map(Session::from_item).transpose()
    }

    async fn store_and_lease(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        lease_owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<Session, Refused>, StoreError> {
        let update = self
            .storing(key, entry, now)?
            .update_expression(
                "SET inbox = list_append(if_not_exists(inbox, :none), :entry), \
                 version = if_not_exists(version, :zero), clinicId = :clinic, \
                 leaseOwner = :lease_owner, leaseUntil = :until, dueShard = :shard, dueAt = :until, \
                 updatedAt = :now, #ttl = :ttl ADD seen :mark",
            )
            .condition_expression(format!(
                "attribute_not_exists(movedTo) AND {MAY_HOLD} AND {NOT_SEEN} \
                 AND (attribute_not_exists(inbox) OR size(inbox) < :full)"
            ))
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE)))
            .expression_attribute_values(":shard", AttributeValue::S(shard(&key.pk())))
            .expression_attribute_values(":clinic", AttributeValue::S(key.clinic.0.clone()))
            .expression_attribute_values(":zero", AttributeValue::N("0".into()));
        self.send_update("store a message", update).await
    }

    async fn store_only(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        observed: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<(), Refused>, StoreError> {
        let update = self
            .storing(key, entry, now)?
            .update_expression(
                "SET inbox = list_append(if_not_exists(inbox, :none), :entry), updatedAt = :now, \
                 #ttl = :ttl ADD seen :mark",
            )
            .condition_expression(format!(
                "leaseOwner = :observed AND {NOT_SEEN} \
                 AND (attribute_not_exists(inbox) OR size(inbox) < :full)"
            ))
            .expression_attribute_values(":observed", AttributeValue::S(observed.to_owned()));
        Ok(self.send_update("store a message", update).await?.map(drop))
    }

    fn storing(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        now: DateTime<Utc>,
    ) -> Result<UpdateItemFluentBuilder, StoreError> {
        let mark = seen_mark(&entry.key);
        Ok(self
            .update(key)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":entry", AttributeValue::L(vec![value(entry)?]))
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":mark", AttributeValue::Ss(vec![mark.clone()]))
            .expression_attribute_values(":seen", AttributeValue::S(mark))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":full", AttributeValue::N(INBOX_FULL.into()))
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + SESSION_KEPT).timestamp().to_string()),
            ))
    }

    fn update(&self, key: &ChatKey) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(key.pk()))
            .key("sk", AttributeValue::S(SESSION.into()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// The session after the update, or as it was where a condition refused it.
    async fn send_update(
        &self,
        action: &'static str,
        update: UpdateItemFluentBuilder,
    ) -> Result<Result<Session, Refused>, StoreError> {
        let mut tried = 0;
        loop {
            let error = match update.clone().send().await {
                Ok(answer) => return Session::from_item(answer.attributes.unwrap_or_default()).map(Ok),
                Err(error) => error,
            };
            if is_conflict(&error) && another_try(tried).await {
                tried += 1;
                continue;
            }
            return refused(&error).unwrap_or_else(|| Err(store_error(action, error)));
        }
    }
}

/// Why an update was refused.
enum Refused {
    /// A condition did not hold; the session as it was.
    Was(Box<Session>),
    /// The item would be larger than DynamoDB allows.
    TooLarge,
}

fn refused<R>(error: &SdkError<UpdateItemError, R>) -> Option<Result<Result<Session, Refused>, StoreError>> {
    let SdkError::ServiceError(service) = error else { return None };
    match service.err() {
        UpdateItemError::ConditionalCheckFailedException(check) => {
            // A condition on an item that does not exist can only ask for one that does.
            let old: Item = check.item.clone()?;
            Some(Session::from_item(old).map(|old| Err(Refused::Was(Box::new(old)))))
        }
        other if other.code() == Some("ValidationException") => {
            let too_large = other.message().is_some_and(|message| message.contains("Item size"));
            too_large.then_some(Ok(Err(Refused::TooLarge)))
        }
        _ => None,
    }
}

fn refusal(old: &Session, key: &str, lease_owner: &str) -> Option<StoreOutcome> {
    if let Some(person) = &old.moved_to {
        return Some(StoreOutcome::Moved(person.clone()));
    }
    let mark = seen_mark(key);
    if old.seen.contains(&mark) || old.seen_before.contains(&mark) {
        // Our own write, whose answer was lost on the way and which the client tried again.
        if old.lease_owner.as_deref() == Some(lease_owner) {
            return Some(StoreOutcome::Leased(Box::new(old.clone())));
        }
        return Some(StoreOutcome::Duplicate);
    }
    None
}

fn free(session: &Session, now: DateTime<Utc>) -> bool {
    session.lease_until.as_deref().is_none_or(|until| until <= instant(now).as_str())
}
