//! One context of every kind, for a process that serves all functions.

use std::sync::Arc;

use scheduler_core::app::chats::Chats;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::config::ApiKey;
use scheduler_core::domain::send_limits::SendLimits;
use scheduler_core::webhook_url::WebhookUrls;

use super::sheet_writer::SheetWriter;
use super::{Admin, ClinicReader, Job, Messenger, Reception, Sender, Webhook};
use crate::auth::WebhookToken;
use crate::metrics::Metrics;

/// One context of every kind over one set of clients.
#[derive(Clone)]
#[allow(missing_docs, reason = "each is the context of that name")]
pub struct Contexts {
    pub admin: Admin,
    pub clinic_reader: ClinicReader,
    pub reception: Reception,
    pub messenger: Messenger,
    pub sender: Sender,
    pub webhook: Webhook,
    pub job: Job,
    pub sheet_writer: SheetWriter,
}

impl Contexts {
    /// Builds all contexts from the same clients, keys and metrics. `webhook_urls` are shown to callers with
    /// a key for every clinic.
    pub fn new(
        chats: Chats,
        sheets: SheetSync,
        keys: Vec<ApiKey>,
        token: WebhookToken,
        webhook_urls: Option<WebhookUrls>,
        limits: SendLimits,
        metrics: Metrics,
    ) -> Self {
        let keys: Arc<[ApiKey]> = keys.into();
        let (db, clock) = (chats.db.clone(), chats.clock.clone());
        let admin = Admin { db: db.clone(), clock: clock.clone(), keys: keys.clone() };
        Self {
            clinic_reader: ClinicReader { admin: admin.clone(), webhook_urls },
            admin,
            reception: Reception {
                db: db.clone(),
                reminders: chats.tables.reminders().clone(),
                clock: clock.clone(),
                keys: keys.clone(),
            },
            messenger: Messenger { chats: chats.clone(), keys: keys.clone(), metrics: metrics.clone() },
            sender: Sender { chats: chats.clone(), limits, keys, metrics: metrics.clone() },
            webhook: Webhook { chats: chats.clone(), token, metrics: metrics.clone() },
            sheet_writer: SheetWriter::new(sheets, db, chats.tables.clone(), clock, metrics.clone()),
            job: Job { chats, metrics },
        }
    }
}

macro_rules! impl_as_ref {
    ($($field:ident: $context:ident),+) => {$(
        impl AsRef<$context> for Contexts {
            fn as_ref(&self) -> &$context {
                &self.$field
            }
        }
    )+};
}

impl_as_ref!(
    admin: Admin, clinic_reader: ClinicReader, reception: Reception, messenger: Messenger, sender: Sender, webhook: Webhook, job: Job,
    sheet_writer: SheetWriter
);
