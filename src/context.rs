//! The clients and settings of a function, one type per kind of function. The type shows which stores the
//! function uses, and so what its IAM role must allow.

pub mod all;
pub mod sheet_writer;

use std::future::Future;
use std::sync::Arc;

use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::dynamodb::reminders::Reminders;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::chats::Chats;
use scheduler_core::config::{ApiKey, ConfigError, EnvReader, Lookup, SslMode};
use scheduler_core::domain::allowed_phones::AllowedPhones;
use scheduler_core::domain::send_limits::SendLimits;
use scheduler_core::error::StoreError;
use scheduler_core::ports::Clock;
use scheduler_core::webhook_url::WebhookUrls;

use crate::auth::{Accepted, Auth, WebhookToken, scope_of};
use crate::error::ApiError;
use crate::metrics::{Metric, Metrics};
use crate::request::ApiRequest;

/// Connections to PostgreSQL of a job. Every other function needs one.
const JOB_CONNECTIONS: usize = 4;

/// The clients and settings that one kind of function uses.
pub trait Context: Clone + Send + Sync + Sized + 'static {
    /// Builds the context from the environment. Clients connect at the first use, or in [`Context::warm_up`].
    fn from_env(env: Lookup<'_>) -> Result<Self, StartError>;

    /// Opens the connections before the first request. A failure is only logged; the first request reports
    /// it.
    fn warm_up(&self) -> impl Future<Output = ()> + Send;

    /// The current time.
    fn clock(&self) -> &dyn Clock;

    /// Where metrics go.
    fn metrics(&self) -> &Metrics;
}

/// The context of an HTTP function.
pub trait HttpContext: Context {
    /// Who may call.
    const AUTH: Auth;

    /// Refuses a caller without a valid key or token. Otherwise sets the request's scope.
    fn authorize(&self, request: &mut ApiRequest) -> Result<(), ApiError>;
}

/// Admin routes: PostgreSQL only.
#[derive(Clone)]
pub struct Admin {
    pub(crate) db: Db,
    clock: Arc<dyn Clock>,
    keys: Arc<[ApiKey]>,
}

/// The admin route that shows a clinic with its webhook URL: PostgreSQL only.
#[derive(Clone)]
pub struct ClinicReader {
    pub(crate) admin: Admin,
    /// `None` if their base or their secret is not set.
    pub(crate) webhook_urls: Option<WebhookUrls>,
}

/// Admin routes that book: PostgreSQL, and the table of reminders.
#[derive(Clone)]
pub struct Reception {
    pub(crate) db: Db,
    pub(crate) reminders: Reminders,
    clock: Arc<dyn Clock>,
    keys: Arc<[ApiKey]>,
}

/// Admin routes that may send messages to patients: all stores, and z-api.
#[derive(Clone)]
pub struct Messenger {
    pub(crate) chats: Chats,
    keys: Arc<[ApiKey]>,
    metrics: Metrics,
}

/// The admin route that sends what reception wrote: all stores, and z-api.
#[derive(Clone)]
pub struct Sender {
    pub(crate) chats: Chats,
    pub(crate) limits: SendLimits,
    keys: Arc<[ApiKey]>,
    metrics: Metrics,
}

/// Webhooks: all stores, and z-api.
#[derive(Clone)]
pub struct Webhook {
    pub(crate) chats: Chats,
    token: WebhookToken,
    metrics: Metrics,
}

/// Scheduled functions that work with chats: all stores, and z-api.
#[derive(Clone)]
pub struct Job {
    /// The stores and the provider.
    pub chats: Chats,
    metrics: Metrics,
}

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Variables are missing or invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// SSM could not be asked for the secrets.
    #[error("could not read the secrets")]
    Secrets(#[from] scheduler_core::adapters::ssm::SsmError),
    /// The database URL is not valid.
    #[error("{0}: {source}", source = .0.source)]
    Store(#[from] StoreError),
    /// The HTTP client could not be created.
    #[error("could not create the HTTP client: {0}")]
    Http(#[from] scheduler_core::adapters::zapi::ZapiConfigError),
    /// The key of the service account is not valid.
    #[error(transparent)]
    Sheets(#[from] scheduler_core::adapters::sheets::SheetsConfigError),
}

impl Context for Admin {
    fn from_env(env: Lookup<'_>) -> Result<Self, StartError> {
        open_admin(EnvReader::new(env))
    }

    async fn warm_up(&self) {
        self.db.warm().await;
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn metrics(&self) -> &Metrics {
        &Metrics::OFF
    }
}

impl Context for ClinicReader {
    fn from_env(env: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = EnvReader::new(env);
        let webhook_urls = reader.webhook_urls();
        Ok(Self { admin: open_admin(reader)?, webhook_urls })
    }

    async fn warm_up(&self) {
        self.admin.warm_up().await;
    }

    fn clock(&self) -> &dyn Clock {
        self.admin.clock()
    }

    fn metrics(&self) -> &Metrics {
        self.admin.metrics()
    }
}

impl Context for Reception {
    fn from_env(env: Lookup<'_>) -> Result<Self, StartError> {
        let mut reader = EnvReader::new(env);
        let read = (reader.database(SslMode::VerifyFull), reader.reminders(), reader.api_keys());
        let (database, reminders, keys) = reader.finish(read)?;
        Ok(Self {
            db: Db::held_connections(&database)?,
            reminders: Reminders::new(reminders),
            clock: Arc::new(SystemClock),
            keys: keys.into(),
        })
    }

    async fn warm_up(&self) {
        tokio::join!(self.db.warm(), self.reminders.warm());
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn metrics(&self) -> &Metrics {
        &Metrics::OFF
    }
}

macro_rules! context_with_chats {
    (
        $context:ident, $warm_up:ident, $extra:expr,
        |$chats:ident, $metrics:ident, $read:pat_param| $build:expr
    ) => {
        impl Context for $context {
            fn from_env(env: Lookup<'_>) -> Result<Self, StartError> {
                let mut reader = EnvReader::new(env);
                let $read = $extra(&mut reader);
                let ($chats, $metrics) = open_chats(reader)?;
                Ok($build)
            }

            async fn warm_up(&self) {
                $warm_up(&self.chats).await;
            }

            fn clock(&self) -> &dyn Clock {
                &*self.chats.clock
            }

            fn metrics(&self) -> &Metrics {
                &self.metrics
            }
        }
    };
}

context_with_chats!(Messenger, warm_all_stores, EnvReader::api_keys, |chats, metrics, keys| Self {
    chats,
    keys: keys.into(),
    metrics
});
context_with_chats!(Sender, warm_all_stores, keys_and_limits, |chats, metrics, (keys, limits)| Self {
    chats,
    limits,
    keys: keys.into(),
    metrics
});
context_with_chats!(Webhook, warm_dynamodb, read_webhook_token, |chats, metrics, token| Self {
    chats,
    token,
    metrics
});
context_with_chats!(Job, warm_all_stores, use_job_connections, |chats, metrics, ()| Self { chats, metrics });

macro_rules! authorize_by_key {
    ($($context:ident),+) => {$(
        impl HttpContext for $context {
            const AUTH: Auth = Auth::Key;

            fn authorize(&self, request: &mut ApiRequest) -> Result<(), ApiError> {
                request.scope = scope_of(request, &self.keys)?;
                Ok(())
            }
        }
    )+};
}

authorize_by_key!(Admin, Reception, Messenger, Sender);

impl HttpContext for ClinicReader {
    const AUTH: Auth = Auth::Key;

    fn authorize(&self, request: &mut ApiRequest) -> Result<(), ApiError> {
        self.admin.authorize(request)
    }
}

impl HttpContext for Webhook {
    const AUTH: Auth = Auth::Token;

    fn authorize(&self, request: &mut ApiRequest) -> Result<(), ApiError> {
        let given = request.query("token").unwrap_or_default();
        let instance_id = request.body.as_ref().and_then(|body| self.chats.whatsapp.instance_id_of(body));
        if self.token.check(given, instance_id.as_deref())? == Accepted::ByMaster {
            self.metrics.emit(Metric::MasterTokenUses, 1, request.now);
            tracing::info!(step = "webhook_token", instance_id, "an instance uses a master as its token");
        }
        Ok(())
    }
}

async fn warm_all_stores(chats: &Chats) {
    tokio::join!(chats.db.warm(), chats.tables.warm());
}

/// PostgreSQL is connected by the first query of a call whose token was right. Otherwise calls without a
/// token, each of which may start another function, would use up the database's connections.
async fn warm_dynamodb(chats: &Chats) {
    chats.tables.warm().await;
}

fn read_webhook_token(reader: &mut EnvReader<'_>) -> WebhookToken {
    let (masters, accepts_master) = (reader.webhook_masters(), reader.accepts_webhook_master());
    WebhookToken::Required { masters, accepts_master }
}

/// Builds the clients of functions that use PostgreSQL alone. The error names every missing or invalid
/// variable, including those that were read from `reader` before.
fn open_admin(mut reader: EnvReader<'_>) -> Result<Admin, StartError> {
    let read = (reader.database(SslMode::VerifyFull), reader.api_keys());
    let (database, keys) = reader.finish(read)?;
    Ok(Admin { db: Db::held_connections(&database)?, clock: Arc::new(SystemClock), keys: keys.into() })
}

/// A job works on many items at once.
fn use_job_connections(reader: &mut EnvReader<'_>) {
    reader.use_connections(JOB_CONNECTIONS);
}

fn keys_and_limits(reader: &mut EnvReader<'_>) -> (Vec<ApiKey>, SendLimits) {
    (reader.api_keys(), reader.send_limits())
}

/// Builds the clients of functions that need all stores and z-api. The error names every missing or invalid
/// variable, including those that were read from `reader` before.
fn open_chats(mut reader: EnvReader<'_>) -> Result<(Chats, Metrics), StartError> {
    let stage = reader.optional("STAGE");
    let read = (reader.database(SslMode::VerifyFull), reader.tables(), reader.zapi());
    let (database, tables, zapi) = reader.finish(read)?;
    let chats = Chats {
        db: Db::held_connections(&database)?,
        tables: Tables::new(tables),
        whatsapp: Arc::new(Zapi::new(&zapi.base_url, zapi.client_token)?),
        clock: Arc::new(SystemClock),
        allowed: AllowedPhones::parse(&zapi.allowed_phones),
    };
    Ok((chats, Metrics::of(stage)))
}

#[cfg(test)]
mod tests;
