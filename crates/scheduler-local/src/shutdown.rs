//! How long the server waits for its parts when it stops.

use std::time::Duration;

/// Longer than the budget of a webhook (12 s) and of a job (14 s).
pub(crate) const GRACE: Duration = Duration::from_secs(15);
