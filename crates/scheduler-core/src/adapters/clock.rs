//! The system clock. Nothing else in the crate reads the current date and time.

use chrono::{DateTime, Utc};

use crate::ports::Clock;

/// Reads the time from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
