//! What a function is given: stores, provider, clock and keys.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::dynamodb::reminders::Reminders;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::converse::{AllowedPhones, Chats};
use scheduler_core::app::reminders::project::project_soon;
use scheduler_core::app::sheets::SheetWriter;
use scheduler_core::config::{ApiKey, ConfigError, Lookup, Reader, SslMode};
use scheduler_core::domain::appointment::Appointment;
use scheduler_core::domain::clinic::{Clinic, Secret};
use scheduler_core::error::StoreError;
use scheduler_core::ports::Clock;

use crate::error::ApiError;
use crate::metrics::Metrics;

/// What a function is given. Nothing connects before it is used or warmed.
#[derive(Clone)]
pub struct World {
    /// Clinics, visits, patients.
    pub db: Db,
    /// The conversations, for the functions that need them.
    pub chats: Option<Chats>,
    /// The reminders, for the functions that book or change visits.
    pub reminders: Option<Reminders>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who may call the admin routes.
    pub keys: Vec<ApiKey>,
    /// The secret of the webhooks' URLs; none only on a local server.
    pub webhook_token: Option<Secret>,
    /// Where figures go.
    pub metrics: Metrics,
    /// What writes the clinics' sheets: the Reconciler's, where a service account is configured.
    pub sheets: Option<SheetWriter>,
}

/// What a kind of function needs: how its world is made, and what is opened before its first
/// request. Each names only what it uses, so that a function links nothing else.
pub struct Kind {
    pub(crate) make: fn(Lookup<'_>) -> Result<World, StartError>,
    pub(crate) warm: for<'a> fn(&'a World) -> Warming<'a>,
}

/// Opens connections; a failure is the first request's to report.
pub(crate) type Warming<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// An admin route: the database and the keys.
pub static ADMIN: Kind = Kind { make: World::of_admin, warm: |world| Box::pin(world.db.warm()) };

/// An admin route that books: the reminders too.
pub static RECEPTION: Kind = Kind { make: World::of_reception, warm: |world| Box::pin(warm_all(world)) };

/// An admin route that may write to patients.
pub static MESSENGER: Kind = Kind { make: World::of_messenger, warm: |world| Box::pin(warm_all(world)) };

/// A webhook: the conversations, and the token without which it does not start.
pub static WEBHOOK: Kind = Kind { make: World::of_webhook, warm: |world| Box::pin(warm_all(world)) };

/// A scheduled function: the conversations alone.
pub static JOB: Kind = Kind { make: World::of_job, warm: |world| Box::pin(warm_all(world)) };

/// The Reconciler: the conversations and the sheets. It alone links Google.
pub static RECONCILER: Kind = Kind { make: World::of_reconciler, warm: |world| Box::pin(warm_all(world)) };

/// A function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Variables are missing or unreadable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database's address is none.
    #[error("{0}: {source}", source = .0.source)]
    Store(#[from] StoreError),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Http(#[from] scheduler_core::adapters::zapi::StartError),
    /// The service account's key is none.
    #[error(transparent)]
    Sheets(#[from] scheduler_core::adapters::sheets::StartError),
}

impl World {
    fn of_admin(lookup: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = Reader::new(lookup);
        let (database, keys) = (reader.database(SslMode::VerifyFull), reader.api_keys());
        let (database, keys) = reader.finish((database, keys))?;
        let (db, clock) = (Db::held(&database)?, Arc::new(SystemClock));
        Ok(Self {
            db,
            chats: None,
            reminders: None,
            clock,
            keys,
            webhook_token: None,
            metrics: Metrics::default(),
            sheets: None,
        })
    }

    fn of_reception(lookup: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = Reader::new(lookup);
        let read = (reader.database(SslMode::VerifyFull), reader.reminders(), reader.api_keys());
        let (database, reminders, keys) = reader.finish(read)?;
        let (db, clock) = (Db::held(&database)?, Arc::new(SystemClock));
        let reminders = Some(Reminders::new(reminders));
        Ok(Self {
            db,
            chats: None,
            reminders,
            clock,
            keys,
            webhook_token: None,
            metrics: Metrics::default(),
            sheets: None,
        })
    }

    fn of_messenger(lookup: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = Reader::new(lookup);
        let keys = reader.api_keys();
        Ok(Self { keys, ..Self::with_chats(reader)? })
    }

    fn of_webhook(lookup: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = Reader::new(lookup);
        let token = reader.webhook_token();
        Ok(Self { webhook_token: Some(token), ..Self::with_chats(reader)? })
    }

    fn of_job(lookup: Lookup<'_>) -> Result<Self, StartError> {
        Self::with_chats(Reader::new(lookup))
    }

    fn of_reconciler(lookup: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = Reader::new(lookup);
        let sheets = reader.sheets();
        let mut world = Self::with_chats(reader)?;
        if let Some(chats) = &world.chats {
            world.sheets = SheetWriter::open(sheets.as_ref(), chats)?;
        }
        Ok(world)
    }

    /// The conversations, of a function that has them.
    pub fn chats(&self) -> Result<&Chats, ApiError> {
        self.chats.as_ref().ok_or_else(|| ApiError::internal("this function has no conversations"))
    }

    /// Has the reminder follow a visit that was just booked or changed.
    pub async fn remind_of(&self, visit: &Appointment, clinic: &Clinic) {
        if let Some(reminders) = &self.reminders {
            project_soon(&self.db, reminders, clinic.timezone, visit, self.clock.now()).await;
        }
    }

    fn with_chats(mut reader: Reader<'_>) -> Result<Self, StartError> {
        let stage = reader.optional("STAGE");
        let read = (reader.database(SslMode::VerifyFull), reader.tables(), reader.zapi());
        let (database, tables, zapi) = reader.finish(read)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let db = Db::held(&database)?;
        let chats = Chats {
            db: db.clone(),
            tables: Tables::new(tables),
            whatsapp: Arc::new(Zapi::new(&zapi.base_url, zapi.client_token)?),
            clock: clock.clone(),
            allowed: AllowedPhones::parse(&zapi.allowed_phones),
        };
        let reminders = Some(chats.tables.reminders().clone());
        Ok(Self {
            db,
            chats: Some(chats),
            reminders,
            clock,
            keys: Vec::new(),
            webhook_token: None,
            metrics: Metrics::of(stage),
            sheets: None,
        })
    }
}

async fn warm_all(world: &World) {
    let tables = async {
        match (&world.chats, &world.reminders) {
            (Some(chats), _) => chats.tables.warm().await,
            (None, Some(reminders)) => reminders.warm().await,
            (None, None) => {}
        }
    };
    tokio::join!(world.db.warm(), tables);
}

#[cfg(test)]
mod tests;
