//! What one call of a function met on its way: its waits for the network, its turns, the messages
//! that failed. For the figures that are watched; nothing is decided by it.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

tokio::task_local! {
    static HERE: Arc<Mutex<Counted>>;
}

/// How a run of a chat ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Answered,
    /// The Reconciler takes the rest up.
    Left,
    /// Somebody else has the chat.
    Lost,
    /// A store failed; the Reconciler takes the chat up.
    Failed,
}

impl Outcome {
    /// The word in the figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Left => "left",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }
}

/// What was met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Times that it waited for PostgreSQL, DynamoDB or the provider; waits that touch count once.
    pub waits: u32,
    /// How the last run of a chat ended, if it ran one.
    pub turn: Option<Outcome>,
    /// Messages of which it learnt that they did not reach anybody.
    pub failed_messages: usize,
}

#[derive(Debug, Default)]
struct Counted {
    tally: Tally,
    waiting: u32,
}

/// A wait for the network, until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait(Option<Arc<Mutex<Counted>>>);

/// Runs a call and tells what it met. Not of tasks that it spawns.
pub async fn of<F: Future>(call: F) -> (F::Output, Tally) {
    let here = Arc::<Mutex<Counted>>::default();
    let output = HERE.scope(here.clone(), call).await;
    let tally = lock(&here).tally;
    // A call within a call counts for both.
    note(|outer| {
        outer.waits += tally.waits;
        outer.turn = tally.turn.or(outer.turn);
        outer.failed_messages += tally.failed_messages;
    });
    (output, tally)
}

/// Begins a wait.
pub(crate) fn wait() -> Wait {
    let here = HERE.try_with(Arc::clone).ok();
    if let Some(here) = &here {
        let mut counted = lock(here);
        counted.tally.waits += u32::from(counted.waiting == 0);
        counted.waiting += 1;
    }
    Wait(here)
}

/// A chat was run.
pub(crate) fn turn(outcome: Outcome) {
    note(|tally| tally.turn = Some(outcome));
}

/// A message did not reach its receiver.
pub(crate) fn message_failed() {
    note(|tally| tally.failed_messages += 1);
}

fn note(what: impl FnOnce(&mut Tally)) {
    // Outside a call nobody counts.
    let _ = HERE.try_with(|here| what(&mut lock(here).tally));
}

fn lock(here: &Mutex<Counted>) -> MutexGuard<'_, Counted> {
    here.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(here) = &self.0 {
            lock(here).waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_one_after_the_other_count_each_and_at_once_count_one() {
        let wait = async || {
            let _wait = super::wait();
            tokio::task::yield_now().await;
        };
        let ((), tally) = of(async {
            wait().await;
            tokio::join!(wait(), wait(), wait());
            wait().await;
            turn(Outcome::Answered);
            message_failed();
        })
        .await;
        assert_eq!(tally, Tally { waits: 3, turn: Some(Outcome::Answered), failed_messages: 1 });
    }

    #[tokio::test]
    async fn what_is_given_up_waits_no_more_and_outside_a_call_nothing_is_counted() {
        drop(wait());
        let ((), tally) = of(async {
            drop(wait());
            drop(wait());
        })
        .await;
        assert_eq!(tally.waits, 2);
    }
}
