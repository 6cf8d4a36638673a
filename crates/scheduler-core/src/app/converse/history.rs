//! What a turn leaves in the chat's history.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::holder::Holder;
use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::PendingReply;
use crate::domain::message::{Author, Content, IncomingMessage, OutgoingMessage};
use crate::domain::phone::Address;

impl Holder<'_> {
    pub(super) fn new_reply(&self, to: Address, message: OutgoingMessage) -> PendingReply {
        PendingReply { id: Uuid::new_v4().to_string(), to, message, queued_at: self.chats.clock.now() }
    }

    /// Something that became of a message of ours. `states`: before and after its turn.
    pub(super) fn outbound(
        &mut self,
        reply: &PendingReply,
        status: EventStatus,
        states: Option<(&str, &str)>,
    ) -> MessageEvent {
        let mut metadata = Map::new();
        with_states(&mut metadata, states);
        let message = &reply.message;
        if status == EventStatus::Queued && !message.choices.is_empty() {
            metadata.insert("choices".into(), json!(message.choices));
            metadata.insert("firstNumber".into(), json!(message.first_number));
            metadata.insert("to".into(), json!(reply.to));
        }
        let kind = match message.choices.len() {
            0 => "text",
            1..=3 => "buttons",
            _ => "list",
        };
        MessageEvent {
            message_id: reply.id.clone(),
            clinic_id: self.session.key.clinic.clone(),
            conversation_id: self.conversation_id(),
            phone_number: self.session.key.person.clone(),
            direction: Direction::Outbound,
            message_type: kind.to_owned(),
            content: message.text.clone(),
            status,
            status_timestamp: self.next_event_at(),
            provider: self.chats.whatsapp.name().to_owned(),
            provider_message_id: None,
            provider_response: None,
            error_details: None,
            metadata,
        }
    }

    /// A message that came in, written once, with the turn it caused.
    pub(super) fn inbound(
        &mut self,
        message: &IncomingMessage,
        states: Option<(&str, &str)>,
    ) -> MessageEvent {
        let (kind, content) = match &message.content {
            Content::Text { text } => ("text", text.as_str()),
            Content::Pressed { label, .. } => ("button_reply", label.as_str()),
            Content::Unreadable { what } => (what.as_str(), ""),
        };
        let mut metadata = Map::new();
        with_states(&mut metadata, states);
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
        // What staff typed went out from the clinic's phone: it was sent, not received.
        let (direction, status) = match message.author {
            Author::Staff => (Direction::Outbound, EventStatus::Sent),
            Author::Patient | Author::Record => (Direction::Inbound, EventStatus::Received),
        };
        if message.author == Author::Staff {
            metadata.insert("author".into(), json!("staff"));
        }
        MessageEvent {
            message_id: message.message_id.clone(),
            clinic_id: self.session.key.clinic.clone(),
            conversation_id: self.conversation_id(),
            phone_number: self.session.key.person.clone(),
            direction,
            message_type: kind.to_owned(),
            content: content.to_owned(),
            status,
            status_timestamp: self.next_event_at(),
            provider: self.chats.whatsapp.name().to_owned(),
            provider_message_id: Some(message.message_id.clone()),
            provider_response: None,
            error_details: None,
            metadata,
        }
    }
}

fn with_states(metadata: &mut Map<String, Value>, states: Option<(&str, &str)>) {
    if let Some((before, after)) = states {
        metadata.insert("stateBefore".into(), before.into());
        metadata.insert("stateAfter".into(), after.into());
    }
}
