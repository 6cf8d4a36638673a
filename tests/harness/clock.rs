//! A clock that tests set.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use scheduler_core::ports::Clock;

/// A Monday, 09:00 in São Paulo, on which the example clinic has just opened.
pub const MONDAY: &str = "2026-02-16T12:00:00Z";

/// Stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Standing at [`MONDAY`].
    pub fn new() -> Self {
        Self(Mutex::new(MONDAY.parse().unwrap_or_default()))
    }

    /// Stands there now.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// So much later.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
