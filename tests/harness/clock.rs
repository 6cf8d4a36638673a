//! A clock that stands still until a test sets or advances it.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use scheduler_core::ports::Clock;

/// Monday, 09:00 in São Paulo: the example clinic has just opened.
pub const MONDAY: &str = "2026-02-16T12:00:00Z";

/// A [`Clock`] that tests control.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Starts at [`MONDAY`].
    pub fn new() -> Self {
        Self(Mutex::new(MONDAY.parse().unwrap_or_default()))
    }

    /// Sets the current time.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock forward.
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
