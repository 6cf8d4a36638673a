//! Notifies waiting pages of changes, so that they need not poll.

use std::time::Duration;

use tokio::sync::watch;

/// A wait ends after this long even without a change, because a proxy may close an idle connection.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// Counts the changes since the server started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes(watch::Sender<u64>);

impl Changes {
    /// Reports a change: a request that may have written, a job run, a new clock time.
    pub(crate) fn notify(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Waits until the count differs from `seen`, at most `MAX_WAIT`, and returns the count. A lower count is
    /// a change too, because a restarted server counts from 0 again.
    pub(crate) async fn wait_for_change(&self, seen: u64) -> u64 {
        let mut receiver = self.0.subscribe();
        let _ = tokio::time::timeout(MAX_WAIT, receiver.wait_for(|count| *count != seen)).await;
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_at_the_next_change_and_at_once_if_one_was_missed() {
        let changes = Changes::default();
        let waiting = tokio::spawn({
            let changes = changes.clone();
            async move { changes.wait_for_change(0).await }
        });
        changes.notify();
        assert_eq!(waiting.await.unwrap(), 1);
        changes.notify();
        assert_eq!(changes.wait_for_change(1).await, 2);
        assert_eq!(changes.wait_for_change(7).await, 2, "a count of an earlier server");
    }
}
