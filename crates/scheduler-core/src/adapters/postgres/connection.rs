//! One held connection per process (Lambda) or a pool (local server), and how a statement is run on
//! either.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};

use super::options::options;
use super::profile_cache::ProfileCache;
use crate::call_stats::{self, WaitGuard};
use crate::config::DatabaseConfig;
use crate::error::StoreError;

/// All a call may take of the client's clock, connecting included.
pub(super) const BUDGET: Duration = Duration::from_millis(3500);
/// A held connection idle for longer is pinged before it is used: Lambda may have been frozen, and
/// the other side gone.
const TRUSTED_FOR: Duration = Duration::from_secs(60);
const PING: Duration = Duration::from_millis(300);

/// PostgreSQL, however many connections it holds.
#[derive(Clone)]
pub struct Db {
    source: Source,
    statements: Arc<AtomicU64>,
    pub(super) profiles: ProfileCache,
}

#[derive(Clone)]
enum Source {
    Held { options: Arc<PgConnectOptions>, slot: Arc<tokio::sync::Mutex<Option<Held>>> },
    Pool { pool: PgPool, broken_at: Arc<Mutex<Option<Instant>>> },
}

struct Held {
    connection: PgConnection,
    used_at: Instant,
}

impl Db {
    /// Holds one connection, made at the first use or by [`Db::warm`].
    pub fn held(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let options = Arc::new(options(config)?);
        Ok(Self::on(Source::Held { options, slot: Arc::default() }))
    }

    /// Keeps up to `connections`, made as they are needed.
    pub fn pooled(config: &DatabaseConfig, connections: u32) -> Result<Self, StoreError> {
        let broken_at: Arc<Mutex<Option<Instant>>> = Arc::default();
        let seen = broken_at.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(BUDGET)
            .test_before_acquire(false)
            // A break says nothing good of any connection made before it.
            .before_acquire(move |_, about| {
                let made = Instant::now() - about.age;
                let broken = seen.lock().ok().and_then(|at| *at);
                Box::pin(async move { Ok(broken.is_none_or(|at| made > at)) })
            })
            .connect_lazy_with(options(config)?);
        Ok(Self::on(Source::Pool { pool, broken_at }))
    }

    fn on(source: Source) -> Self {
        Self { source, statements: Arc::default(), profiles: ProfileCache::default() }
    }

    /// Opens what will surely be needed, ahead of the first request; its failure is the first
    /// request's to report.
    pub async fn warm(&self) {
        if let Err(error) = self.ping().await {
            tracing::warn!(step = "warm", error = %error.source, "the database is not there yet");
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut guard = self.acquire("ping the database").await?;
        let answer = timeout(PING, guard.connection()?.ping()).await;
        guard.settle(answer).map_err(|error| store_error("ping the database", error))
    }

    /// Statements sent since the process started.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Waits for connections to be given back and closes them.
    pub async fn close(&self) {
        if let Source::Pool { pool, .. } = &self.source {
            pool.close().await;
        }
    }

    pub(super) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) async fn acquire(&self, action: &'static str) -> Result<ConnectionGuard, StoreError> {
        let wait = call_stats::start_wait();
        match timeout(BUDGET, self.connect()).await {
            Ok(Ok(held)) => Ok(ConnectionGuard { held, _wait: wait }),
            Ok(Err(error)) => Err(store_error(action, QueryError::Sql(error))),
            Err(_) => Err(store_error(action, QueryError::Late)),
        }
    }

    async fn connect(&self) -> Result<Checkout, sqlx::Error> {
        match &self.source {
            Source::Pool { pool, broken_at } => {
                let connection = pool.acquire().await?;
                Ok(Checkout::Pooled(Some(connection), broken_at.clone()))
            }
            Source::Held { options, slot } => {
                let mut slot = slot.clone().lock_owned().await;
                let connection = match slot.take() {
                    Some(held) if held.used_at.elapsed() < TRUSTED_FOR => held.connection,
                    Some(mut held) => match timeout(PING, held.connection.ping()).await {
                        Ok(Ok(())) => held.connection,
                        _ => PgConnection::connect_with(options).await?,
                    },
                    None => PgConnection::connect_with(options).await?,
                };
                Ok(Checkout::Held(Some(connection), slot))
            }
        }
    }
}

/// A connection while one statement runs. Dropped before the statement's end it is closed: its next
/// user would wait for the old answer.
pub(super) struct ConnectionGuard {
    held: Checkout,
    _wait: WaitGuard,
}

enum Checkout {
    Held(Option<PgConnection>, OwnedMutexGuard<Option<Held>>),
    Pooled(Option<PoolConnection<Postgres>>, Arc<Mutex<Option<Instant>>>),
}

/// Why a statement did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("no answer in time")]
    Late,
}

impl ConnectionGuard {
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = match &mut self.held {
            Checkout::Held(connection, _) => connection.as_mut(),
            Checkout::Pooled(connection, _) => connection.as_deref_mut(),
        };
        connection.ok_or_else(|| StoreError::internal("use a connection", "it was given back"))
    }

    /// Gives the connection back, unless the answer shows that it is of no more use.
    pub(super) fn settle<T>(
        mut self,
        answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, QueryError> {
        match answer {
            Err(_) => Err(QueryError::Late),
            Ok(Err(error)) if is_broken(&error) => {
                if let Checkout::Pooled(_, broken_at) = &self.held
                    && let Ok(mut at) = broken_at.lock()
                {
                    *at = Some(Instant::now());
                }
                Err(QueryError::Sql(error))
            }
            Ok(answer) => {
                match &mut self.held {
                    Checkout::Held(connection, slot) => {
                        let used_at = Instant::now();
                        **slot = connection.take().map(|connection| Held { connection, used_at });
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
        if let Checkout::Pooled(connection, _) = &mut self.held
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

/// Like [`run!`], for callers that look into the [`QueryError`]. Without a connection it returns a
/// `StoreError` from the calling function.
macro_rules! try_run {
    ($db:expr, $action:expr, retry, |$connection:ident| $query:expr) => {
        try_run!(@tries 2, $db, $action, |$connection| $query)
    };
    ($db:expr, $action:expr, |$connection:ident| $query:expr) => {
        try_run!(@tries 1, $db, $action, |$connection| $query)
    };
    (@tries $tries:expr, $db:expr, $action:expr, |$connection:ident| $query:expr) => {{
        let mut left = $tries;
        loop {
            let mut guard = $db.acquire($action).await?;
            $db.count_statement();
            let $connection = guard.connection()?;
            let answer = tokio::time::timeout($crate::adapters::postgres::connection::BUDGET, $query).await;
            left -= 1;
            match guard.settle(answer) {
                Err($crate::adapters::postgres::connection::QueryError::Sql(error))
                    if left > 0 && $crate::adapters::postgres::connection::is_broken(&error) => {}
                answer => break answer,
            }
        }
    }};
}
pub(super) use try_run;

/// Defines a macro for statements that return one kind of row, so that its column list is written once:
/// `row_query!($ query_clinics: ClinicRow = "clinic_id, name");` and then
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

/// Whether a connection is of no use after this error.
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

/// A failed statement as everybody else knows it: the database is away, or our statement is wrong.
pub(super) fn store_error(action: &'static str, error: QueryError) -> StoreError {
    let away = match &error {
        QueryError::Late => true,
        QueryError::Sql(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
        QueryError::Sql(sqlx::Error::Database(error)) => {
            // Resources, operator's intervention, connection, deadlock, serialisation, lock.
            error.code().is_some_and(|code| {
                ["53", "57", "08"].iter().any(|class| code.starts_with(class))
                    || ["40P01", "40001", "55P03"].contains(&code.as_ref())
            })
        }
        QueryError::Sql(error) => is_broken(error),
    };
    match (away, error) {
        // The server's words may quote a row.
        (_, QueryError::Sql(sqlx::Error::Database(error))) => {
            let said = format!(
                "PostgreSQL error {} at constraint {}",
                error.code().as_deref().unwrap_or("?"),
                error.constraint().unwrap_or("-"),
            );
            if away { StoreError::unavailable(action, said) } else { StoreError::internal(action, said) }
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

/// Whether the same statement may win if it is tried again: a deadlock, a serialisation failure.
pub(super) fn is_race(error: &QueryError) -> bool {
    matches!(error, QueryError::Sql(sqlx::Error::Database(error))
        if matches!(error.code().as_deref(), Some("40P01" | "40001")))
}
