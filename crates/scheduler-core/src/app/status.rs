//! Records the delivery status of messages that we sent (docs/rules/data.md#message-status).

use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork};
use crate::app::chats::Chats;
use crate::app::converse::receive::WebhookOutcome;
use crate::app::history::{keep_shared_metadata, next_event_at, stored_message};
use crate::call_stats;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::OutgoingMessage;
use crate::domain::phone::Address;
use crate::error::StoreError;
use crate::ports::whatsapp::{DeliveryStatus, StatusUpdate};

/// Events per query.
const PAGE: i32 = 100;
/// Pages searched before a message counts as unknown. A status arrives minutes after its message, not weeks.
const MAX_PAGES: usize = 5;

impl Chats {
    /// Adds a status to the history of the messages it names. A late or repeated status adds nothing.
    pub(super) async fn record_status(
        &self,
        update: StatusUpdate,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<WebhookOutcome, StoreError> {
        let Some(person) = update.address.match_key() else {
            return Ok(WebhookOutcome::Ignored("not a chat with a person"));
        };
        let mut key = ChatKey { clinic: profile.clinic.id.clone(), person };
        if key.person.0.contains('@')
            && let Some(person) = self.tables.find_session(&key).await?.and_then(|session| session.moved_to)
        {
            key.person = person;
        }
        let (mut events_read, mut found) = self.find_messages(&key, &update.provider_message_ids).await?;
        if found.is_empty()
            && update.proves_sending
            && let Some(id) = update.provider_message_ids.first()
            && self.settle_only_unknown(&key, id, profile, deadline).await?
        {
            (events_read, found) = self.find_messages(&key, &update.provider_message_ids).await?;
        }
        if found.is_empty() {
            tracing::warn!(step = "status", clinic_id = %key.clinic, "a status names an unknown message");
            return Ok(WebhookOutcome::Ignored("an unknown message"));
        }
        for message_id in found {
            let history: Vec<&MessageEvent> =
                events_read.iter().filter(|event| event.message_id == message_id).collect();
            self.add_status_event(&key, &update, &history).await?;
            if update.buttons_refused
                && let Some(entry) = resend_as_text(&update.address, &history)
            {
                self.store_and_work(key.clone(), entry, None, profile, deadline).await?;
            }
        }
        Ok(WebhookOutcome::Stored)
    }

    async fn add_status_event(
        &self,
        key: &ChatKey,
        update: &StatusUpdate,
        history: &[&MessageEvent],
    ) -> Result<(), StoreError> {
        let status = match update.status {
            DeliveryStatus::Sent => EventStatus::Sent,
            DeliveryStatus::Delivered => EventStatus::Delivered,
            DeliveryStatus::Read => EventStatus::Read,
            DeliveryStatus::Failed => EventStatus::Failed,
        };
        let highest = history.iter().map(|event| event.status.rank()).max().unwrap_or_default();
        // FAILED is added even after SENT, because z-api can refuse a message after accepting it.
        let adds_nothing = match status {
            EventStatus::Failed => {
                history.iter().any(|event| event.status == EventStatus::Failed)
                    || highest > EventStatus::Sent.rank()
            }
            status => status.rank() <= highest,
        };
        let (Some(last), false) = (history.first(), adds_nothing) else { return Ok(()) };
        let latest =
            history.iter().map(|event| event.status_timestamp).max().unwrap_or(last.status_timestamp);
        let mut event = MessageEvent { status, ..(*last).clone() };
        event.status_timestamp = next_event_at(self.clock.now(), Some(latest));
        event.provider_response = Some(update.raw.clone());
        event.error_details = update.error.clone();
        keep_shared_metadata(&mut event);
        if let Some(at) = update.at {
            event.metadata.insert("momment".into(), json!(at.timestamp_millis()));
        }
        if status == EventStatus::Failed {
            call_stats::record_failed_message();
            tracing::warn!(step = "status", clinic_id = %key.clinic, "a message was not delivered");
        }
        self.tables.append_event(key, &event).await
    }

    /// Reads the chat's history, newest first, until all of the provider's `ids` are found. Returns the
    /// events and our ids of those messages.
    async fn find_messages(
        &self,
        key: &ChatKey,
        ids: &[String],
    ) -> Result<(Vec<MessageEvent>, Vec<String>), StoreError> {
        let mut events_read: Vec<MessageEvent> = Vec::new();
        let mut found: Vec<String> = Vec::new();
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = self.tables.list_events(key, true, PAGE, from.as_deref()).await?;
            for event in page.events {
                if is_about_any(&event, ids) && !found.contains(&event.message_id) {
                    found.push(event.message_id.clone());
                }
                events_read.push(event);
            }
            // The content is in the QUEUED event, which may be on a later page than the provider's id.
            let queued = |id: &String| {
                events_read.iter().any(|event| event.message_id == *id && event.status == EventStatus::Queued)
            };
            if page.next.is_none() || (found.len() >= ids.len() && found.iter().all(queued)) {
                break;
            }
            from = page.next;
        }
        Ok((events_read, found))
    }
}

fn is_about_any(event: &MessageEvent, ids: &[String]) -> bool {
    let queue_id = event.metadata.get("zaapId").and_then(|id| id.as_str());
    event.direction == Direction::Outbound
        && (event.provider_message_id.as_ref().is_some_and(|id| ids.contains(id))
            || queue_id.is_some_and(|id| ids.iter().any(|other| other == id)))
}

/// An inbox entry that sends the prompt again as numbered text. Its key prevents a second repetition.
fn resend_as_text(to: &Address, history: &[&MessageEvent]) -> Option<InboxEntry> {
    let queued = history.iter().find(|event| event.status == EventStatus::Queued)?;
    let prompt = stored_message(queued)?;
    let sent_to = queued.metadata.get("to").and_then(|to| to.as_str());
    let message = OutgoingMessage::text(prompt.as_numbered_text());
    Some(InboxEntry {
        key: format!("{}#buttons_refused", queued.message_id),
        work: Some(InboxWork::SendMessage {
            to: sent_to.map_or_else(|| to.clone(), |to| Address(to.to_owned())),
            message,
        }),
    })
}
