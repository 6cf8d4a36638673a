//! Stores a message and takes the chat's lease in one write (docs/adr/0001-one-chat-one-worker.md).

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, TimeDelta, Utc};

use super::Tables;
use super::errors::{is_conflict, store_error, wait_before_retry};
use super::repair::wrong_attributes;
use super::session::{ChatKey, InboxEntry, Item, SESSION, Session, instant, seen_mark, to_attribute};
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

/// How long a lease lasts after the worker's last write: longer than a worker may take between two writes.
pub const LEASE_DURATION: TimeDelta = TimeDelta::seconds(30);

/// How long an item of the sessions table is kept after its last write.
pub(super) const SESSION_TTL: TimeDelta = TimeDelta::days(8);

/// Number of partitions over which `due-work-index` is spread.
pub(super) const SHARDS: u32 = 4;

/// Maximum entries of an inbox: an item holds 400 KB, and only 20 messages a minute are worked on.
const MAX_INBOX_ENTRIES: &str = "60";

/// Condition: the lease is free.
const LEASE_FREE: &str = "(attribute_not_exists(leaseUntil) OR leaseUntil <= :now)";
/// Condition: no message with this key waits in the inbox or was finished just now. An earlier release marked
/// all messages in `seen` and `seenBefore`.
const NOT_SEEN: &str = "NOT contains(waiting, :seen) AND NOT contains(notes.finished, :seen) \
     AND NOT contains(seen, :seen) AND NOT contains(seenBefore, :seen)";

/// Result of [`Tables::store_message`].
#[derive(Debug)]
pub enum StoreOutcome {
    /// Stored, and the caller holds the lease of this session.
    StoredAndLeased(Box<Session>),
    /// Stored. Another worker holds the lease and will work on it.
    Stored,
    /// Not stored: it was stored before.
    Duplicate,
    /// Not stored: the chat continues under this phone.
    Moved(MatchKey),
    /// Not stored: the inbox is full.
    Full,
}

/// The shard of `due-work-index` to which an item belongs.
pub(super) fn shard(pk: &str) -> String {
    (pk.bytes().map(u32::from).sum::<u32>() % SHARDS).to_string()
}

impl Tables {
    /// Stores `entry` in the chat's inbox unless its key was seen before, and takes the lease for
    /// `lease_owner` if it is free. Needs one write if the lease is free, two if it is not.
    pub async fn store_message(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        lease_owner: &str,
        now: DateTime<Utc>,
    ) -> Result<StoreOutcome, StoreError> {
        // If the lease is released between the two writes, both are tried again.
        for _ in 0..6 {
            let old = match self.store_and_lease(key, entry, lease_owner, now).await? {
                Ok(session) => return Ok(StoreOutcome::StoredAndLeased(Box::new(session))),
                Err(Refused::TooLarge) => return Ok(StoreOutcome::Full),
                // The item was deleted meanwhile, so the next try creates it.
                Err(Refused::Missing) => continue,
                Err(Refused::Invalid(error)) => {
                    self.repair_or(key, error).await?;
                    continue;
                }
                Err(Refused::ConditionFailed(old)) => old,
            };
            if let Some(answer) = moved_or_seen(&old, &entry.key, lease_owner) {
                return Ok(answer);
            }
            let Some(observed) = old.lease_owner.as_deref().filter(|_| !lease_is_free(&old, now)) else {
                // Not seen and not leased: the condition on the size of the inbox has failed, or on an attribute
                // of the wrong type.
                if self.repair_session(key).await? {
                    continue;
                }
                return Ok(StoreOutcome::Full);
            };
            match self.store_only(key, entry, observed, now).await? {
                Ok(()) => return Ok(StoreOutcome::Stored),
                Err(Refused::TooLarge) => return Ok(StoreOutcome::Full),
                Err(Refused::Missing) => {}
                Err(Refused::Invalid(error)) => self.repair_or(key, error).await?,
                Err(Refused::ConditionFailed(old)) => {
                    if let Some(answer) = moved_or_seen(&old, &entry.key, lease_owner) {
                        return Ok(answer);
                    }
                    if old.lease_owner.as_deref() == Some(observed) {
                        return Ok(StoreOutcome::Full);
                    }
                }
            }
        }
        Err(StoreError::unavailable("store a message", "the owner of the chat's lease changed too often"))
    }

    /// Takes the lease of a chat that is due. `None` if it is no longer due or another worker was faster.
    pub async fn claim_due_chat(
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
            .condition_expression(format!("attribute_exists(dueAt) AND dueAt <= :now AND {LEASE_FREE}"))
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE_DURATION)))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":one", AttributeValue::N("1".into()));
        let mut outcome = self.send_update("lease a due chat", update.clone()).await?;
        if let Err(Refused::Invalid(error)) = outcome {
            self.repair_or(key, error).await?;
            outcome = self.send_update("lease a due chat", update).await?;
        }
        match outcome {
            Ok(session) => Ok(Some(session)),
            Err(Refused::Invalid(error)) => Err(error),
            Err(Refused::ConditionFailed(old)) if old.lease_owner.as_deref() == Some(lease_owner) => {
                Ok(Some(*old))
            }
            Err(Refused::ConditionFailed(_) | Refused::Missing | Refused::TooLarge) => Ok(None),
        }
    }

    /// Repairs a chat's item if it has attributes of the wrong type. Otherwise returns `error`.
    async fn repair_or(&self, key: &ChatKey, error: StoreError) -> Result<(), StoreError> {
        if self.repair_session(key).await? { Ok(()) } else { Err(error) }
    }

    /// Reads a chat's session, if there is one.
    pub async fn find_session(&self, key: &ChatKey) -> Result<Option<Session>, StoreError> {
        self.find_session_item(key).await?.map(Session::from_item).transpose()
    }

    pub(super) async fn find_session_item(&self, key: &ChatKey) -> Result<Option<Item>, StoreError> {
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
        Ok(answer.item)
    }

    async fn store_and_lease(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        lease_owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<Session, Refused>, StoreError> {
        let update = self
            .store_update(key, entry, now)?
            .update_expression(
                "SET inbox = list_append(if_not_exists(inbox, :none), :entry), \
                 version = if_not_exists(version, :zero), clinicId = :clinic, \
                 leaseOwner = :lease_owner, leaseUntil = :until, dueShard = :shard, dueAt = :until, \
                 waitingSince = if_not_exists(waitingSince, :now), updatedAt = :now, #ttl = :ttl \
                 ADD waiting :mark",
            )
            .condition_expression(format!(
                "attribute_not_exists(movedTo) AND {LEASE_FREE} AND {NOT_SEEN} \
                 AND (attribute_not_exists(inbox) OR size(inbox) < :full)"
            ))
            .expression_attribute_values(":lease_owner", AttributeValue::S(lease_owner.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(instant(now + LEASE_DURATION)))
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
            .store_update(key, entry, now)?
            .update_expression(
                "SET inbox = list_append(if_not_exists(inbox, :none), :entry), updatedAt = :now, \
                 #ttl = :ttl ADD waiting :mark",
            )
            .condition_expression(format!(
                "leaseOwner = :observed AND {NOT_SEEN} \
                 AND (attribute_not_exists(inbox) OR size(inbox) < :full)"
            ))
            .expression_attribute_values(":observed", AttributeValue::S(observed.to_owned()));
        Ok(self.send_update("store a message", update).await?.map(drop))
    }

    fn store_update(
        &self,
        key: &ChatKey,
        entry: &InboxEntry,
        now: DateTime<Utc>,
    ) -> Result<UpdateItemFluentBuilder, StoreError> {
        let mark = seen_mark(&entry.key);
        Ok(self
            .update(key)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":entry", AttributeValue::L(vec![to_attribute(entry)?]))
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":mark", AttributeValue::Ss(vec![mark.clone()]))
            .expression_attribute_values(":seen", AttributeValue::S(mark))
            .expression_attribute_values(":now", AttributeValue::S(instant(now)))
            .expression_attribute_values(":full", AttributeValue::N(MAX_INBOX_ENTRIES.into()))
            .expression_attribute_values(
                ":ttl",
                AttributeValue::N((now + SESSION_TTL).timestamp().to_string()),
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

    /// Sends an update. Returns the updated session, or why DynamoDB refused the update.
    async fn send_update(
        &self,
        action: &'static str,
        update: UpdateItemFluentBuilder,
    ) -> Result<Result<Session, Refused>, StoreError> {
        let mut retries = 0;
        loop {
            let error = match update.clone().send().await {
                Ok(answer) => {
                    let item = answer.attributes.unwrap_or_default();
                    let wrong = wrong_attributes(&item);
                    let session = Session::from_item(item)?;
                    if wrong.is_empty() {
                        return Ok(Ok(session));
                    }
                    // The update was applied; the worker's own writes would not be.
                    self.repair_session(&session.key).await?;
                    let repaired = self.find_session(&session.key).await?;
                    return Ok(Ok(repaired.unwrap_or(session)));
                }
                Err(error) => error,
            };
            if is_conflict(&error) && wait_before_retry(retries).await {
                retries += 1;
                continue;
            }
            if let Some(refusal) = parse_refusal(&error) {
                return refusal;
            }
            let is_invalid = error.code() == Some("ValidationException");
            let error = store_error(action, error);
            return if is_invalid { Ok(Err(Refused::Invalid(error))) } else { Err(error) };
        }
    }
}

/// Why an update was refused.
enum Refused {
    /// A condition failed. Contains the session, which is unchanged.
    ConditionFailed(Box<Session>),
    /// A condition failed because the chat has no item any more.
    Missing,
    /// The item would be larger than DynamoDB allows.
    TooLarge,
    /// DynamoDB cannot apply the update, for example because an attribute has another type.
    Invalid(StoreError),
}

fn parse_refusal<R>(
    error: &SdkError<UpdateItemError, R>,
) -> Option<Result<Result<Session, Refused>, StoreError>> {
    let SdkError::ServiceError(service) = error else { return None };
    match service.err() {
        UpdateItemError::ConditionalCheckFailedException(check) => {
            let Some(old): Option<Item> = check.item.clone() else { return Some(Ok(Err(Refused::Missing))) };
            Some(Session::from_item(old).map(|old| Err(Refused::ConditionFailed(Box::new(old)))))
        }
        other if other.code() == Some("ValidationException") => {
            let too_large = other.message().is_some_and(|message| message.contains("Item size"));
            too_large.then_some(Ok(Err(Refused::TooLarge)))
        }
        _ => None,
    }
}

fn moved_or_seen(old: &Session, key: &str, lease_owner: &str) -> Option<StoreOutcome> {
    if let Some(person) = &old.moved_to {
        return Some(StoreOutcome::Moved(person.clone()));
    }
    let mark = seen_mark(key);
    let seen = [&old.waiting, &old.bookkeeping.finished, &old.seen, &old.seen_before];
    if seen.iter().any(|marks| marks.contains(&mark)) {
        // This is our own write: its answer was lost, and the SDK sent it again.
        if old.lease_owner.as_deref() == Some(lease_owner) {
            return Some(StoreOutcome::StoredAndLeased(Box::new(old.clone())));
        }
        return Some(StoreOutcome::Duplicate);
    }
    None
}

fn lease_is_free(session: &Session, now: DateTime<Utc>) -> bool {
    session.lease_until.as_deref().is_none_or(|until| until <= instant(now).as_str())
}
