//! Receives webhooks: stores each event and works on the chat if its lease is free.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::lid::{lid_chat_key, read_lid_chat};
use super::worker::ChatWorker;
use crate::adapters::dynamodb::lease::StoreOutcome;
use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork};
use crate::app::chats::Chats;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::IncomingMessage;
use crate::domain::phone::Address;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::WebhookEvent;

/// Time budget of a webhook. The Reconciler continues what does not fit.
const WEBHOOK_BUDGET: Duration = Duration::from_secs(12);

/// How often a chat is followed to where it continues: from a lid to a phone, and once more.
const MAX_MOVES: usize = 2;

/// Largest webhook, in bytes, that is stored until its clinic can be looked up. DynamoDB limits items to
/// 400 KB, and no message of a patient is that large.
const MAX_STORED_WEBHOOK_BYTES: usize = 300_000;

/// How a webhook was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// The event is stored. The chat was worked on, or another worker or the Reconciler continues with it.
    /// A connection event is only logged.
    Stored,
    /// The webhook needs no work, for this reason, which is logged.
    Ignored(&'static str),
}

/// Which webhook URL received the event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WebhookKind {
    Any,
    StatusOnly,
}

impl Chats {
    /// Handles a webhook of any type. An error means that its event is not stored, and is the only reason
    /// to answer 503.
    pub async fn receive(&self, payload: &Value) -> Result<WebhookOutcome, StoreError> {
        self.handle_webhook(payload, WebhookKind::Any).await
    }

    /// Handles status, delivery and connection events. Messages are ignored with a warning, because they
    /// have another webhook.
    pub async fn receive_status(&self, payload: &Value) -> Result<WebhookOutcome, StoreError> {
        self.handle_webhook(payload, WebhookKind::StatusOnly).await
    }

    async fn handle_webhook(&self, payload: &Value, kind: WebhookKind) -> Result<WebhookOutcome, StoreError> {
        let deadline = Instant::now() + WEBHOOK_BUDGET;
        let Some(instance) = self.whatsapp.instance_id_of(payload) else {
            return Ok(WebhookOutcome::Ignored("no instance"));
        };
        let event = self.whatsapp.parse_webhook(payload, self.clock.now());
        if let WebhookEvent::Ignored(why) = event {
            return Ok(WebhookOutcome::Ignored(why));
        }
        if kind == WebhookKind::StatusOnly && matches!(event, WebhookEvent::Message(_)) {
            tracing::warn!(step = "webhook", "a message arrived at the status webhook");
            return Ok(WebhookOutcome::Ignored("a message at the status webhook"));
        }
        match self.db.find_clinic_by_instance(&instance).await {
            Ok(Some(profile)) => self.handle_event(event, &profile, deadline).await,
            Ok(None) => {
                tracing::warn!(step = "webhook", "no active clinic has this instance");
                Ok(WebhookOutcome::Ignored("unknown instance"))
            }
            // The database is away, or the clinic's row cannot be read before somebody mends it.
            Err(error) => self.store_for_later(&instance, &event, payload, error).await,
        }
    }

    /// Works on an event whose clinic is known.
    pub(in crate::app) async fn handle_event(
        &self,
        event: WebhookEvent,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<WebhookOutcome, StoreError> {
        match event {
            WebhookEvent::Message(message) => self.handle_message(*message, profile, deadline).await,
            WebhookEvent::Echo(echo) => self.receive_echo(echo, profile, deadline).await,
            WebhookEvent::Status(update) => self.record_status(update, profile, deadline).await,
            WebhookEvent::Connection { connected } => {
                tracing::info!(
                    step = "connection",
                    clinic_id = %profile.clinic.id,
                    connected,
                    "clinic phone connection changed"
                );
                Ok(WebhookOutcome::Stored)
            }
            WebhookEvent::Ignored(why) => Ok(WebhookOutcome::Ignored(why)),
        }
    }

    async fn handle_message(
        &self,
        message: IncomingMessage,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<WebhookOutcome, StoreError> {
        let Some(person) = message.address.match_key() else {
            return Ok(WebhookOutcome::Ignored("not a chat with a person"));
        };
        let own = profile.clinic.phone.clone().and_then(|phone| Address(phone).match_key());
        if own.as_ref() == Some(&person) {
            return Ok(WebhookOutcome::Ignored("the clinic's own number"));
        }
        let key = ChatKey { clinic: profile.clinic.id.clone(), person };
        let lid = lid_chat_key(&key, message.chat_lid.as_deref());
        let entry =
            InboxEntry { key: message.key(), work: Some(InboxWork::Message { message: Box::new(message) }) };
        self.store_and_work(key, entry, lid, profile, deadline).await
    }

    /// Stores an entry in a chat's inbox and, if the lease is free, works on the whole inbox.
    pub(in crate::app) async fn store_and_work(
        &self,
        key: ChatKey,
        entry: InboxEntry,
        lid: Option<ChatKey>,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<WebhookOutcome, StoreError> {
        let lease_owner = Uuid::new_v4().to_string();
        let now = self.clock.now();
        // What else must be known is read at the same time, which saves a network wait.
        let chats: Vec<&ChatKey> = [Some(&key), lid.as_ref()].into_iter().flatten().collect();
        let keys = [entry.key.as_str()];
        let (mut stored, seen, lid_chat) = tokio::join!(
            self.tables.store_message(&key, &entry, &lease_owner, now),
            self.tables.find_seen(&chats, &keys),
            read_lid_chat(self, lid.clone())
        );
        let mut stored_in = key.clone();
        // A chat can move on while its message is being stored.
        for _ in 0..MAX_MOVES {
            let Ok(StoreOutcome::Moved(person)) = stored else { break };
            stored_in = ChatKey { person, ..key.clone() };
            stored = self.tables.store_message(&stored_in, &entry, &lease_owner, now).await;
        }
        // Without an answer the worker looks again.
        let seen = seen.ok().filter(|_| stored_in == key).map(|seen| {
            let waits_in_lid_chat = lid_chat
                .as_ref()
                .is_some_and(|(_, chat)| chat.as_ref().is_some_and(|chat| chat.is_waiting(&entry.key)));
            !seen.is_empty() || waits_in_lid_chat
        });
        failpoints::hit("message_stored");
        match stored? {
            StoreOutcome::StoredAndLeased(session) => {
                let mut session = *session;
                if session.inbox.len() > 1 {
                    // What waited in a chat without a worker was left by one that crashed or gave up, and may
                    // have been worked on in part: it is read as it was read before.
                    session.attempts += 1;
                }
                let mut worker =
                    ChatWorker::new(self, profile.clone(), session, lease_owner, deadline, lid_chat);
                if let Some(seen) = seen {
                    worker.seen.insert(entry.key.clone(), seen);
                }
                // The message is stored, so the Reconciler recovers from any error from here on.
                if let Err(error) = worker.work().await {
                    tracing::error!(
                        step = "converse",
                        error = &error as &dyn std::error::Error,
                        "the chat is left to the Reconciler"
                    );
                }
                Ok(WebhookOutcome::Stored)
            }
            StoreOutcome::Stored => Ok(WebhookOutcome::Stored),
            StoreOutcome::Duplicate => Ok(WebhookOutcome::Ignored("seen before")),
            StoreOutcome::Moved(_) => {
                Err(StoreError::unavailable("store a message", "the chat moved on too often"))
            }
            StoreOutcome::Full => Err(StoreError::unavailable("store a message", "the chat's inbox is full")),
        }
    }

    async fn store_for_later(
        &self,
        instance: &str,
        event: &WebhookEvent,
        payload: &Value,
        error: StoreError,
    ) -> Result<WebhookOutcome, StoreError> {
        let key = match event {
            WebhookEvent::Message(message) => message.key(),
            WebhookEvent::Echo(echo) => format!("{}#echo", echo.provider_message_id),
            WebhookEvent::Status(update) => {
                let id = update.provider_message_ids.first().map(String::as_str).unwrap_or_default();
                format!("{id}#status:{:?}", update.status)
            }
            // Connection events are not stored: the next one says the same.
            WebhookEvent::Connection { .. } => {
                return Ok(WebhookOutcome::Ignored("the clinic could not be looked up"));
            }
            WebhookEvent::Ignored(why) => return Ok(WebhookOutcome::Ignored(why)),
        };
        if payload.to_string().len() > MAX_STORED_WEBHOOK_BYTES {
            return Ok(WebhookOutcome::Ignored("too large to store"));
        }
        tracing::warn!(
            step = "webhook",
            error = &error as &dyn std::error::Error,
            "could not look up the clinic; the webhook is stored for later"
        );
        self.tables.store_webhook(instance, &key, payload, self.clock.now()).await?;
        failpoints::hit("message_stored");
        Ok(WebhookOutcome::Stored)
    }
}
