//! Counts what one call of a function did: network waits, the run of a chat, failed messages. The
//! figures go to CloudWatch; no decision depends on them.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

tokio::task_local! {
    static CURRENT: Arc<Mutex<Counters>>;
}

/// How the run of a chat ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// The inbox is empty and every reply is out.
    Done,
    /// Work is left, which the Reconciler continues.
    Deferred,
    /// Another worker holds the chat's lease.
    LostLease,
    /// A store failed; the Reconciler continues with the chat.
    Failed,
}

impl RunOutcome {
    /// The value of the metric's dimension `outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "answered",
            Self::Deferred => "left",
            Self::LostLease => "lost",
            Self::Failed => "failed",
        }
    }
}

/// What one call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallStats {
    /// Waits for PostgreSQL, DynamoDB or the provider; waits that overlap count once.
    pub waits: u32,
    /// How the last run of a chat ended, if the call ran one.
    pub run: Option<RunOutcome>,
    /// Messages that the call found to be undeliverable.
    pub failed_messages: usize,
    /// Messages of which it stays unknown whether the provider accepted them.
    pub unknown_messages: usize,
}

#[derive(Debug, Default)]
struct Counters {
    stats: CallStats,
    open_waits: u32,
}

/// A network wait. It ends when the guard is dropped.
#[derive(Debug)]
pub(crate) struct WaitGuard(Option<Arc<Mutex<Counters>>>);

/// Runs a call and returns its statistics. Tasks that the call spawns are counted only if they run
/// `within` it.
pub async fn measure<F: Future>(call: F) -> (F::Output, CallStats) {
    let counters = Arc::<Mutex<Counters>>::default();
    let output = CURRENT.scope(counters.clone(), call).await;
    let stats = lock(&counters).stats;
    // A call inside another call counts for both.
    record(|outer| {
        outer.waits += stats.waits;
        outer.run = stats.run.or(outer.run);
        outer.failed_messages += stats.failed_messages;
        outer.unknown_messages += stats.unknown_messages;
    });
    (output, stats)
}

/// A task of the current call: what it does counts for the call.
pub(crate) fn within<F: Future>(task: F) -> impl Future<Output = F::Output> {
    let counters = CURRENT.try_with(Arc::clone).unwrap_or_default();
    CURRENT.scope(counters, task)
}

pub(crate) fn start_wait() -> WaitGuard {
    let counters = CURRENT.try_with(Arc::clone).ok();
    if let Some(counters) = &counters {
        let mut counters = lock(counters);
        counters.stats.waits += u32::from(counters.open_waits == 0);
        counters.open_waits += 1;
    }
    WaitGuard(counters)
}

pub(crate) fn record_run(outcome: RunOutcome) {
    record(|stats| stats.run = Some(outcome));
}

pub(crate) fn record_failed_message() {
    record(|stats| stats.failed_messages += 1);
}

pub(crate) fn record_unknown_message() {
    record(|stats| stats.unknown_messages += 1);
}

fn record(change: impl FnOnce(&mut CallStats)) {
    // Outside a measured call there is nothing to count.
    let _ = CURRENT.try_with(|counters| change(&mut lock(counters).stats));
}

fn lock(counters: &Mutex<Counters>) -> MutexGuard<'_, Counters> {
    counters.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for WaitGuard {
    fn drop(&mut self) {
        if let Some(counters) = &self.0 {
            lock(counters).open_waits -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn consecutive_waits_all_count_and_overlapping_waits_count_once() {
        let wait = async || {
            let _wait = start_wait();
            tokio::task::yield_now().await;
        };
        let ((), stats) = measure(async {
            wait().await;
            tokio::join!(wait(), wait(), wait());
            wait().await;
            record_run(RunOutcome::Done);
            record_failed_message();
            record_unknown_message();
        })
        .await;
        let run = Some(RunOutcome::Done);
        assert_eq!(stats, CallStats { waits: 3, run, failed_messages: 1, unknown_messages: 1 });
    }

    #[tokio::test]
    async fn a_task_within_a_call_counts_for_it() {
        let ((), stats) = measure(async {
            let counted = tokio::spawn(within(async { record_failed_message() }));
            let not_counted = tokio::spawn(async { record_failed_message() });
            counted.await.and(not_counted.await).unwrap();
        })
        .await;
        assert_eq!(stats.failed_messages, 1);
    }

    #[tokio::test]
    async fn a_dropped_wait_has_ended_and_nothing_is_counted_outside_a_call() {
        drop(start_wait());
        let ((), stats) = measure(async {
            drop(start_wait());
            drop(start_wait());
        })
        .await;
        assert_eq!(stats.waits, 2);
    }
}
