//! The append-only history of a chat's messages (docs/rules/data.md#message-events).

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Tables;
use super::errors::store_error;
use super::session::{ChatKey, Item, instant};
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

/// How long an event is kept.
const EVENT_TTL: TimeDelta = TimeDelta::days(90);

/// Direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// From the patient to the clinic.
    Inbound,
    /// From the bot or from staff to the patient.
    Outbound,
}

/// What happened to a message (docs/rules/data.md#message-status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventStatus {
    /// It arrived from the patient.
    Received,
    /// It is recorded and not sent yet.
    Queued,
    /// It is not sent, because the receiver is not in `ALLOWED_PHONES`.
    Blocked,
    /// It was sent, and it is unknown whether the provider accepted it.
    Unknown,
    /// The provider accepted it.
    Sent,
    /// It reached the receiver's phone.
    Delivered,
    /// The receiver read it.
    Read,
    /// It could not be sent or delivered.
    Failed,
}

impl EventStatus {
    /// The name under which it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Queued => "QUEUED",
            Self::Blocked => "BLOCKED",
            Self::Unknown => "UNKNOWN",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
            Self::Failed => "FAILED",
        }
    }

    /// Rank of the status: a message's status is the one with the highest rank in its history.
    pub fn rank(self) -> u8 {
        match self {
            Self::Received | Self::Queued | Self::Blocked => 0,
            Self::Unknown => 1,
            Self::Failed => 2,
            Self::Sent => 3,
            Self::Delivered => 4,
            Self::Read => 5,
        }
    }
}

/// One event of one message. Events are never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are attributes, see docs/rules/data.md#message-events")]
pub struct MessageEvent {
    /// Our id for an outbound message, the provider's for an inbound one.
    pub message_id: String,
    pub clinic_id: ClinicId,
    pub conversation_id: ConversationId,
    pub phone_number: MatchKey,
    pub direction: Direction,
    /// Such as `text`, `buttons`, `list`, `button_reply`, `audio`.
    pub message_type: String,
    pub content: String,
    pub status: EventStatus,
    /// Time of the event by the product's clock, in milliseconds.
    #[serde(with = "milliseconds")]
    pub status_timestamp: DateTime<Utc>,
    /// Such as `zapi`.
    pub provider: String,
    /// The provider's id of an outbound message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_response: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_details: Option<String>,
    /// `stateBefore`, `stateAfter`, `momment`, `zaapId` and others.
    #[serde(default)]
    pub metadata: serde_json::Map<String, Value>,
}

impl MessageEvent {
    pub(super) fn item(&self, key: &ChatKey) -> Result<Item, StoreError> {
        let mut item: Item =
            serde_dynamo::to_item(self).map_err(|error| StoreError::internal("write an event", error))?;
        let at = instant(self.status_timestamp);
        let sk = format!("EVENT#{at}#{}#{}", self.message_id, self.status.as_str());
        item.insert("pk".into(), AttributeValue::S(key.pk()));
        item.insert("sk".into(), AttributeValue::S(sk));
        let ttl = (self.status_timestamp + EVENT_TTL).timestamp();
        item.insert("ttl".into(), AttributeValue::N(ttl.to_string()));
        Ok(item)
    }
}

/// A page of a chat's history.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// In the requested order.
    pub events: Vec<MessageEvent>,
    /// Sort key from which the next page continues; `None` on the last page.
    pub next: Option<String>,
}

impl Tables {
    pub(super) fn put_event(&self, key: &ChatKey, event: &MessageEvent) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.events)
            .set_item(Some(event.item(key)?))
            .build()
            .map_err(|error| StoreError::internal("write an event", error))
    }

    /// Adds an event outside a commit, for example when the status of a sent message changes.
    pub async fn append_event(&self, key: &ChatKey, event: &MessageEvent) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.events)
            .set_item(Some(event.item(key)?))
            .send()
            .await
            .map_err(|error| store_error("append an event", error))?;
        Ok(())
    }

    /// Reads at most `limit` events of a chat. `from` is [`EventPage::next`] of the page before.
    pub async fn list_events(
        &self,
        key: &ChatKey,
        newest_first: bool,
        limit: i32,
        from: Option<&str>,
    ) -> Result<EventPage, StoreError> {
        let pk = key.pk();
        let start = from.map(|sk| {
            Item::from([
                ("pk".to_owned(), AttributeValue::S(pk.clone())),
                ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
            ])
        });
        let page = self
            .client
            .query()
            .table_name(&self.events)
            .key_condition_expression("pk = :pk and begins_with(sk, :event)")
            .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
            .expression_attribute_values(":event", AttributeValue::S("EVENT#".into()))
            .scan_index_forward(!newest_first)
            .consistent_read(true)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| store_error("read a chat's history", error))?;
        let next = page.last_evaluated_key.as_ref().and_then(|key| key.get("sk")?.as_s().ok().cloned());
        let events = page.items.unwrap_or_default().into_iter().filter_map(read_event).collect();
        Ok(EventPage { events, next })
    }
}

/// An event. One that cannot be read is left out with a warning.
fn read_event(item: Item) -> Option<MessageEvent> {
    let read = serde_dynamo::from_item(item);
    read.inspect_err(|_| tracing::warn!(step = "read_event", "an event cannot be read and is left out")).ok()
}

mod milliseconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::instant(*at))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(from)
    }
}
