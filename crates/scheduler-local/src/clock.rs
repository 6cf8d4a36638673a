//! A clock that can be stopped and set.

use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::ports::Clock;

/// The machine's clock until it is stopped at an instant.
#[derive(Debug, Default)]
pub struct LocalClock(RwLock<Option<DateTime<Utc>>>);

impl LocalClock {
    /// Stops it there, or lets it run again.
    pub fn set(&self, at: Option<DateTime<Utc>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Whether it stands still.
    pub fn is_stopped(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Clock for LocalClock {
    fn now(&self) -> DateTime<Utc> {
        let stopped = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        stopped.unwrap_or_else(|| SystemClock.now())
    }
}
