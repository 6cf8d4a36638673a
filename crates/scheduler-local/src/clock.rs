//! A clock that can be stopped at an instant.

use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::ports::Clock;

/// Follows the system clock until it is stopped.
#[derive(Debug, Default)]
pub struct LocalClock(RwLock<Option<DateTime<Utc>>>);

impl LocalClock {
    /// Stops the clock at an instant; `None` lets it follow the system clock again.
    pub fn set(&self, at: Option<DateTime<Utc>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Whether the clock is stopped.
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
