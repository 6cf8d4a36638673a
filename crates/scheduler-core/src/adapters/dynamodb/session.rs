//! The item of a chat in the sessions table (docs/rules/data.md#sessions).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::machine::state::{Chat, Memory, State};
use crate::digest::short_sha256_hex;
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::message::{IncomingMessage, OutgoingMessage};
use crate::domain::phone::{Address, MatchKey};
use crate::error::StoreError;

/// A DynamoDB item: its attributes by name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The sort key of every session.
pub(super) const SESSION: &str = "SESSION";

/// Identifies a chat: one person of one clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names explain themselves")]
pub struct ChatKey {
    pub clinic: ClinicId,
    pub person: MatchKey,
}

impl ChatKey {
    /// The partition key of the chat's session and of its message events.
    pub fn pk(&self) -> String {
        format!("CLINIC#{}#PHONE#{}", self.clinic, self.person)
    }

    /// Parses a partition key. `None` if it is not the key of a chat.
    pub(super) fn from_pk(pk: &str) -> Option<Self> {
        let (clinic, person) = pk.strip_prefix("CLINIC#")?.split_once("#PHONE#")?;
        Some(Self { clinic: ClinicId(clinic.to_owned()), person: MatchKey(person.to_owned()) })
    }
}

/// Work that waits in a chat's inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum InboxWork {
    /// An incoming message.
    Message {
        /// The parsed message.
        message: Box<IncomingMessage>,
    },
    /// A message to send: a notice of a change, or a prompt as text after its buttons were refused.
    #[serde(rename = "say")]
    SendMessage {
        /// The receiver.
        to: Address,
        /// The message, without choices.
        message: OutgoingMessage,
    },
    /// Proof that the provider accepted a message of which this was unknown.
    Accepted {
        /// The proof.
        proof: AcceptanceProof,
    },
}

/// The provider's proof, in an echo or a delivery callback, that it accepted a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptanceProof {
    /// The provider's id of the message.
    pub provider_message_id: String,
    /// Our id of the message, if the history tells which one it is.
    pub message_id: Option<String>,
    /// Fingerprint of the message's text, if the proof contains the text.
    pub fingerprint: Option<String>,
}

/// An entry of the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// Deduplication key: of several entries with the same key only one is worked on.
    pub key: String,
    /// `None` if another release wrote work that this release cannot read.
    #[serde(deserialize_with = "parse_or_none", default)]
    pub work: Option<InboxWork>,
}

/// A reply that was committed and has not been marked as sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingReply {
    /// Our id of the message, not the provider's.
    pub id: String,
    /// The receiver: the address from which the patient wrote.
    pub to: Address,
    /// The message to send.
    pub message: OutgoingMessage,
    /// Time of the commit. A reply that is not sent two hours later is dropped.
    pub queued_at: DateTime<Utc>,
    /// Whether it answers a message of the patient, so that it ends with the question of the chat's state.
    #[serde(default)]
    pub asks: bool,
    /// Set if it was sent and it is unknown whether the provider accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<UnknownSend>,
}

impl PendingReply {
    /// Whether a text with this fingerprint is this message.
    pub fn has_fingerprint(&self, fingerprint: &str) -> bool {
        self.message.texts().iter().any(|text| text_fingerprint(text) == fingerprint)
    }
}

/// A reply that was sent without a complete answer of the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnknownSend {
    /// When it was sent.
    pub since: DateTime<Utc>,
    /// Whether it was sent a second time. It is never sent a third time.
    pub repeated: bool,
}

/// Fingerprint of a sent text. The echo of the text has the same one.
pub fn text_fingerprint(text: &str) -> String {
    short_sha256_hex(text.trim())
}

/// A recently sent message, kept to recognise its echo: the provider's webhook about our own message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentMessage {
    /// The provider's id.
    pub id: String,
    /// Fingerprint of the message's text.
    #[serde(rename = "digest")]
    pub fingerprint: String,
}

/// A patient's address as last stored in PostgreSQL, so that it is not stored again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownAddress {
    /// The address from which the patient wrote.
    pub address: Address,
    /// WhatsApp's stable id of the chat, such as `123@lid`.
    pub chat_lid: Option<String>,
}

/// A lid whose chat item says that the chat continues under the phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LidPointer {
    /// The person of the lid's chat.
    pub lid: MatchKey,
    /// When the item was last written.
    pub written_at: DateTime<Utc>,
}

impl LidPointer {
    /// Whether it leads from this lid.
    pub fn leads_from(&self, lid: &MatchKey) -> bool {
        self.lid == *lid
    }

    /// Whether the item should be written again, because DynamoDB deletes it after 90 days.
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        now - self.written_at > TimeDelta::days(30)
    }
}

/// What the chat worker remembers in addition to the conversation. Stored as `notes`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Bookkeeping {
    /// Start of the minute in which messages are counted.
    #[serde(rename = "minute")]
    pub minute_start: Option<DateTime<Utc>>,
    /// Number of the patient's messages in that minute.
    #[serde(rename = "inMinute")]
    pub messages_in_minute: u32,
    /// When the patient last wrote.
    #[serde(rename = "heardAt")]
    pub last_message_at: Option<DateTime<Utc>>,
    /// The last messages that were sent, at most ten.
    #[serde(rename = "sent")]
    pub recent_messages: Vec<RecentMessage>,
    /// The address that PostgreSQL holds; `None` before it is stored there.
    #[serde(rename = "known")]
    pub known_address: Option<KnownAddress>,
    /// WhatsApp's id of the chat of whoever wrote last; `None` if no message had one.
    pub sender_lid: Option<String>,
    /// The lid whose chat leads to this one, once that is stored.
    pub lid_pointer: Option<LidPointer>,
    /// Key of the inbox entry that failed and for which the patient got an apology.
    pub apologised_for: Option<String>,
    /// When the provider accepted the question of the chat's state. If that is unknown, when the question was
    /// written.
    pub asked_at: Option<DateTime<Utc>>,
    /// Start of the current generation of `seen`.
    pub seen_since: Option<DateTime<Utc>>,
    /// Time of the chat's last event. The next event gets a later time.
    pub last_event_at: Option<DateTime<Utc>>,
}

/// A chat as it is stored.
#[derive(Debug, Clone)]
pub struct Session {
    /// Clinic and person.
    pub key: ChatKey,
    /// Rises with every write of a chat worker.
    pub version: u64,
    /// The conversation; `None` if there is none yet or if the stored state cannot be parsed.
    pub chat: Option<Chat>,
    /// Whether there is a stored state that cannot be parsed.
    pub unreadable: bool,
    /// Id of the conversation in `chat`.
    pub conversation_id: Option<ConversationId>,
    /// Waiting entries, oldest first.
    pub inbox: Vec<InboxEntry>,
    /// Committed replies that are not marked as sent, in the order of sending.
    pub pending: Vec<PendingReply>,
    /// When the conversation ends, unless another message is processed before.
    pub expires_at: Option<DateTime<Utc>>,
    /// Data that the chat worker keeps between two runs.
    pub bookkeeping: Bookkeeping,
    /// How often the Reconciler has taken up the chat since it last made progress.
    pub attempts: u32,
    /// The phone under which the chat continues; set only on the chat of a lid.
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
            .ok_or_else(|| StoreError::internal("read a session", "its partition key is not a chat's"))?;
        let chat = stored.state_data.as_ref().map(|data| parse_chat(data, &stored.previous_states));
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

    /// Whether nothing waits in the chat and nobody holds its lease.
    pub fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.inbox.is_empty()
            && self.pending.is_empty()
            && self.lease_until.as_deref().is_none_or(|until| until <= instant(now).as_str())
    }
}

/// Formats an instant as keys and indexes hold it: RFC 3339 in UTC with milliseconds and `Z`.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn parse_chat(data: &Value, previous: &[Value]) -> Option<Chat> {
    let state: State = serde_json::from_value(data.get("state")?.clone()).ok()?;
    let memory: Memory = serde_json::from_value(data.get("memory")?.clone()).ok()?;
    // A previous state that cannot be parsed is left out: "voltar" skips it.
    let previous = previous.iter().filter_map(|state| serde_json::from_value(state.clone()).ok()).collect();
    Some(Chat { state, previous, memory })
}

pub(super) fn state_data(chat: &Chat) -> Value {
    json!({ "state": chat.state, "memory": chat.memory })
}

pub(super) fn to_attribute(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::internal("write an item", error))
}

fn parse_or_none<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<InboxWork>, D::Error> {
    let work = Value::deserialize(from)?;
    Ok(serde_json::from_value(work).ok())
}
