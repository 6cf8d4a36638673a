//! Sweeps the embedded DynamoDB: deletes the items whose time is over, and gives their space back.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::ports::Clock;
use scheduler_dynamodb::{DynamoDb, ExpiringTable, ExpiryPage, Failure};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

const FIRST_SWEEP: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_secs(60 * 60);
/// How many times as long as a piece of work the sweep rests after it, so that requests have their turn.
const REST: u32 = 4;

/// Deletes the expired items of some tables.
pub struct Sweeper {
    engine: Arc<DynamoDb>,
    tables: Vec<ExpiringTable>,
}

/// Why a sweep ended early; what it deleted stays deleted.
#[derive(Debug, thiserror::Error)]
#[error("could not delete all expired items: {0}")]
pub struct SweepError(String);

impl Sweeper {
    pub(super) fn new(engine: Arc<DynamoDb>, tables: Vec<ExpiringTable>) -> Self {
        Self { engine, tables }
    }

    /// Deletes the items that had expired before `now`, in small pieces, and returns their number.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<usize, SweepError> {
        let mut deleted = 0;
        for table in &self.tables {
            let mut after = None;
            loop {
                let started = Instant::now();
                let table = table.clone();
                let delete = move |engine: &DynamoDb| engine.delete_expired(&table, now.timestamp(), after);
                let page: ExpiryPage = self.on_own_thread(delete).await?;
                deleted += page.deleted;
                after = page.last;
                if after.is_none() {
                    break;
                }
                sleep(started.elapsed() * REST).await;
            }
        }
        loop {
            let started = Instant::now();
            if !self.on_own_thread(DynamoDb::give_back_space).await? {
                return Ok(deleted);
            }
            sleep(started.elapsed() * REST).await;
        }
    }

    /// Sweeps every hour until the server stops. An item is deleted only if it has expired by the local clock
    /// and by the system's, because the local one may have been set forward for a moment.
    pub(crate) async fn run(self, clock: Arc<dyn Clock>, mut stopping: watch::Receiver<bool>) {
        let mut ticks = interval_at(Instant::now() + FIRST_SWEEP, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                _ = ticks.tick() => {}
            }
            let now = clock.now().min(SystemClock.now());
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                swept = self.sweep(now) => {
                    if let Err(error) = swept {
                        tracing::warn!(step = "dynamodb", error = %error, "a sweep ended early");
                    }
                }
            }
        }
    }

    async fn on_own_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&DynamoDb) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, SweepError> {
        let engine = Arc::clone(&self.engine);
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(done) => done.map_err(|failure| SweepError(failure.cause)),
            Err(error) => Err(SweepError(error.to_string())),
        }
    }
}
