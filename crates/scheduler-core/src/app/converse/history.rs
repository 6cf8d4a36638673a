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
    pub(super) fn new_reply(&self, to: Address, message: OutgoingMessage) -> PendingReply {
        PendingReply { id: Uuid::new_v4().to_string(), to, message, queued_at: self.chats.clock.now() }
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
        let event = self.reply_event(reply, |message, at| message.sent(sent, at));
        self.events.push(event);
    }

    pub(super) fn record_failed(&mut self, reply: &PendingReply, reason: &str) {
        let event = self.reply_event(reply, |message, at| message.failed(reason, at));
        self.events.push(event);
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
