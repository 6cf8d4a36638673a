//! Connections to PostgreSQL: few in Lambda, a pool in the local server. The macros here run a
//! statement on either.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::login::Login;
use super::options::connect_options;
use super::profile_cache::ProfileCache;
use crate::adapters::clock::SystemClock;
use crate::adapters::ssm::Secrets;
use crate::call_stats::{self, WaitGuard};
use crate::config::DatabaseConfig;
use crate::error::StoreError;
use crate::ports::Clock;

/// Client-side timeout: once for getting a connection, once more for each statement
/// (docs/rules/speed.md#budgets).
pub(super) const CLIENT_TIMEOUT: Duration = Duration::from_millis(3500);
/// A single connection that was idle for longer is pinged before it is used: the Lambda may have been frozen,
/// and the server may have closed the connection meanwhile.
const PING_AFTER_IDLE: TimeDelta = TimeDelta::seconds(60);
const PING_TIMEOUT: Duration = Duration::from_millis(300);

/// Handle to PostgreSQL. Clones share its connections, its count of statements and its cache.
#[derive(Clone)]
pub struct Db {
    connections: Connections,
    statements: Arc<AtomicU64>,
    pub(super) profiles: ProfileCache,
    /// By it, and not by a clock that may stand still while a Lambda is frozen, connections and profiles grow old.
    pub(super) clock: Arc<dyn Clock>,
}

#[derive(Clone)]
enum Connections {
    Held { login: Arc<Login>, permits: Arc<Semaphore>, idle: IdleConnections },
    Pool { pool: PgPool, broken_at: Arc<Mutex<Option<Instant>>> },
}

/// Connections that no statement uses, the one that was used last at the end.
type IdleConnections = Arc<Mutex<Vec<IdleConnection>>>;

struct IdleConnection {
    connection: PgConnection,
    since: DateTime<Utc>,
}

impl IdleConnection {
    fn was_idle_for_long(&self, now: DateTime<Utc>) -> bool {
        !(TimeDelta::zero()..PING_AFTER_IDLE).contains(&(now - self.since))
    }
}

impl Db {
    /// Keeps at most as many connections as `config` says, without a background task, which would stand still in
    /// a frozen Lambda. They are opened at the first use or by [`Db::warm`].
    pub fn held_connections(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let login = Arc::new(Login::new(connect_options(config)?));
        let permits = Arc::new(Semaphore::new(config.connections));
        Ok(Self::new(Connections::Held { login, permits, idle: Arc::default() }))
    }

    /// Keeps a pool of at most `max_connections`, which are opened on demand.
    pub fn connection_pool(config: &DatabaseConfig, max_connections: u32) -> Result<Self, StoreError> {
        let broken_at: Arc<Mutex<Option<Instant>>> = Arc::default();
        let last_break = broken_at.clone();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(CLIENT_TIMEOUT)
            .test_before_acquire(false)
            // When a connection breaks, all that were opened before that moment are probably broken too: the
            // pool closes them instead of lending them.
            .before_acquire(move |_, metadata| {
                let opened_at = Instant::now() - metadata.age;
                let broken_at = last_break.lock().ok().and_then(|at| *at);
                Box::pin(async move { Ok(broken_at.is_none_or(|at| opened_at > at)) })
            })
            .connect_lazy_with(connect_options(config)?);
        Ok(Self::new(Connections::Pool { pool, broken_at }))
    }

    fn new(connections: Connections) -> Self {
        let clock = Arc::new(SystemClock);
        Self { connections, statements: Arc::default(), profiles: ProfileCache::default(), clock }
    }

    /// Uses another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Connects ahead of the first request. A failure is only logged here; the first request reports its own.
    pub async fn warm(&self) {
        if let Err(error) = self.ping().await {
            tracing::warn!(step = "warm", error = %error.source, "the database is not available yet");
        }
    }

    /// Pings the database. Fails if it does not answer in time.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut guard = self.acquire("ping the database").await?;
        let answer = timeout(PING_TIMEOUT, guard.connection()?.ping()).await;
        guard.settle(answer).map_err(|error| store_error("ping the database", error))
    }

    /// Looks for a newer password in `secrets` whenever PostgreSQL refuses the one in use, which is from their
    /// `version`. A pool keeps the password that it started with.
    pub fn renew_password_from(&self, secrets: Arc<Secrets>, version: u64) {
        if let Connections::Held { login, .. } = &self.connections {
            login.renew_from(secrets, version);
        }
    }

    /// Number of statements sent so far.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Waits until every connection is back in the pool and closes the pool. Does nothing without a pool.
    pub async fn close(&self) {
        if let Connections::Pool { pool, .. } = &self.connections {
            pool.close().await;
        }
    }

    pub(super) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) async fn acquire(&self, action: &'static str) -> Result<ConnectionGuard, StoreError> {
        let wait = call_stats::start_wait();
        match timeout(CLIENT_TIMEOUT, self.connect()).await {
            Ok(Ok(checkout)) => Ok(ConnectionGuard { checkout, _wait: wait }),
            Ok(Err(error)) => Err(store_error(action, QueryError::Sql(error))),
            Err(_) => Err(store_error(action, QueryError::TimedOut)),
        }
    }

    async fn connect(&self) -> Result<Checkout, sqlx::Error> {
        match &self.connections {
            Connections::Pool { pool, broken_at } => {
                let connection = pool.acquire().await?;
                Ok(Checkout::Pooled(Some(connection), broken_at.clone()))
            }
            Connections::Held { login, permits, idle } => {
                // The semaphore is never closed.
                let permit = permits.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
                let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = match kept {
                    Some(kept) if !kept.was_idle_for_long(self.clock.now()) => kept.connection,
                    Some(mut kept) => match timeout(PING_TIMEOUT, kept.connection.ping()).await {
                        Ok(Ok(())) => kept.connection,
                        _ => login.connect().await?,
                    },
                    None => login.connect().await?,
                };
                let held = Held { idle: idle.clone(), clock: self.clock.clone(), _permit: permit };
                Ok(Checkout::Held(Some(connection), held))
            }
        }
    }
}

/// A connection while one statement uses it. If it is dropped without [`ConnectionGuard::settle`], the
/// connection is closed, because the next statement on it would wait for the old answer
/// (docs/rules/speed.md#connections).
pub(super) struct ConnectionGuard {
    checkout: Checkout,
    _wait: WaitGuard,
}

enum Checkout {
    Held(Option<PgConnection>, Held),
    Pooled(Option<PoolConnection<Postgres>>, Arc<Mutex<Option<Instant>>>),
}

/// Where a held connection goes back to.
struct Held {
    idle: IdleConnections,
    clock: Arc<dyn Clock>,
    _permit: OwnedSemaphorePermit,
}

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("no answer in time")]
    TimedOut,
}

impl ConnectionGuard {
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = match &mut self.checkout {
            Checkout::Held(connection, ..) => connection.as_mut(),
            Checkout::Pooled(connection, _) => connection.as_deref_mut(),
        };
        connection
            .ok_or_else(|| StoreError::internal("use a connection", "the connection was already returned"))
    }

    /// Returns the connection for further use, unless the statement timed out or broke the connection.
    pub(super) fn settle<T>(
        mut self,
        answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, QueryError> {
        match answer {
            Err(_) => Err(QueryError::TimedOut),
            Ok(Err(error)) if is_broken(&error) => {
                if let Checkout::Pooled(_, broken_at) = &self.checkout
                    && let Ok(mut at) = broken_at.lock()
                {
                    *at = Some(Instant::now());
                }
                Err(QueryError::Sql(error))
            }
            Ok(answer) => {
                match &mut self.checkout {
                    Checkout::Held(connection, held) => {
                        let since = held.clock.now();
                        let kept = connection.take().map(|connection| IdleConnection { connection, since });
                        held.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(kept);
                    }
                    Checkout::Pooled(connection, _) => drop(connection.take()),
                }
                answer.map_err(QueryError::Sql)
            }
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if let Checkout::Pooled(connection, _) = &mut self.checkout
            && let Some(connection) = connection.take()
        {
            drop(connection.detach());
        }
    }
}

/// Runs one statement: `run!(db, "find a clinic", |connection| query.fetch_one(connection))`. The text
/// completes "could not …" in the log. With `retry`, for statements that may be repeated, the statement
/// is run a second time on a new connection if the first connection broke.
macro_rules! run {
    ($db:expr, $action:expr, $($rest:tt)+) => {
        try_run!($db, $action, $($rest)+)
            .map_err(|error| $crate::adapters::postgres::connection::store_error($action, error))
    };
}
pub(super) use run;

/// Like [`run!`], but its value is a `Result` with the [`QueryError`]. If there is no connection, the calling
/// function returns the `StoreError`.
macro_rules! try_run {
    ($db:expr, $action:expr, retry, |$connection:ident| $query:expr) => {
        try_run!(@tries 2, $db, $action, |$connection| $query)
    };
    ($db:expr, $action:expr, |$connection:ident| $query:expr) => {
        try_run!(@tries 1, $db, $action, |$connection| $query)
    };
    (@tries $tries:expr, $db:expr, $action:expr, |$connection:ident| $query:expr) => {{
        let mut tries_left = $tries;
        loop {
            let mut guard = $db.acquire($action).await?;
            $db.count_statement();
            let $connection = guard.connection()?;
            let answer =
                tokio::time::timeout($crate::adapters::postgres::connection::CLIENT_TIMEOUT, $query).await;
            tries_left -= 1;
            match guard.settle(answer) {
                Err($crate::adapters::postgres::connection::QueryError::Sql(error))
                    if tries_left > 0 && $crate::adapters::postgres::connection::is_broken(&error) => {}
                answer => break answer,
            }
        }
    }};
}
pub(super) use try_run;

/// Defines a macro for statements that return one kind of row, so that its column list is written once:
/// `row_query!($ query_clinics: StoredClinic = "clinic_id, name");` and then
/// `query_clinics!("select", "from scheduler.clinics where clinic_id = $1", id)`. The first argument of
/// `row_query!` is a plain `$`, which the inner macro needs.
macro_rules! row_query {
    ($dollar:tt $name:ident: $row:ident = $columns:literal) => {
        macro_rules! $name {
            ($dollar before:literal, $dollar after:literal $dollar (, $dollar argument:expr)* $dollar (,)?) => {
                sqlx::query_as!(
                    $row,
                    $dollar before + " " + $columns + " " + $dollar after $dollar (, $dollar argument)*
                )
            };
        }
    };
}
pub(super) use row_query;

/// Whether the connection cannot be used any more after this error.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            true
        }
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    }
}

/// Turns a failed statement into a [`StoreError`]: unavailable if the database cannot serve it now, internal
/// if the statement is at fault.
pub(super) fn store_error(action: &'static str, error: QueryError) -> StoreError {
    let unavailable = match &error {
        QueryError::TimedOut => true,
        QueryError::Sql(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
        QueryError::Sql(sqlx::Error::Database(error)) => {
            // SQLSTATE classes: 53 insufficient resources, 57 operator intervention, 08 connection, 28 password
            // refused, as while it is rotated. Codes: 40P01 deadlock, 40001 serialization failure, 55P03 lock
            // not available.
            // https://www.postgresql.org/docs/current/errcodes-appendix.html
            error.code().is_some_and(|code| {
                ["53", "57", "08", "28"].iter().any(|class| code.starts_with(class))
                    || ["40P01", "40001", "55P03"].contains(&code.as_ref())
            })
        }
        QueryError::Sql(error) => is_broken(error),
    };
    match (unavailable, error) {
        // The server's error text may quote a row (docs/rules/security.md#logs).
        (_, QueryError::Sql(sqlx::Error::Database(error))) => {
            let cause = format!(
                "PostgreSQL error {} at constraint {}",
                error.code().as_deref().unwrap_or("?"),
                error.constraint().unwrap_or("-"),
            );
            if unavailable {
                StoreError::unavailable(action, cause)
            } else {
                StoreError::internal(action, cause)
            }
        }
        (true, error) => StoreError::unavailable(action, error),
        (false, error) => StoreError::internal(action, error),
    }
}

/// The constraint that refused a statement, if one did.
pub(super) fn constraint(error: &QueryError) -> Option<&str> {
    match error {
        QueryError::Sql(sqlx::Error::Database(error)) => error.constraint(),
        _ => None,
    }
}

/// Whether this is a deadlock or a serialization failure, after which the same statement may succeed.
pub(super) fn is_write_conflict(error: &QueryError) -> bool {
    matches!(error, QueryError::Sql(sqlx::Error::Database(error))
        if matches!(error.code().as_deref(), Some("40P01" | "40001")))
}
