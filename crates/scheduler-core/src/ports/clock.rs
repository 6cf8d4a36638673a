//! The clock, which tests and the local server can set.

use chrono::{DateTime, Utc};

/// The only source of the current time.
pub trait Clock: Send + Sync {
    /// The current instant, in UTC.
    fn now(&self) -> DateTime<Utc>;
}
