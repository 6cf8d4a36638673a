//! What the sessions table holds of one chat (contract 4.1), read and written whole.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::machine::state::{Chat, Memory, State};
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::message::{IncomingMessage, OutgoingMessage};
use crate::domain::phone::{Address, MatchKey};
use crate::error::StoreError;

/// An item as DynamoDB has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The sort key of every session.
pub(super) const SESSION: &str = "SESSION";

/// Which chat: a person of a clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatKey {
    /// The clinic.
    pub clinic: ClinicId,
    /// The person.
    pub person: MatchKey,
}

impl ChatKey {
    /// The partition key of session and history alike.
    pub fn pk(&self) -> String {
        format!("CLINIC#{}#PHONE#{}", self.clinic, self.person)
    }

    /// Reads a partition key back.
    pub(super) fn from_pk(pk: &str) -> Option<Self> {
        let (clinic, person) = pk.strip_prefix("CLINIC#")?.split_once("#PHONE#")?;
        Some(Self { clinic: ClinicId(clinic.to_owned()), person: MatchKey(person.to_owned()) })
    }
}

/// Something that waits in a chat's inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum InboxWork {
    /// A message to be read.
    Message {
        /// As it came.
        message: Box<IncomingMessage>,
    },
    /// Something to be said: a prompt whose buttons were refused, as text, or the news of a change.
    Say {
        /// To whom.
        to: Address,
        /// What, without choices.
        message: OutgoingMessage,
    },
}

/// An entry of the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// Under which it is worked on once.
    pub key: String,
    /// What it is; `None` if a newer or older release wrote what this one cannot read.
    #[serde(deserialize_with = "lenient", default)]
    pub work: Option<InboxWork>,
}

/// A reply that was committed and has not been marked as sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingReply {
    /// Our id of the message.
    pub id: String,
    /// Where it goes: exactly what wrote.
    pub to: Address,
    /// What it says.
    pub message: OutgoingMessage,
    /// When it was committed: two hours later it is dropped.
    pub queued_at: DateTime<Utc>,
}

/// A message that went out lately, to know its echo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentMessage {
    /// The provider's id.
    pub id: String,
    /// Fingerprint of its text.
    #[serde(rename = "digest")]
    pub fingerprint: String,
}

/// Where a person writes from, as far as the patients' table was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownAddress {
    /// The address.
    pub address: Address,
    /// WhatsApp's stable id.
    pub chat_lid: Option<String>,
}

/// What the runner of a chat remembers beside the conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Bookkeeping {
    /// Start of the minute in which messages are counted.
    pub minute: Option<DateTime<Utc>>,
    /// Messages of the patient in that minute.
    pub in_minute: u32,
    /// When the patient last wrote.
    pub heard_at: Option<DateTime<Utc>>,
    /// What went out last, at most ten.
    pub sent: Vec<RecentMessage>,
    /// Where the person writes from, once the patients' table knows it.
    pub known: Option<KnownAddress>,
    /// The inbox entry for whose trouble the patient was asked for patience.
    pub apologised_for: Option<String>,
    /// Since when `seen` is filled.
    pub seen_since: Option<DateTime<Utc>>,
    /// The time of the last event in the chat's history: the next one is later.
    pub last_event_at: Option<DateTime<Utc>>,
}

/// A chat as it is stored.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose.
    pub key: ChatKey,
    /// Grows with every write of a holder.
    pub version: u64,
    /// Where the conversation stands; `None` if there is none yet, or none that can be read.
    pub chat: Option<Chat>,
    /// A stored state was there and could not be read.
    pub unreadable: bool,
    /// The session of the chat that `chat` belongs to.
    pub conversation_id: Option<ConversationId>,
    /// What waits, oldest first.
    pub inbox: Vec<InboxEntry>,
    /// What has to go out, in order.
    pub pending: Vec<PendingReply>,
    /// When the session ends by silence.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the runner remembers.
    pub bookkeeping: Bookkeeping,
    /// How often a Reconciler has taken the chat up since its last progress.
    pub attempts: u32,
    /// Where the chat lives now, if a lid turned out to be a phone.
    pub moved_to: Option<MatchKey>,
    pub(super) lease_owner: Option<String>,
    pub(super) lease_until: Option<String>,
    pub(super) seen: Vec<String>,
    pub(super) seen_before: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionItem {
    pk: String,
    #[serde(default)]
    version: u64,
    state_data: Option<Value>,
    #[serde(default)]
    previous_states: Vec<Value>,
    conversation_id: Option<ConversationId>,
    #[serde(default)]
    inbox: Vec<InboxEntry>,
    #[serde(default)]
    pending_replies: Vec<PendingReply>,
    expires_at: Option<DateTime<Utc>>,
    #[serde(default)]
    #[serde(rename = "notes")]
    bookkeeping: Bookkeeping,
    #[serde(default)]
    attempts: u32,
    moved_to: Option<MatchKey>,
    lease_owner: Option<String>,
    lease_until: Option<String>,
    #[serde(default)]
    seen: Vec<String>,
    #[serde(default)]
    seen_before: Vec<String>,
}

impl Session {
    pub(super) fn from_item(item: Item) -> Result<Self, StoreError> {
        let stored: SessionItem =
            serde_dynamo::from_item(item).map_err(|error| StoreError::internal("read a session", error))?;
        let key = ChatKey::from_pk(&stored.pk)
            .ok_or_else(|| StoreError::internal("read a session", "not the key of a chat"))?;
        let chat = stored.state_data.as_ref().map(|data| chat_from(data, &stored.previous_states));
        Ok(Self {
            key,
            version: stored.version,
            unreadable: matches!(chat, Some(None)),
            chat: chat.flatten(),
            conversation_id: stored.conversation_id,
            inbox: stored.inbox,
            pending: stored.pending_replies,
            expires_at: stored.expires_at,
            bookkeeping: stored.bookkeeping,
            attempts: stored.attempts,
            moved_to: stored.moved_to,
            lease_owner: stored.lease_owner,
            lease_until: stored.lease_until,
            seen: stored.seen,
            seen_before: stored.seen_before,
        })
    }

    /// Whether nobody works on the chat and nothing waits in it.
    pub fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.inbox.is_empty()
            && self.pending.is_empty()
            && self.lease_until.as_deref().is_none_or(|until| until <= instant(now).as_str())
    }
}

/// An instant as keys and indexes hold it: RFC 3339 UTC with milliseconds and `Z`.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn chat_from(data: &Value, previous: &[Value]) -> Option<Chat> {
    let state: State = serde_json::from_value(data.get("state")?.clone()).ok()?;
    let memory: Memory = serde_json::from_value(data.get("memory")?.clone()).ok()?;
    // A state before that no longer parses is only a step back that is not offered.
    let previous = previous.iter().filter_map(|state| serde_json::from_value(state.clone()).ok()).collect();
    Some(Chat { state, previous, memory })
}

pub(super) fn state_data(chat: &Chat) -> Value {
    json!({ "state": chat.state, "memory": chat.memory })
}

pub(super) fn value(of: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(of).map_err(|error| StoreError::internal("write an item", error))
}

fn lenient<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<InboxWork>, D::Error> {
    let work = Value::deserialize(from)?;
    Ok(serde_json::from_value(work).ok())
}
