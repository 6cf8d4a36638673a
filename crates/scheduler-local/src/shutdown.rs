//! How long a stopping server waits for each of its parts.

use std::time::Duration;

/// Longer than the time budget of a webhook (12 s) and of a job (14 s), so that these can finish.
pub(crate) const GRACE_PERIOD: Duration = Duration::from_secs(15);
