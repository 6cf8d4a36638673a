//! Receives webhooks: stores what came in, and works on the chat if it is free.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::lid::{lid_chat, read_lid};
use super::worker::ChatWorker;
use crate::adapters::dynamodb::lease::StoreOutcome;
use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork};
use crate::app::chats::Chats;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::IncomingMessage;
use crate::domain::phone::Address;
use crate::error::{StoreError, StoreErrorKind};
use crate::failpoints;
use crate::ports::whatsapp::WebhookEvent;

/// A webhook is answered within this time; what doesn't fit is left to the Reconciler.
const WEBHOOK_BUDGET: Duration = Duration::from_secs(12);

/// DynamoDB takes items of 400 KB: a webhook larger than this cannot wait for its clinic, and no
/// message of a patient is that large.
const LARGEST_WAITING: usize = 300_000;

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It is stored, and answered or in the hands of whoever holds the chat.
    Stored,
    /// None of our business; why, for the log.
    Ignored(&'static str),
}

/// Which webhook something came by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WebhookKind {
    Any,
    StatusOnly,
}

impl Chats {
    /// Takes any webhook of the provider. An error means that an event for us could be stored
    /// nowhere: the only 503.
    pub async fn receive(&self, payload: &Value) -> Result<WebhookOutcome, StoreError> {
        self.take(payload, WebhookKind::Any).await
    }

    /// Takes status, delivery and connection events; messages are ignored with a warning, they
    /// have a webhook of their own.
    pub async fn receive_status(&self, payload: &Value) -> Result<WebhookOutcome, StoreError> {
        self.take(payload, WebhookKind::StatusOnly).await
    }

    async fn take(&self, payload: &Value, kind: WebhookKind) -> Result<WebhookOutcome, StoreError> {
        let deadline = Instant::now() + WEBHOOK_BUDGET;
        let Some(instance) = self.whatsapp.instance_of(payload) else {
            return Ok(WebhookOutcome::Ignored("no instance"));
        };
        let event = self.whatsapp.parse_webhook(payload, self.clock.now());
        if let WebhookEvent::Ignored(why) = event {
            return Ok(WebhookOutcome::Ignored(why));
        }
        if kind == WebhookKind::StatusOnly && matches!(event, WebhookEvent::Message(_)) {
            tracing::warn!(step = "webhook", "a message came by the status webhook");
            return Ok(WebhookOutcome::Ignored("a message at the status webhook"));
        }
        match self.db.find_clinic_by_instance(&instance).await {
            Ok(Some(profile)) => self.take_event(event, &profile, deadline).await,
            Ok(None) => {
                tracing::warn!(step = "webhook", "no active clinic has this instance");
                Ok(WebhookOutcome::Ignored("unknown instance"))
            }
            Err(error) if error.kind == StoreErrorKind::Unavailable => {
                self.keep_for_later(&instance, &event, payload, error).await
            }
            Err(error) => Err(error),
        }
    }

    /// Works on an event whose clinic is known.
    pub(in crate::app) async fn take_event(
        &self,
        event: WebhookEvent,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<WebhookOutcome, StoreError> {
        match event {
            WebhookEvent::Message(message) => self.take_message(*message, profile, deadline).await,
            WebhookEvent::Status(update) => self.record_status(update, profile, deadline).await,
            WebhookEvent::Connection { connected } => {
                tracing::info!(step = "connection", clinic_id = %profile.clinic.id, connected, "the clinic's phone came or went");
                Ok(WebhookOutcome::Stored)
            }
            WebhookEvent::Ignored(why) => Ok(WebhookOutcome::Ignored(why)),
        }
    }

    async fn take_message(
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
        let lid = lid_chat(&key, message.chat_lid.as_deref());
        let entry =
            InboxEntry { key: message.key(), work: Some(InboxWork::Message { message: Box::new(message) }) };
        self.store_and_work(key, entry, lid, profile, deadline).await
    }

    /// Stores something in a chat's inbox and, if the chat is free, works on all that waits there.
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
        // The chat that the lid had before its phone was known is read along, not afterwards.
        let (stored, lid_chat) =
            tokio::join!(self.tables.store(&key, &entry, &lease_owner, now), read_lid(self, lid));
        let stored = match stored? {
            StoreOutcome::Moved(person) => {
                let key = ChatKey { person, ..key };
                self.tables.store(&key, &entry, &lease_owner, now).await?
            }
            stored => stored,
        };
        failpoints::hit("message_stored");
        match stored {
            StoreOutcome::Leased(session) => {
                let lease_owner =
                    ChatWorker::new(self, profile.clone(), *session, lease_owner, deadline, lid_chat);
                // The message is safe: what goes wrong from here on is the Reconciler's.
                if let Err(error) = lease_owner.work().await {
                    tracing::error!(
                        step = "converse",
                        error = &error as &dyn std::error::Error,
                        "the chat is left to the Reconciler"
                    );
                }
                Ok(WebhookOutcome::Stored)
            }
            StoreOutcome::Held | StoreOutcome::Moved(_) => Ok(WebhookOutcome::Stored),
            StoreOutcome::Duplicate => Ok(WebhookOutcome::Ignored("seen before")),
            StoreOutcome::Full => {
                tracing::warn!(step = "converse", "a chat's inbox is full");
                Ok(WebhookOutcome::Ignored("too many messages at once"))
            }
        }
    }

    async fn keep_for_later(
        &self,
        instance: &str,
        event: &WebhookEvent,
        payload: &Value,
        away: StoreError,
    ) -> Result<WebhookOutcome, StoreError> {
        let key = match event {
            WebhookEvent::Message(message) => message.key(),
            WebhookEvent::Status(update) => {
                let ids = update.provider_message_ids.first().map(String::as_str).unwrap_or_default();
                format!("{ids}#status:{:?}", update.status)
            }
            // Nothing is lost that the next of its kind would not say again.
            WebhookEvent::Connection { .. } => {
                return Ok(WebhookOutcome::Ignored("the clinic is not known now"));
            }
            WebhookEvent::Ignored(why) => return Ok(WebhookOutcome::Ignored(why)),
        };
        if payload.to_string().len() > LARGEST_WAITING {
            return Ok(WebhookOutcome::Ignored("too large to wait"));
        }
        tracing::warn!(
            step = "webhook",
            error = &away as &dyn std::error::Error,
            "the clinic cannot be found now; the webhook waits"
        );
        self.tables.keep_webhook(instance, &key, payload, self.clock.now()).await?;
        failpoints::hit("message_stored");
        Ok(WebhookOutcome::Stored)
    }
}
