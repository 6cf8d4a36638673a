//! Runs a chat: stores what came, takes the lease, performs effects, commits, sends, releases.

use std::sync::Arc;

use serde_json::Value;

use crate::adapters::dynamodb::Tables;
use crate::adapters::postgres::Db;
use crate::domain::phone::MatchKey;
use crate::error::StoreError;
use crate::ports::{Clock, WhatsAppProvider};

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

impl Chats {
    /// Takes any webhook of the provider. An error means that an event for us could be stored
    /// nowhere: the only 503.
    pub async fn receive(&self, _payload: &Value) -> Result<Received, StoreError> {
        todo!()
    }

    /// Takes status, delivery and connection events; messages are ignored with a warning, they
    /// have a webhook of their own.
    pub async fn receive_status(&self, _payload: &Value) -> Result<Received, StoreError> {
        todo!()
    }
}
