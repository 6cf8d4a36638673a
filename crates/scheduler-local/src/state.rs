//! State that the handlers of the local server share.

use std::sync::Arc;

use scheduler_api::Contexts;
use tokio::sync::watch;

use crate::changes::Changes;
use crate::clock::LocalClock;
use crate::fake_zapi::FakeZapi;

/// Shared by every local handler; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct LocalState {
    pub contexts: Arc<Contexts>,
    pub clock: Arc<LocalClock>,
    /// The fake z-api server; `None` if `ZAPI_BASE_URL` is set.
    pub zapi: Option<Arc<FakeZapi>>,
    pub changes: Changes,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
}
