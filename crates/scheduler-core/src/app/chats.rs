//! The stores, the provider and the clock that the use cases around a chat share.

use std::sync::Arc;

use crate::adapters::dynamodb::Tables;
use crate::adapters::postgres::Db;
use crate::domain::allowed_phones::AllowedPhones;
use crate::ports::{Clock, WhatsAppProvider};

/// The stores and ports that a conversation, a reminder or the nightly report uses. Cheap to clone.
#[derive(Clone)]
pub struct Chats {
    /// Appointments, clinics, patients.
    pub db: Db,
    /// Sessions, inboxes, message history and reminders.
    pub tables: Tables,
    /// Sends messages and parses webhooks.
    pub whatsapp: Arc<dyn WhatsAppProvider>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Phones that messages may be sent to (docs/rules/security.md#allowed-phones).
    pub allowed: AllowedPhones,
}
