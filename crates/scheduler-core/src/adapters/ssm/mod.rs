//! The secrets of a function: parameters of SSM, read when the function starts and again when they may have
//! been rotated (docs/rules/security.md#secrets).

mod call;
mod config;
mod sign;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use self::call::{Found, get_parameters};
use crate::domain::clinic::Secret;
use crate::ports::Clock;

pub use self::call::SsmError;
pub use self::config::{RDS_PASSWORD, SsmConfig};

/// Secrets are read again when they are older than this.
const MAX_AGE: TimeDelta = TimeDelta::minutes(5);
/// Pause after a read that failed.
const PAUSE_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(30);
/// Pause between two reads because of a refused password, so that a database whose password nobody has put
/// into SSM yet does not use up SSM's 40 calls a second.
const PAUSE_AFTER_REFUSAL: TimeDelta = TimeDelta::seconds(5);
/// No attempt begins later than this after the start. With the last attempt and the first connections a start
/// stays within the 10 seconds that Lambda allows.
const START_BUDGET: Duration = Duration::from_millis(4_500);
/// Longest pauses between two attempts of a start: the first, and the most that it grows to.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);

/// The secrets as they were last read, and how to read them again.
pub struct Secrets {
    config: SsmConfig,
    clock: Arc<dyn Clock>,
    latest: Mutex<Arc<Values>>,
    /// Locked while SSM is asked, so that concurrent calls wait for one answer.
    reads: tokio::sync::Mutex<Reads>,
}

/// What a read found.
#[derive(Debug)]
pub struct Values {
    version: u64,
    found: Found,
}

/// When SSM was asked, by the wall clock: a monotonic clock stands still while the function is frozen.
struct Reads {
    read_at: DateTime<Utc>,
    tried_at: DateTime<Utc>,
    refused_at: Option<DateTime<Utc>>,
}

impl Values {
    /// Increases whenever a secret has changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A secret; `None` if SSM was not asked for it or has no such parameter.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.found.get(name)
    }
}

impl Secrets {
    /// Reads the secrets for a start. Throttling, server errors and lost connections are retried for some
    /// seconds.
    pub async fn read(config: SsmConfig, clock: Arc<dyn Clock>) -> Result<Self, SsmError> {
        let found = read_with_retries(&config, &*clock).await?;
        let now = clock.now();
        let reads = Reads { read_at: now, tried_at: now, refused_at: None };
        let latest = Mutex::new(Arc::new(Values { version: 0, found }));
        Ok(Self { config, clock, latest, reads: tokio::sync::Mutex::new(reads) })
    }

    /// The names that SSM is asked for.
    pub fn names(&self) -> &[&'static str] {
        &self.config.names
    }

    /// The secrets in use.
    pub fn latest(&self) -> Arc<Values> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the secrets again if they are older than five minutes. If that fails, the old ones stay in use.
    pub async fn refresh_if_old(&self) {
        let mut reads = self.reads.lock().await;
        let now = self.clock.now();
        if !is_recent(reads.read_at, now, MAX_AGE) && !is_recent(reads.tried_at, now, PAUSE_AFTER_FAILURE) {
            self.read_again(&mut reads).await;
        }
    }

    /// Secrets that are newer than the version `refused`, of which the password was refused. Reads them again
    /// if there are none yet.
    pub async fn newer_than(&self, refused: u64) -> Option<Arc<Values>> {
        let mut reads = self.reads.lock().await;
        let now = self.clock.now();
        let may_read = reads.refused_at.is_none_or(|at| !is_recent(at, now, PAUSE_AFTER_REFUSAL));
        if self.latest().version == refused && may_read {
            reads.refused_at = Some(now);
            self.read_again(&mut reads).await;
        }
        Some(self.latest()).filter(|values| values.version != refused)
    }

    async fn read_again(&self, reads: &mut Reads) {
        let now = self.clock.now();
        reads.tried_at = now;
        match get_parameters(&self.config, now).await {
            Ok(found) => {
                reads.read_at = now;
                self.replace(found);
            }
            Err(error) => tracing::warn!(
                step = "secrets",
                error = &error as &dyn std::error::Error,
                "could not read the secrets again; the old ones stay in use"
            ),
        }
    }

    fn replace(&self, found: Found) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.found != found {
            *latest = Arc::new(Values { version: latest.version + 1, found });
        }
    }
}

/// A clock that was set back makes nothing recent.
fn is_recent(at: DateTime<Utc>, now: DateTime<Utc>, age: TimeDelta) -> bool {
    (TimeDelta::zero()..age).contains(&(now - at))
}

async fn read_with_retries(config: &SsmConfig, clock: &dyn Clock) -> Result<Found, SsmError> {
    let started = Instant::now();
    let mut longest = FIRST_PAUSE;
    loop {
        let error = match get_parameters(config, clock.now()).await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let pause = jittered(longest);
        if !error.is_temporary() || started.elapsed() + pause > START_BUDGET {
            return Err(error);
        }
        tracing::warn!(
            step = "secrets",
            error = &error as &dyn std::error::Error,
            "could not read the secrets yet"
        );
        tokio::time::sleep(pause).await;
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
}

/// Between half of `longest` and all of it. Functions that start together do not ask again together.
fn jittered(longest: Duration) -> Duration {
    let random = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    longest / 2 + longest * random / 512
}
