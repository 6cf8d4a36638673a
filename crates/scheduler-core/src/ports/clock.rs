//! What time it is.

use chrono::{DateTime, Utc};

/// The one source of "now".
pub trait Clock: Send + Sync {
    /// The instant, UTC.
    fn now(&self) -> DateTime<Utc>;
}
