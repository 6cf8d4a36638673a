//! One held connection per process (Lambda) or a pool (local server), and how a statement is run on
//! either.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};

use super::options::options;
use super::profiles::Remembered;
use crate::config::DatabaseConfig;
use crate::error::StoreError;
use crate::tally::{self, Wait};

/// All a call may take of the client's clock, connecting included.
const BUDGET: Duration = Duration::from_millis(3500);
/// A held connection idle for longer is pinged before it is used: Lambda may have been frozen, and
/// the other side gone.
const TRUSTED_FOR: Duration = Duration::from_secs(60);
const PING: Duration = Duration::from_millis(300);

/// PostgreSQL, however many connections it holds.
#[derive(Clone)]
pub struct Db {
    source: Source,
    statements: Arc<AtomicU64>,
    pub(super) remembered: Arc<Mutex<HashMap<String, Remembered>>>,
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
        Self { source, statements: Arc::default(), remembered: Arc::default() }
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
        let mut lease = self.acquire("ping the database").await?;
        let answer = timeout(PING, lease.connection()?.ping()).await;
        lease.settle(answer).map_err(|error| failed("ping the database", error))
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

    pub(super) async fn acquire(&self, doing: &'static str) -> Result<Lease, StoreError> {
        let wait = tally::wait();
        match timeout(BUDGET, self.connect()).await {
            Ok(Ok(held)) => Ok(Lease { held, _wait: wait }),
            Ok(Err(error)) => Err(failed(doing, Failure::Sql(error))),
            Err(_) => Err(failed(doing, Failure::Late)),
        }
    }

    async fn connect(&self) -> Result<Lent, sqlx::Error> {
        match &self.source {
            Source::Pool { pool, broken_at } => {
                let connection = pool.acquire().await?;
                Ok(Lent::Pooled(Some(connection), broken_at.clone()))
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
                Ok(Lent::Held(Some(connection), slot))
            }
        }
    }
}

/// A connection while one statement runs. Dropped before the statement's end it is closed: its next
/// user would wait for the old answer.
pub(super) struct Lease {
    held: Lent,
    _wait: Wait,
}

enum Lent {
    Held(Option<PgConnection>, OwnedMutexGuard<Option<Held>>),
    Pooled(Option<PoolConnection<Postgres>>, Arc<Mutex<Option<Instant>>>),
}

/// Why a statement did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("no answer in time")]
    Late,
}

impl Lease {
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = match &mut self.held {
            Lent::Held(connection, _) => connection.as_mut(),
            Lent::Pooled(connection, _) => connection.as_deref_mut(),
        };
        connection.ok_or_else(|| StoreError::internal("use a connection", "it was given back"))
    }

    /// Gives the connection back, unless the answer shows that it is of no more use.
    pub(super) fn settle<T>(
        mut self,
        answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        match answer {
            Err(_) => Err(Failure::Late),
            Ok(Err(error)) if is_broken(&error) => {
                if let Lent::Pooled(_, broken_at) = &self.held
                    && let Ok(mut at) = broken_at.lock()
                {
                    *at = Some(Instant::now());
                }
                Err(Failure::Sql(error))
            }
            Ok(answer) => {
                match &mut self.held {
                    Lent::Held(connection, slot) => {
                        let used_at = Instant::now();
                        **slot = connection.take().map(|connection| Held { connection, used_at });
                    }
                    Lent::Pooled(connection, _) => drop(connection.take()),
                }
                answer.map_err(Failure::Sql)
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Lent::Pooled(connection, _) = &mut self.held
            && let Some(connection) = connection.take()
        {
            drop(connection.detach());
        }
    }
}

/// Runs one statement: `run!(db, "find a clinic", |connection| query.fetch_one(connection))`. With
/// `again`, for what may be repeated, a second time on a new connection if the first one broke.
/// Gives `Result<_, Failure>` inside `Result<_, StoreError>`.
macro_rules! run {
    ($db:expr, $doing:expr, |$connection:ident| $body:expr) => {
        run!(@tries 1, $db, $doing, |$connection| $body)
    };
    ($db:expr, $doing:expr, again, |$connection:ident| $body:expr) => {
        run!(@tries 2, $db, $doing, |$connection| $body)
    };
    (@tries $tries:expr, $db:expr, $doing:expr, |$connection:ident| $body:expr) => {{
        let mut left = $tries;
        loop {
            let mut lease = $db.acquire($doing).await?;
            $db.count_statement();
            let $connection = lease.connection()?;
            let answer = tokio::time::timeout($crate::adapters::postgres::connection::STATEMENT, $body).await;
            left -= 1;
            match lease.settle(answer) {
                Err($crate::adapters::postgres::connection::Failure::Sql(error))
                    if left > 0 && $crate::adapters::postgres::connection::is_broken(&error) => {}
                answer => break answer,
            }
        }
    }};
}
pub(super) use run;

/// What one statement may take: the server's own limit and the way there and back.
pub(super) const STATEMENT: Duration = BUDGET;

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
pub(super) fn failed(doing: &'static str, failure: Failure) -> StoreError {
    let away = match &failure {
        Failure::Late => true,
        Failure::Sql(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
        Failure::Sql(sqlx::Error::Database(error)) => {
            // Resources, operator's intervention, connection, deadlock, serialisation, lock.
            error.code().is_some_and(|code| {
                ["53", "57", "08"].iter().any(|class| code.starts_with(class))
                    || ["40P01", "40001", "55P03"].contains(&code.as_ref())
            })
        }
        Failure::Sql(error) => is_broken(error),
    };
    match (away, failure) {
        // The server's words may quote a row.
        (_, Failure::Sql(sqlx::Error::Database(error))) => {
            let said = format!(
                "PostgreSQL error {} at constraint {}",
                error.code().as_deref().unwrap_or("?"),
                error.constraint().unwrap_or("-"),
            );
            if away { StoreError::unavailable(doing, said) } else { StoreError::internal(doing, said) }
        }
        (true, failure) => StoreError::unavailable(doing, failure),
        (false, failure) => StoreError::internal(doing, failure),
    }
}

/// The constraint that refused a statement, if one did.
pub(super) fn constraint(failure: &Failure) -> Option<&str> {
    match failure {
        Failure::Sql(sqlx::Error::Database(error)) => error.constraint(),
        _ => None,
    }
}

/// Whether the same statement may win if it is tried again: a deadlock, a serialisation failure.
pub(super) fn is_race(failure: &Failure) -> bool {
    matches!(failure, Failure::Sql(sqlx::Error::Database(error))
        if matches!(error.code().as_deref(), Some("40P01" | "40001")))
}
