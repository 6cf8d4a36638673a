//! Recognises messages from the clinic's phone that nobody typed: echoes (webhooks about messages that we
//! sent) and automatic messages (docs/rules/conversation.md#hand-over-to-a-person).

use chrono::TimeDelta;

use super::send_replies::fingerprint;
use super::worker::ChatWorker;
use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
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
    /// Whether the message is the echo of a recent reply of this chat.
    pub(super) fn is_reply_echo(&self, message: &IncomingMessage) -> bool {
        let sent = &self.session.bookkeeping.recent_messages;
        sent.iter().any(|reply| reply.id == message.message_id)
    }

    /// Whether the message is the echo of one that was sent outside the chat's turns, for example a reminder
    /// or a message through `/send`. Such messages are found only in the history.
    pub(super) async fn is_history_echo(&self, message: &IncomingMessage) -> Result<bool, StoreError> {
        let page = self.chats.tables.list_events(&self.session.key, true, ECHO_SEARCH_LIMIT, None).await?;
        let text = match &message.content {
            Content::Text { text } => Some(text.trim()),
            Content::Pressed { .. } | Content::Unreadable { .. } => None,
        };
        let is_echoed = |event: &MessageEvent| {
            let same_id = event.provider_message_id.as_ref() == Some(&message.message_id);
            let same_recent_text = event.status == EventStatus::Queued
                && Some(event.content.trim()) == text
                && message.received_at - event.status_timestamp < MAX_ECHO_DELAY;
            let typed_by_staff = event.metadata.contains_key("author");
            event.direction == Direction::Outbound && !typed_by_staff && (same_id || same_recent_text)
        };
        Ok(page.events.iter().any(is_echoed))
    }

    /// Whether the message repeats one of our texts under another id, or was sent automatically by
    /// WhatsApp Business.
    pub(super) fn is_automatic(&self, message: &IncomingMessage) -> bool {
        let echo = match &message.content {
            Content::Text { text } => {
                let fingerprint = fingerprint(text);
                self.session.bookkeeping.recent_messages.iter().any(|sent| sent.fingerprint == fingerprint)
            }
            Content::Pressed { .. } | Content::Unreadable { .. } => false,
        };
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
