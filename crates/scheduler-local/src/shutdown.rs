//! How long a stopping server waits for each of its parts.

use std::time::Duration;

/// Longer than the time budget of a webhook (12 s), so that it can finish. A job may take minutes; what it has
/// not finished by then is continued after the next start, as after a crash.
pub(crate) const GRACE_PERIOD: Duration = Duration::from_secs(15);
