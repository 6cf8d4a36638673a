//! The events that a worker adds to its chat's history.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::worker::ChatWorker;
use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::PendingReply;
use crate::app::history::{OutboundMessage, add_choices, add_states, next_event_at, webhook_message};
use crate::domain::ids::ConversationId;
use crate::domain::message::{IncomingMessage, OutgoingMessage};
use crate::domain::phone::Address;
use crate::ports::whatsapp::Sent;

impl ChatWorker<'_> {
    /// A reply to send. `asks`: whether it ends with the question of the chat's state.
    pub(super) fn new_reply(&self, to: Address, message: OutgoingMessage, asks: bool) -> PendingReply {
        let queued_at = self.chats.clock.now();
        PendingReply { id: Uuid::new_v4().to_string(), to, message, queued_at, asks, unknown: None }
    }

    /// Records a reply as `QUEUED`, or as `BLOCKED` if its receiver is not an allowed phone.
    pub(super) fn record_reply(
        &mut self,
        reply: &PendingReply,
        status: EventStatus,
        states: Option<(&str, &str)>,
    ) {
        let mut event = self.reply_event(reply, |message, at| message.event(status, at));
        add_states(&mut event.metadata, states);
        if status == EventStatus::Queued {
            let OutgoingMessage { choices, first_number, .. } = &reply.message;
            add_choices(&mut event.metadata, choices, *first_number, Some(&reply.to));
        }
        self.events.push(event);
    }

    pub(super) fn record_sent(&mut self, reply: &PendingReply, sent: Sent) {
        self.record_reply_outcome(reply, |message, at| message.sent(sent, at));
    }

    pub(super) fn record_unknown(&mut self, reply: &PendingReply, reason: &str) {
        self.record_reply_outcome(reply, |message, at| message.unknown(reason, at));
    }

    pub(super) fn record_failed(&mut self, reply: &PendingReply, reason: &str) {
        self.record_reply_outcome(reply, |message, at| message.failed(reason, at));
    }

    fn record_reply_outcome(
        &mut self,
        reply: &PendingReply,
        build: impl FnOnce(&OutboundMessage<'_>, DateTime<Utc>) -> MessageEvent,
    ) {
        let event = self.reply_event(reply, build);
        self.events.push(event);
        self.has_unsaved_outcome = true;
    }

    /// Records a message that arrived in a webhook, with the chat's states before and after it.
    pub(super) fn record_webhook_message(&mut self, message: &IncomingMessage, states: Option<(&str, &str)>) {
        let (conversation_id, at) = (self.conversation_id(), self.next_event_at());
        let provider = self.chats.whatsapp.name();
        let event = webhook_message(&self.session.key, conversation_id, provider, message, states, at);
        self.events.push(event);
    }

    fn reply_event(
        &mut self,
        reply: &PendingReply,
        build: impl FnOnce(&OutboundMessage<'_>, DateTime<Utc>) -> MessageEvent,
    ) -> MessageEvent {
        let (conversation_id, at) = (self.conversation_id(), self.next_event_at());
        let message = OutboundMessage {
            chat: &self.session.key,
            conversation_id,
            message_id: reply.id.clone(),
            message_type: reply.message.message_type(),
            text: &reply.message.text,
            provider: self.chats.whatsapp.name(),
        };
        build(&message, at)
    }

    fn conversation_id(&mut self) -> ConversationId {
        *self.session.conversation_id.get_or_insert_with(|| ConversationId(Uuid::new_v4()))
    }

    /// A time later than every event that this chat's workers have recorded.
    fn next_event_at(&mut self) -> DateTime<Utc> {
        let last = &mut self.session.bookkeeping.last_event_at;
        let at = next_event_at(self.chats.clock.now(), *last);
        *last = Some(at);
        at
    }
}
