//! Takes up what a crash or an outage left behind.

use std::time::Duration;

use serde::Serialize;

use crate::app::converse::Chats;
use crate::error::StoreError;

/// What a run of the Reconciler did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileSummary {
    /// Chats that were taken up and have no work left.
    pub chats_finished: usize,
    /// Chats that still have work: another run takes them up.
    pub chats_left: usize,
    /// Webhooks of instance inboxes that were worked on.
    pub inbox_finished: usize,
    /// Webhooks that stay where they are, their clinic still being unknown.
    pub inbox_left: usize,
}

impl Chats {
    /// Takes up every chat whose lease ran out with work left, and every webhook that waits for
    /// its clinic. Stops cleanly after `budget`. Safe when two run at once.
    pub async fn reconcile(&self, _budget: Duration) -> Result<ReconcileSummary, StoreError> {
        todo!()
    }
}
