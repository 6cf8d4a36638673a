//! Tells who watches that something has happened here, so that a page shows it without asking all
//! the time.

use std::time::Duration;

use tokio::sync::watch;

/// A watcher who heard nothing for so long is answered all the same: whatever lies between them and
/// the server may not like a longer silence.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many things have happened since the server started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes(watch::Sender<u64>);

impl Changes {
    /// Something has happened: a call that may have written, a job, another time.
    pub(crate) fn tell(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// The count as soon as it is another than `seen`. Another and not a higher one, since it begins
    /// anew with the server.
    pub(crate) async fn after(&self, seen: u64) -> u64 {
        let mut watching = self.0.subscribe();
        let _ = tokio::time::timeout(PATIENCE, watching.wait_for(|count| *count != seen)).await;
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watcher_hears_of_the_next_change_and_of_one_that_was_missed() {
        let changes = Changes::default();
        let watching = tokio::spawn({
            let changes = changes.clone();
            async move { changes.after(0).await }
        });
        changes.tell();
        assert_eq!(watching.await.unwrap(), 1);
        changes.tell();
        assert_eq!(changes.after(1).await, 2);
        assert_eq!(changes.after(7).await, 2, "of a server before this one");
    }
}
