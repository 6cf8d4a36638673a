//! Recognises messages from the clinic's phone that nobody typed: echoes (webhooks about messages that we
//! sent) and automatic messages (docs/rules/conversation.md#hand-over-to-a-person).

use chrono::TimeDelta;

use super::worker::ChatWorker;
use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::{AcceptanceProof, text_fingerprint};
use crate::app::settle::unsettled_messages;
use crate::domain::message::{Content, IncomingMessage};
use crate::error::StoreError;

/// A message from the clinic's phone this soon after the patient's is an automatic greeting or away
/// message of WhatsApp Business.
const MAX_AUTOMATIC_DELAY: TimeDelta = TimeDelta::seconds(10);
/// Number of newest events searched for the message that an echo repeats.
const ECHO_SEARCH_LIMIT: i32 = 25;
/// Longest time between sending a message and its echo.
const MAX_ECHO_DELAY: TimeDelta = TimeDelta::minutes(2);

impl ChatWorker<'_> {
    /// Whether the message is the echo of a reply of this chat. The echo of an unknown reply settles it.
    pub(super) fn is_reply_echo(&mut self, message: &IncomingMessage) -> bool {
        let sent = &self.session.bookkeeping.recent_messages;
        if sent.iter().any(|reply| reply.id == message.message_id) {
            return true;
        }
        let Some(fingerprint) = fingerprint(message) else { return false };
        let unknown = self.session.pending.iter().filter(|reply| reply.unknown.is_some());
        let is_echo = unknown.into_iter().any(|reply| reply.has_fingerprint(&fingerprint));
        if is_echo {
            self.apply_proof(&AcceptanceProof {
                provider_message_id: message.message_id.clone(),
                message_id: None,
                fingerprint: Some(fingerprint),
            });
        }
        is_echo
    }

    /// Whether the message is the echo of one that was sent outside the chat's turns, for example a reminder
    /// or a message through `/send`. Such messages are found only in the history.
    pub(super) async fn is_history_echo(&self, message: &IncomingMessage) -> Result<bool, StoreError> {
        let page = self.chats.tables.list_events(&self.session.key, true, ECHO_SEARCH_LIMIT, None).await?;
        let id = &message.message_id;
        if page.events.iter().any(|event| is_ours(event) && event.provider_message_id.as_ref() == Some(id)) {
            return Ok(true);
        }
        let Some(fingerprint) = fingerprint(message) else { return Ok(false) };
        let unknown = unsettled_messages(&page.events);
        if unknown.iter().any(|unsettled| unsettled.is_unknown() && unsettled.has_fingerprint(&fingerprint)) {
            return self.chats.settle_in_history(&self.session.key, id, Some(&fingerprint)).await;
        }
        let is_echoed = |event: &MessageEvent| {
            is_ours(event)
                && event.status == EventStatus::Queued
                && text_fingerprint(&event.content) == fingerprint
                && message.received_at - event.status_timestamp < MAX_ECHO_DELAY
        };
        Ok(page.events.iter().any(is_echoed))
    }

    /// Whether the message repeats one of our texts under another id, or was sent automatically by
    /// WhatsApp Business.
    pub(super) fn is_automatic(&self, message: &IncomingMessage) -> bool {
        let recent = &self.session.bookkeeping.recent_messages;
        let echo = fingerprint(message)
            .is_some_and(|fingerprint| recent.iter().any(|sent| sent.fingerprint == fingerprint));
        let last_message_at = self.session.bookkeeping.last_message_at;
        let greeting = last_message_at.is_some_and(|at| {
            let after = message.received_at - at;
            after >= TimeDelta::zero() && after < MAX_AUTOMATIC_DELAY
        });
        // `#bot`, after which the bot answers again, is always typed by a person.
        let command =
            matches!(&message.content, Content::Text { text } if text.trim().eq_ignore_ascii_case("#bot"));
        echo || (greeting && !command)
    }
}

/// Whether an event is about a message that the product sent.
fn is_ours(event: &MessageEvent) -> bool {
    event.direction == Direction::Outbound && !event.metadata.contains_key("author")
}

fn fingerprint(message: &IncomingMessage) -> Option<String> {
    match &message.content {
        Content::Text { text } => Some(text_fingerprint(text)),
        Content::Pressed { .. } | Content::Unreadable { .. } => None,
    }
}
