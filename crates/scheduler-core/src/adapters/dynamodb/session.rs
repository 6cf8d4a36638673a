//! The item of a chat in the sessions table (docs/rules/data.md#sessions).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
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

/// The mark of a message that was stored: 64 bits of a digest of its key.
pub(super) fn seen_mark(key: &str) -> String {
    short_sha256_hex(key)
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
    /// Marks of the messages that were finished last, a few at most, oldest first.
    pub finished: Vec<String>,
    /// Since when an earlier release has collected marks in `seen`.
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
    /// Token of the last write of a chat worker, by which a worker recognises its own.
    pub(super) save_token: Option<String>,
    /// Marks of the entries in the inbox.
    pub(super) waiting: Vec<String>,
    /// Marks that an earlier release stored here.
    pub(super) seen: Vec<String>,
    pub(super) seen_before: Vec<String>,
}

/// Finished messages that a chat itself remembers. Of these a repetition is recognised even if it is stored at the
/// moment in which they are finished; older ones are looked up.
pub(super) const MAX_FINISHED: usize = 6;

impl Bookkeeping {
    /// Remembers these messages as finished.
    pub(super) fn remember_finished(&mut self, keys: &[String]) {
        self.finished.extend(keys.iter().map(|key| seen_mark(key)));
        let surplus = self.finished.len().saturating_sub(MAX_FINISHED);
        self.finished.drain(..surplus);
    }
}

impl Session {
    /// Reads a session. A part that cannot be read is left out with a warning, so that the chat goes on.
    pub(super) fn from_item(mut item: Item) -> Result<Self, StoreError> {
        let pk = read_part::<String>(&mut item, "pk").unwrap_or_default();
        let key = ChatKey::from_pk(&pk)
            .ok_or_else(|| StoreError::internal("read a session", "its partition key is not a chat's"))?;
        let state_data: Option<Value> = read_part(&mut item, "stateData");
        let previous: Vec<Value> = read_part(&mut item, "previousStates").unwrap_or_default();
        let chat = state_data.map(|data| parse_chat(&data, &previous));
        Ok(Self {
            key,
            version: read_part(&mut item, "version").unwrap_or_default(),
            unreadable: matches!(chat, Some(None)),
            chat: chat.flatten(),
            conversation_id: read_part(&mut item, "conversationId"),
            inbox: read_inbox(&mut item),
            pending: read_list(&mut item, "pendingReplies"),
            expires_at: read_part(&mut item, "expiresAt"),
            bookkeeping: read_part(&mut item, "notes").unwrap_or_default(),
            attempts: read_part(&mut item, "attempts").unwrap_or_default(),
            moved_to: read_part(&mut item, "movedTo"),
            lease_owner: read_part(&mut item, "leaseOwner"),
            lease_until: read_part(&mut item, "leaseUntil"),
            save_token: read_part(&mut item, "saveToken"),
            waiting: read_part(&mut item, "waiting").unwrap_or_default(),
            seen: read_part(&mut item, "seen").unwrap_or_default(),
            seen_before: read_part(&mut item, "seenBefore").unwrap_or_default(),
        })
    }

    /// Whether the message with this key waits in the inbox.
    pub fn is_waiting(&self, key: &str) -> bool {
        self.inbox.iter().any(|entry| entry.key == key)
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

/// One attribute. `None` if it is missing or, with a warning, if it cannot be read.
fn read_part<T: DeserializeOwned>(item: &mut Item, name: &'static str) -> Option<T> {
    let value = item.remove(name).filter(|value| !value.is_null())?;
    serde_dynamo::from_attribute_value(value).inspect_err(|_| warn_unreadable(name)).ok()
}

/// The elements of a list that can be read.
fn read_list<T: DeserializeOwned>(item: &mut Item, name: &'static str) -> Vec<T> {
    let Some(AttributeValue::L(elements)) = item.remove(name) else { return Vec::new() };
    let read =
        |element| serde_dynamo::from_attribute_value(element).inspect_err(|_| warn_unreadable(name)).ok();
    elements.into_iter().filter_map(read).collect()
}

/// The entries of the inbox. One that cannot be read stays in its place without work, so that it is removed in
/// its turn.
fn read_inbox(item: &mut Item) -> Vec<InboxEntry> {
    let Some(AttributeValue::L(entries)) = item.remove("inbox") else { return Vec::new() };
    let read = |entry: AttributeValue| {
        let key = entry.as_m().ok().and_then(|entry| entry.get("key")?.as_s().ok().cloned());
        serde_dynamo::from_attribute_value(entry).unwrap_or_else(|_: serde_dynamo::Error| {
            warn_unreadable("inbox");
            InboxEntry { key: key.unwrap_or_default(), work: None }
        })
    };
    entries.into_iter().map(read).collect()
}

fn warn_unreadable(name: &'static str) {
    tracing::warn!(
        step = "read_session",
        attribute = name,
        "a part of a chat cannot be read and is left out"
    );
}

fn parse_or_none<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<InboxWork>, D::Error> {
    let work = Value::deserialize(from)?;
    Ok(serde_json::from_value(work).ok())
}
