//! Runs a chat: stores what came, takes the lease, performs effects, commits, sends, releases.

mod echo;
mod effects;
mod history;
pub(super) mod holder;
mod reminded;
mod send;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use self::holder::Holder;
use crate::adapters::dynamodb::Tables;
use crate::adapters::dynamodb::lease::Stored;
use crate::adapters::dynamodb::session::{ChatKey, Session, Waiting, Work};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::profiles::ClinicProfile;
use crate::domain::message::IncomingMessage;
use crate::domain::phone::{Address, MatchKey, Phone};
use crate::error::{StoreError, StoreErrorKind};
use crate::points;
use crate::ports::whatsapp::WebhookEvent;
use crate::ports::{Clock, WhatsAppProvider};

/// A webhook is answered within this time; what doesn't fit is left to the Reconciler.
const WEBHOOK_BUDGET: Duration = Duration::from_secs(12);

/// DynamoDB takes items of 400 KB: a webhook larger than this cannot wait for its clinic, and no
/// message of a patient is that large.
const LARGEST_WAITING: usize = 300_000;

/// Who may be written to (`ALLOWED_PHONES`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedPhones {
    /// `*`
    All,
    /// These persons; an empty list is nobody.
    Only(Vec<MatchKey>),
}

/// Everything a conversation needs of the world.
#[derive(Clone)]
pub struct Chats {
    /// Appointments, clinics, patients.
    pub db: Db,
    /// Sessions, inboxes and history.
    pub tables: Tables,
    /// How messages leave.
    pub whatsapp: Arc<dyn WhatsAppProvider>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who may be written to.
    pub allowed: AllowedPhones,
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is stored, and answered or in the hands of whoever holds the chat.
    Stored,
    /// None of our business; why, for the log.
    Ignored(&'static str),
}

impl AllowedPhones {
    /// Reads `ALLOWED_PHONES`: persons separated by commas, compared in canonical form. `*` is
    /// everybody; empty is nobody, so that a test stage never writes to patients. What is no
    /// phone allows nobody.
    pub fn parse(list: &str) -> Self {
        if list.trim() == "*" {
            return Self::All;
        }
        let phones = list.split(',').filter_map(|entry| Phone::parse(entry.trim()).ok());
        Self::Only(phones.map(|phone| phone.match_key()).collect())
    }

    /// Whether this person may be written to.
    pub fn allow(&self, person: &MatchKey) -> bool {
        match self {
            Self::All => true,
            Self::Only(persons) => persons.contains(person),
        }
    }
}

/// Which webhook something came by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Any,
    StatusOnly,
}

impl Chats {
    /// Takes any webhook of the provider. An error means that an event for us could be stored
    /// nowhere: the only 503.
    pub async fn receive(&self, payload: &Value) -> Result<Received, StoreError> {
        self.take(payload, Door::Any).await
    }

    /// Takes status, delivery and connection events; messages are ignored with a warning, they
    /// have a webhook of their own.
    pub async fn receive_status(&self, payload: &Value) -> Result<Received, StoreError> {
        self.take(payload, Door::StatusOnly).await
    }

    async fn take(&self, payload: &Value, door: Door) -> Result<Received, StoreError> {
        let deadline = Instant::now() + WEBHOOK_BUDGET;
        let Some(instance) = self.whatsapp.instance_of(payload) else {
            return Ok(Received::Ignored("no instance"));
        };
        let event = self.whatsapp.parse_webhook(payload, self.clock.now());
        if let WebhookEvent::Ignored(why) = event {
            return Ok(Received::Ignored(why));
        }
        if door == Door::StatusOnly && matches!(event, WebhookEvent::Message(_)) {
            tracing::warn!(step = "webhook", "a message came by the status webhook");
            return Ok(Received::Ignored("a message at the status webhook"));
        }
        match self.db.find_clinic_by_instance(&instance).await {
            Ok(Some(profile)) => self.take_event(event, &profile, deadline).await,
            Ok(None) => {
                tracing::warn!(step = "webhook", "no active clinic has this instance");
                Ok(Received::Ignored("unknown instance"))
            }
            Err(error) if error.kind == StoreErrorKind::Unavailable => {
                self.keep_for_later(&instance, &event, payload, error).await
            }
            Err(error) => Err(error),
        }
    }

    /// Works on an event whose clinic is known.
    pub(super) async fn take_event(
        &self,
        event: WebhookEvent,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<Received, StoreError> {
        match event {
            WebhookEvent::Message(message) => self.take_message(*message, profile, deadline).await,
            WebhookEvent::Status(update) => self.record_status(update, profile, deadline).await,
            WebhookEvent::Connection { connected } => {
                tracing::info!(step = "connection", clinic_id = %profile.clinic.id, connected, "the clinic's phone came or went");
                Ok(Received::Stored)
            }
            WebhookEvent::Ignored(why) => Ok(Received::Ignored(why)),
        }
    }

    async fn take_message(
        &self,
        message: IncomingMessage,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<Received, StoreError> {
        let Some(person) = message.address.match_key() else {
            return Ok(Received::Ignored("not a chat with a person"));
        };
        let own = profile.clinic.phone.clone().and_then(|phone| Address(phone).match_key());
        if own.as_ref() == Some(&person) {
            return Ok(Received::Ignored("the clinic's own number"));
        }
        let key = ChatKey { clinic: profile.clinic.id.clone(), person };
        let lid = lid_chat(&key, message.chat_lid.as_deref());
        let waiting =
            Waiting { key: message.key(), work: Some(Work::Message { message: Box::new(message) }) };
        self.store_and_work(key, waiting, lid, profile, deadline).await
    }

    /// Stores something in a chat's inbox and, if the chat is free, works on all that waits there.
    pub(super) async fn store_and_work(
        &self,
        key: ChatKey,
        waiting: Waiting,
        lid: Option<ChatKey>,
        profile: &Arc<ClinicProfile>,
        deadline: Instant,
    ) -> Result<Received, StoreError> {
        let holder = Uuid::new_v4().to_string();
        let now = self.clock.now();
        // The chat that the lid had before its phone was known is read along, not afterwards.
        let (stored, lid_chat) =
            tokio::join!(self.tables.store(&key, &waiting, &holder, now), self.read_lid(lid));
        let stored = match stored? {
            Stored::Moved(person) => {
                let key = ChatKey { person, ..key };
                self.tables.store(&key, &waiting, &holder, now).await?
            }
            stored => stored,
        };
        points::reach("message_stored");
        match stored {
            Stored::Leased(session) => {
                let holder = Holder::new(self, profile.clone(), *session, holder, deadline, lid_chat);
                // The message is safe: what goes wrong from here on is the Reconciler's.
                if let Err(error) = holder.work().await {
                    tracing::error!(
                        step = "converse",
                        error = &error as &dyn std::error::Error,
                        "the chat is left to the Reconciler"
                    );
                }
                Ok(Received::Stored)
            }
            Stored::Held | Stored::Moved(_) => Ok(Received::Stored),
            Stored::Duplicate => Ok(Received::Ignored("seen before")),
            Stored::Full => {
                tracing::warn!(step = "converse", "a chat's inbox is full");
                Ok(Received::Ignored("too many messages at once"))
            }
        }
    }

    /// Reading it is worth trying, not worth failing for: the next message tries again.
    async fn read_lid(&self, lid: Option<ChatKey>) -> Option<(ChatKey, Option<Session>)> {
        let key = lid?;
        match self.tables.find_session(&key).await {
            Ok(session) => Some((key, session)),
            Err(error) => {
                tracing::warn!(
                    step = "converse",
                    error = &error as &dyn std::error::Error,
                    "the lid's chat could not be read"
                );
                None
            }
        }
    }

    async fn keep_for_later(
        &self,
        instance: &str,
        event: &WebhookEvent,
        payload: &Value,
        away: StoreError,
    ) -> Result<Received, StoreError> {
        let key = match event {
            WebhookEvent::Message(message) => message.key(),
            WebhookEvent::Status(update) => {
                let ids = update.provider_message_ids.first().map(String::as_str).unwrap_or_default();
                format!("{ids}#status:{:?}", update.status)
            }
            // Nothing is lost that the next of its kind would not say again.
            WebhookEvent::Connection { .. } => return Ok(Received::Ignored("the clinic is not known now")),
            WebhookEvent::Ignored(why) => return Ok(Received::Ignored(why)),
        };
        if payload.to_string().len() > LARGEST_WAITING {
            return Ok(Received::Ignored("too large to wait"));
        }
        tracing::warn!(
            step = "webhook",
            error = &away as &dyn std::error::Error,
            "the clinic cannot be found now; the webhook waits"
        );
        self.tables.keep_webhook(instance, &key, payload, self.clock.now()).await?;
        points::reach("message_stored");
        Ok(Received::Stored)
    }
}

/// The chat that a phone's lid would have had, if the message comes from a phone.
fn lid_chat(key: &ChatKey, lid: Option<&str>) -> Option<ChatKey> {
    let person = Address(lid?.to_owned()).match_key()?;
    (person != key.person).then(|| ChatKey { clinic: key.clinic.clone(), person })
}
