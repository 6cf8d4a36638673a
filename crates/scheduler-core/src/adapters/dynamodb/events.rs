//! The append-only history of a chat's messages (contract 4.2).

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

/// How long history is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// From the patient.
    Inbound,
    /// To the patient.
    Outbound,
}

/// What became of a message, in the order of product 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventStatus {
    /// It came in.
    Received,
    /// It will go out.
    Queued,
    /// Its receiver is not among those who may be written to.
    Blocked,
    /// The provider took it.
    Sent,
    /// It is on the phone.
    Delivered,
    /// It was read.
    Read,
    /// It did not go out.
    Failed,
}

impl EventStatus {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Queued => "QUEUED",
            Self::Blocked => "BLOCKED",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
            Self::Failed => "FAILED",
        }
    }

    /// Reading a message's state takes the highest; FAILED counts only if nothing higher is there.
    pub fn rank(self) -> u8 {
        match self {
            Self::Received | Self::Queued | Self::Blocked => 0,
            Self::Failed => 1,
            Self::Sent => 2,
            Self::Delivered => 3,
            Self::Read => 4,
        }
    }
}

/// One thing that happened to one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageEvent {
    /// Ours for what goes out, the provider's for what comes in.
    pub message_id: String,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The session of the chat.
    pub conversation_id: ConversationId,
    /// The person.
    pub phone_number: MatchKey,
    /// Which way.
    pub direction: Direction,
    /// Such as `text`, `buttons`, `list`, `button_reply`, `audio`.
    pub message_type: String,
    /// The words.
    pub content: String,
    /// What happened.
    pub status: EventStatus,
    /// When, by our clock.
    #[serde(with = "milliseconds")]
    pub status_timestamp: DateTime<Utc>,
    /// Such as `zapi`.
    pub provider: String,
    /// The provider's id of an outbound message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_message_id: Option<String>,
    /// The provider's answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_response: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_details: Option<String>,
    /// `stateBefore`, `stateAfter`, `momment`, `zaapId` and the like.
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
        let ttl = (self.status_timestamp + KEPT).timestamp();
        item.insert("ttl".into(), AttributeValue::N(ttl.to_string()));
        Ok(item)
    }
}

/// A page of a chat's history.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// In the order asked for.
    pub events: Vec<MessageEvent>,
    /// Where the next page begins, if there is one.
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

    /// Adds an event on its own: what happened to a message after its turn was over.
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

    /// A page of a chat's history, at most `limit` events, newest first or oldest first.
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
        let events = serde_dynamo::from_items(page.items.unwrap_or_default())
            .map_err(|error| StoreError::internal("read a chat's history", error))?;
        Ok(EventPage { events, next })
    }
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
