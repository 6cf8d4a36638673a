//! Settles messages of which it is unknown whether the provider accepted them, by the provider's webhooks
//! about them (docs/rules/reliability.md#ambiguous-sends).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::reminders::ReminderKey;
use crate::adapters::dynamodb::session::{AcceptanceProof, ChatKey, InboxEntry, InboxWork, text_fingerprint};
use crate::app::chats::Chats;
use crate::app::converse::receive::WebhookOutcome;
use crate::app::history::{REMINDER_SEND_AT, keep_shared_metadata, next_event_at, stored_message};
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::ReminderId;
use crate::error::StoreError;
use crate::ports::whatsapp::Echo;

/// Number of newest events that are searched for an unsettled message.
const SEARCH_LIMIT: i32 = 25;

/// A message in the history that has no outcome yet, or the outcome `UNKNOWN`.
#[derive(Debug, Clone)]
pub(super) struct UnsettledMessage {
    /// Its newest event.
    pub(super) newest: MessageEvent,
    fingerprints: Vec<String>,
}

/// What the history says about sending a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sends {
    /// Whether the provider accepted it.
    pub(super) was_accepted: bool,
    /// Whether the last send ended with a refusal.
    pub(super) has_failed: bool,
    /// When it was last about to be sent.
    pub(super) last_queued_at: Option<DateTime<Utc>>,
}

impl UnsettledMessage {
    /// Whether a text with this fingerprint is this message.
    pub(super) fn has_fingerprint(&self, fingerprint: &str) -> bool {
        self.fingerprints.iter().any(|own| own == fingerprint)
    }

    /// Whether the message was sent without a complete answer.
    pub(super) fn is_unknown(&self) -> bool {
        self.newest.status == EventStatus::Unknown
    }
}

impl Chats {
    /// Handles the echo of a message that was sent through the provider. Nearly always its id is known, and
    /// one read is enough.
    pub(super) async fn receive_echo(
        &self,
        echo: Echo,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<WebhookOutcome, StoreError> {
        const KNOWN: WebhookOutcome = WebhookOutcome::Ignored("echo of our own message");
        let Some(person) = echo.address.match_key() else {
            return Ok(WebhookOutcome::Ignored("not a chat with a person"));
        };
        let mut key = ChatKey { clinic: profile.clinic.id.clone(), person };
        let mut session = self.tables.find_session(&key).await?;
        if let Some(person) = session.as_ref().and_then(|session| session.moved_to.clone()) {
            key.person = person;
            session = self.tables.find_session(&key).await?;
        }
        let id = &echo.provider_message_id;
        let fingerprint = echo.text.as_deref().map(text_fingerprint);
        if let Some(session) = &session {
            if session.bookkeeping.recent_messages.iter().any(|sent| sent.id == *id) {
                return Ok(KNOWN);
            }
            let is_pending = session.pending.iter().any(|reply| match &fingerprint {
                Some(fingerprint) => reply.has_fingerprint(fingerprint),
                None => reply.unknown.is_some(),
            });
            if is_pending {
                let entry = proof_entry(id, None, fingerprint);
                return self.store_and_work(key, entry, None, profile, deadline).await;
            }
        }
        let settled = self.settle_in_history(&key, id, fingerprint.as_deref()).await?;
        Ok(if settled { WebhookOutcome::Stored } else { KNOWN })
    }

    /// Settles the only unknown message of a chat by a delivery callback, which has no text. Returns `false` and
    /// settles nothing unless exactly one message is unknown.
    pub(super) async fn settle_only_unknown(
        &self,
        key: &ChatKey,
        provider_message_id: &str,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let (session, unsettled) =
            tokio::join!(self.tables.find_session(key), self.list_unsettled(key, provider_message_id));
        let (session, unsettled) = (session?, unsettled?.unwrap_or_default());
        let pending = session.map(|session| session.pending).unwrap_or_default();
        let mut unknown = unsettled.iter().filter(|message| message.is_unknown());
        let message_id = match (unknown.next(), unknown.next()) {
            (Some(only), None) => Some(only.newest.message_id.clone()),
            // The reply may be on its way at this moment. The chat's worker decides once its outcome is known.
            (None, _) if !pending.is_empty() => None,
            _ => return Ok(false),
        };
        let is_pending = |id: &String| pending.iter().any(|reply| reply.id == *id);
        match message_id {
            Some(id) if !is_pending(&id) => {
                self.settle_in_history_by(key, provider_message_id, |message| message.newest.message_id == id)
                    .await
            }
            message_id => {
                let is_known = message_id.is_some();
                let entry = proof_entry(provider_message_id, message_id, None);
                self.store_and_work(key.clone(), entry, None, profile, deadline).await?;
                Ok(is_known)
            }
        }
    }

    /// Records in the history that the provider accepted the oldest unsettled message with this text, or the
    /// only unknown one if there is no text. `false` if there is no such message.
    pub(super) async fn settle_in_history(
        &self,
        key: &ChatKey,
        provider_message_id: &str,
        fingerprint: Option<&str>,
    ) -> Result<bool, StoreError> {
        match fingerprint {
            Some(fingerprint) => {
                self.settle_in_history_by(key, provider_message_id, |message| {
                    message.has_fingerprint(fingerprint)
                })
                .await
            }
            None => {
                let unsettled = self.list_unsettled(key, provider_message_id).await?.unwrap_or_default();
                let mut unknown = unsettled.into_iter().filter(UnsettledMessage::is_unknown);
                match (unknown.next(), unknown.next()) {
                    (Some(only), None) => self.settle(key, only.newest, provider_message_id).await,
                    _ => Ok(false),
                }
            }
        }
    }

    async fn settle_in_history_by(
        &self,
        key: &ChatKey,
        provider_message_id: &str,
        is_meant: impl Fn(&UnsettledMessage) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let unsettled = self.list_unsettled(key, provider_message_id).await?.unwrap_or_default();
        match unsettled.into_iter().find(is_meant) {
            Some(message) => self.settle(key, message.newest, provider_message_id).await,
            None => Ok(false),
        }
    }

    async fn settle(
        &self,
        key: &ChatKey,
        newest: MessageEvent,
        provider_message_id: &str,
    ) -> Result<bool, StoreError> {
        let at = next_event_at(self.clock.now(), Some(newest.status_timestamp));
        let reminder = reminder_key(&newest);
        let mut event = MessageEvent {
            status: EventStatus::Sent,
            status_timestamp: at,
            provider_message_id: Some(provider_message_id.to_owned()),
            error_details: None,
            ..newest
        };
        keep_shared_metadata(&mut event);
        self.tables.append_event(key, &event).await?;
        if let Some(reminder) = reminder {
            self.tables.reminders().settle(&reminder).await?;
        }
        Ok(true)
    }

    /// Whether the history says that the provider accepted a message.
    pub(super) async fn was_accepted(&self, key: &ChatKey, message_id: &str) -> Result<bool, StoreError> {
        Ok(self.list_sends(key, message_id).await?.was_accepted)
    }

    /// What the history says about sending a message.
    pub(super) async fn list_sends(&self, key: &ChatKey, message_id: &str) -> Result<Sends, StoreError> {
        let events = self.tables.list_events(key, true, SEARCH_LIMIT, None).await?.events;
        let mut events = events.iter().filter(|event| event.message_id == message_id);
        let has_failed = events.clone().next().is_some_and(|event| event.status == EventStatus::Failed);
        let was_accepted = events.clone().any(|event| event.status.rank() >= EventStatus::Sent.rank());
        let queued = events.find(|event| event.status == EventStatus::Queued);
        Ok(Sends { was_accepted, has_failed, last_queued_at: queued.map(|event| event.status_timestamp) })
    }

    /// The unsettled messages of the chat, oldest first. `None` if the provider's id is in the history.
    async fn list_unsettled(
        &self,
        key: &ChatKey,
        provider_message_id: &str,
    ) -> Result<Option<Vec<UnsettledMessage>>, StoreError> {
        let page = self.tables.list_events(key, true, SEARCH_LIMIT, None).await?;
        let is_known =
            |event: &MessageEvent| event.provider_message_id.as_deref() == Some(provider_message_id);
        Ok((!page.events.iter().any(is_known)).then(|| unsettled_messages(&page.events)))
    }
}

/// The unsettled messages among `events`, which are ordered from the newest to the oldest. The result starts
/// with the oldest.
pub(super) fn unsettled_messages(events: &[MessageEvent]) -> Vec<UnsettledMessage> {
    let mut messages: Vec<UnsettledMessage> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for newest in events.iter().filter(|event| event.direction == Direction::Outbound) {
        if seen.contains(&newest.message_id.as_str()) {
            continue;
        }
        seen.push(&newest.message_id);
        let history = || events.iter().filter(|event| event.message_id == newest.message_id);
        let is_open =
            history().all(|event| matches!(event.status, EventStatus::Queued | EventStatus::Unknown));
        if is_open {
            let written = history().find_map(stored_message);
            let texts =
                written.map_or_else(|| vec![newest.content.clone()], |message| message.texts().into());
            let fingerprints = texts.iter().map(|text| text_fingerprint(text)).collect();
            messages.push(UnsettledMessage { newest: newest.clone(), fingerprints });
        }
    }
    messages.reverse();
    messages
}

/// The key of the reminder that an event is about, if it is about one.
fn reminder_key(event: &MessageEvent) -> Option<ReminderKey> {
    let send_at = event.metadata.get(REMINDER_SEND_AT)?.as_str()?.parse().ok()?;
    Some(ReminderKey::new(ReminderId(event.message_id.parse().ok()?), send_at))
}

fn proof_entry(provider_id: &str, message_id: Option<String>, fingerprint: Option<String>) -> InboxEntry {
    let proof = AcceptanceProof { provider_message_id: provider_id.to_owned(), message_id, fingerprint };
    InboxEntry { key: format!("{provider_id}#accepted"), work: Some(InboxWork::Accepted { proof }) }
}
