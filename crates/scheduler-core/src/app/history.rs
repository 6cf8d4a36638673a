//! Builds events of the message history (docs/rules/data.md#message-events).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::ChatKey;
use crate::app::chats::Chats;
use crate::domain::date_limits::is_accepted;
use crate::domain::ids::ConversationId;
use crate::domain::message::{Author, Choice, Content, IncomingMessage, MessageType, OutgoingMessage};
use crate::domain::phone::Address;
use crate::domain::time::later;
use crate::error::StoreError;
use crate::ports::whatsapp::Sent;

/// Name of the metadata that holds the `sendAt` of a reminder.
pub(super) const REMINDER_SEND_AT: &str = "reminderSendAt";

/// Time of a chat's next event: `now`, but at least one millisecond after the chat's last event. Times are
/// cut to milliseconds, as they are stored, so that no two events of a chat share one. A stored time outside
/// the accepted dates (docs/rules/data.md#dates) does not count: no event could follow it.
pub(super) fn next_event_at(now: DateTime<Utc>, last: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let truncate = |at: DateTime<Utc>| DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at);
    let now = truncate(now);
    let last = last.filter(|last| is_accepted(last.date_naive()));
    last.map_or(now, |last| now.max(later(truncate(last), TimeDelta::milliseconds(1))))
}

/// The values that all events of one message share.
#[derive(Debug, Clone)]
pub(super) struct OutboundMessage<'a> {
    pub(super) chat: &'a ChatKey,
    pub(super) conversation_id: ConversationId,
    /// Our id of the message, not the provider's.
    pub(super) message_id: String,
    pub(super) message_type: MessageType,
    pub(super) text: &'a str,
    pub(super) provider: &'static str,
}

impl OutboundMessage<'_> {
    /// An event with this status.
    pub(super) fn event(&self, status: EventStatus, at: DateTime<Utc>) -> MessageEvent {
        MessageEvent {
            message_id: self.message_id.clone(),
            clinic_id: self.chat.clinic.clone(),
            conversation_id: self.conversation_id,
            phone_number: self.chat.person.clone(),
            direction: Direction::Outbound,
            message_type: self.message_type.as_str().to_owned(),
            content: self.text.to_owned(),
            status,
            status_timestamp: at,
            provider: self.provider.to_owned(),
            provider_message_id: None,
            provider_response: None,
            error_details: None,
            metadata: Map::new(),
        }
    }

    /// The event of a message that the provider accepted.
    pub(super) fn sent(&self, sent: Sent, at: DateTime<Utc>) -> MessageEvent {
        let mut event = self.event(EventStatus::Sent, at);
        event.provider_message_id = Some(sent.provider_message_id);
        event.provider_response = Some(sent.response).filter(|response| !response.is_null());
        if let Some(id) = sent.queue_id {
            event.metadata.insert("zaapId".into(), id.into());
        }
        if sent.as_numbered_text {
            event.metadata.insert("asNumberedText".into(), true.into());
        }
        event
    }

    /// The event of a message of which it is unknown whether the provider accepted it.
    pub(super) fn unknown(&self, reason: &str, at: DateTime<Utc>) -> MessageEvent {
        MessageEvent { error_details: Some(reason.to_owned()), ..self.event(EventStatus::Unknown, at) }
    }

    /// The event of a message that will not reach its receiver.
    pub(super) fn failed(&self, reason: &str, at: DateTime<Utc>) -> MessageEvent {
        MessageEvent { error_details: Some(reason.to_owned()), ..self.event(EventStatus::Failed, at) }
    }
}

/// The event of a message that arrived in a webhook, with the chat's states before and after it. A message
/// that staff typed on the clinic's phone arrives too; its event is outbound and `SENT`.
pub(super) fn webhook_message(
    chat: &ChatKey,
    conversation_id: ConversationId,
    provider: &'static str,
    message: &IncomingMessage,
    states: Option<(&str, &str)>,
    at: DateTime<Utc>,
) -> MessageEvent {
    let (message_type, content) = match &message.content {
        Content::Text { text } => ("text", text.as_str()),
        Content::Pressed { label, .. } => ("button_reply", label.as_str()),
        Content::Unreadable { what } => (what.as_str(), ""),
    };
    let mut metadata = Map::new();
    add_states(&mut metadata, states);
    metadata.insert("eventKind".into(), json!(message.event_kind));
    metadata.insert("receivedAt".into(), json!(message.received_at));
    if let Content::Pressed { id, .. } = &message.content {
        metadata.insert("optionId".into(), json!(id));
    }
    if let Some(at) = message.sent_at {
        metadata.insert("momment".into(), json!(at.timestamp_millis()));
    }
    if let Some(id) = &message.reference_message_id {
        metadata.insert("referenceMessageId".into(), json!(id));
    }
    let (direction, status) = match message.author {
        Author::Staff => (Direction::Outbound, EventStatus::Sent),
        Author::Patient | Author::RecordOnly => (Direction::Inbound, EventStatus::Received),
    };
    if message.author == Author::Staff {
        metadata.insert("author".into(), json!("staff"));
    }
    MessageEvent {
        message_id: message.message_id.clone(),
        clinic_id: chat.clinic.clone(),
        conversation_id,
        phone_number: chat.person.clone(),
        direction,
        message_type: message_type.to_owned(),
        content: content.to_owned(),
        status,
        status_timestamp: at,
        provider: provider.to_owned(),
        provider_message_id: Some(message.message_id.clone()),
        provider_response: None,
        error_details: None,
        metadata,
    }
}

/// Adds the chat's states before and after a message.
pub(super) fn add_states(metadata: &mut Map<String, Value>, states: Option<(&str, &str)>) {
    if let Some((before, after)) = states {
        metadata.insert("stateBefore".into(), before.into());
        metadata.insert("stateAfter".into(), after.into());
    }
}

/// Adds what is needed to send a message again as numbered text if its buttons are refused later.
pub(super) fn add_choices(
    metadata: &mut Map<String, Value>,
    choices: &[Choice],
    first_number: usize,
    to: Option<&Address>,
) {
    if !choices.is_empty() {
        metadata.insert("choices".into(), json!(choices));
        metadata.insert("firstNumber".into(), json!(first_number));
        metadata.insert("to".into(), json!(to));
    }
}

/// The metadata that every event of a message has; the rest belongs to one event.
pub(super) fn keep_shared_metadata(event: &mut MessageEvent) {
    const SHARED: [&str; 4] = ["stateBefore", "stateAfter", "zaapId", REMINDER_SEND_AT];
    event.metadata.retain(|name, _| SHARED.contains(&name.as_str()));
}

/// The message as it was written, from its `QUEUED` event; `None` if it has no choices or is another event.
pub(super) fn stored_message(event: &MessageEvent) -> Option<OutgoingMessage> {
    let choices = event.metadata.get("choices")?.clone();
    let first_number = event.metadata.get("firstNumber").and_then(Value::as_u64).unwrap_or(1);
    Some(OutgoingMessage {
        text: event.content.clone(),
        choices: serde_json::from_value(choices).ok()?,
        first_number: usize::try_from(first_number).unwrap_or(1),
    })
}

/// Builds the events of one message that is sent without a `ChatWorker`. Each event is later than the one
/// before.
pub(super) struct MessageHistory<'a> {
    pub(super) chats: &'a Chats,
    pub(super) message: OutboundMessage<'a>,
    /// Time of the chat's last event.
    pub(super) last_at: Option<DateTime<Utc>>,
}

impl MessageHistory<'_> {
    /// Builds the next event.
    pub(super) fn event(
        &mut self,
        build: impl FnOnce(&OutboundMessage<'_>, DateTime<Utc>) -> MessageEvent,
    ) -> MessageEvent {
        let at = next_event_at(self.chats.clock.now(), self.last_at);
        self.last_at = Some(at);
        build(&self.message, at)
    }

    /// Appends an event to the chat's history.
    pub(super) async fn append(&self, event: &MessageEvent) -> Result<(), StoreError> {
        self.chats.tables.append_event(self.message.chat, event).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_events_of_a_chat_share_a_time() {
        let start = "2026-02-16T12:00:00Z".parse::<DateTime<Utc>>().expect("an instant");
        let at = |micros: i64| start + TimeDelta::microseconds(micros);
        assert_eq!(next_event_at(at(5_700), None), at(5_000));
        assert_eq!(next_event_at(at(5_700), Some(at(4_900))), at(5_000));
        assert_eq!(next_event_at(at(5_700), Some(at(5_000))), at(6_000));
        assert_eq!(next_event_at(at(5_700), Some(at(9_000))), at(10_000));
        for beyond in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
            assert_eq!(next_event_at(at(5_700), Some(beyond)), at(5_000), "{beyond}");
        }
    }
}
