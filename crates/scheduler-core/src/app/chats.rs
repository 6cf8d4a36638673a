//! The stores, the provider and the clock that the use cases around a chat share.

use std::sync::Arc;

use crate::adapters::dynamodb::Tables;
use crate::adapters::postgres::Db;
use crate::domain::allowed_phones::AllowedPhones;
use crate::ports::{Clock, WhatsAppProvider};

/// Everything that a conversation, a reminder or the report needs. Cheap to clone.
#[derive(Clone)]
pub struct Chats {
    /// Appointments, clinics, patients.
    pub db: Db,
    /// Sessions, inboxes, message history and reminders.
    pub tables: Tables,
    /// The WhatsApp provider.
    pub whatsapp: Arc<dyn WhatsAppProvider>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Who may be written to.
    pub allowed: AllowedPhones,
}
