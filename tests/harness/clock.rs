//! A clock that stands still, or ticks with each reading, until a test sets or advances it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use scheduler_core::ports::Clock;

/// Monday, 09:00 in São Paulo: the example clinic has just opened.
pub const MONDAY: &str = "2026-02-16T12:00:00Z";

/// A [`Clock`] that tests control.
#[derive(Debug)]
pub struct TestClock(Mutex<Time>);

#[derive(Debug)]
struct Time {
    now: DateTime<Utc>,
    /// How far each reading moves the clock.
    tick: TimeDelta,
}

impl TestClock {
    /// Starts at [`MONDAY`].
    pub fn new() -> Self {
        Self(Mutex::new(Time { now: MONDAY.parse().unwrap_or_default(), tick: TimeDelta::zero() }))
    }

    /// Sets the current time.
    pub fn set(&self, now: DateTime<Utc>) {
        self.time().now = now;
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        self.time().now += by;
    }

    /// From now on each reading moves the clock forward, so that no two instants are the same.
    pub fn tick(&self, by: TimeDelta) {
        self.time().tick = by;
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let mut time = self.time();
        let (now, tick) = (time.now, time.tick);
        time.now += tick;
        now
    }
}
