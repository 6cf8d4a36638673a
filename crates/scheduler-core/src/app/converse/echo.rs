//! Which messages of the clinic's own phone no person typed.

use chrono::TimeDelta;

use super::send_replies::fingerprint;
use super::worker::ChatWorker;
use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::domain::message::{Content, IncomingMessage};
use crate::error::StoreError;

/// A message from the clinic's phone that comes this soon after the patient's is WhatsApp
/// Business' automatic greeting or away message.
const AUTOMATIC: TimeDelta = TimeDelta::seconds(10);
/// Events of the history among which an echo's message is looked for.
const LATELY: i32 = 25;
/// An echo comes no later than this.
const ECHO: TimeDelta = TimeDelta::minutes(2);

impl ChatWorker<'_> {
    /// Whether it is the echo of a reply of the chat.
    pub(super) fn is_ours(&self, message: &IncomingMessage) -> bool {
        let sent = &self.session.bookkeeping.sent;
        sent.iter().any(|note| note.id == message.message_id)
    }

    /// Whether it is the echo of a message that reception sent through `/send`: that goes out beside
    /// the chat's turns, so that only the history knows of it.
    pub(super) async fn was_sent_directly(&self, message: &IncomingMessage) -> Result<bool, StoreError> {
        let page = self.chats.tables.list_events(&self.session.key, true, LATELY, None).await?;
        let text = match &message.content {
            Content::Text { text } => Some(text.trim()),
            Content::Pressed { .. } | Content::Unreadable { .. } => None,
        };
        let is_it = |event: &MessageEvent| {
            let same_id = event.provider_message_id.as_ref() == Some(&message.message_id);
            let just_said = event.status == EventStatus::Queued
                && Some(event.content.trim()) == text
                && message.received_at - event.status_timestamp < ECHO;
            let typed = event.metadata.contains_key("author");
            event.direction == Direction::Outbound && !typed && (same_id || just_said)
        };
        Ok(page.events.iter().any(is_it))
    }

    /// Whether it is our own words under another id, or the greeting that WhatsApp Business sends by
    /// itself.
    pub(super) fn is_automatic(&self, message: &IncomingMessage) -> bool {
        let echo = match &message.content {
            Content::Text { text } => {
                let fingerprint = fingerprint(text);
                self.session.bookkeeping.sent.iter().any(|sent| sent.fingerprint == fingerprint)
            }
            Content::Pressed { .. } | Content::Unreadable { .. } => false,
        };
        let heard = self.session.bookkeeping.heard_at;
        let greeting = heard.is_some_and(|at| {
            let after = message.received_at - at;
            after >= TimeDelta::zero() && after < AUTOMATIC
        });
        // The word that ends the silence is always a person's.
        let command =
            matches!(&message.content, Content::Text { text } if text.trim().eq_ignore_ascii_case("#bot"));
        echo || (greeting && !command)
    }
}
