//! Runs the items of a job: many at once, few of each clinic, in turn by clinic, page after page until the time
//! is up. One item can neither end the run nor hold up the other clinics
//! (docs/rules/reliability.md#jobs-for-many-clinics).

use std::collections::{HashMap, VecDeque};
use std::future::Future;

use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use crate::call_stats;
use crate::error::{StoreError, StoreErrorKind};

/// Items that are worked on at the same time. Most of the time is spent waiting for the provider.
const MAX_AT_ONCE: usize = 32;
/// Items of one clinic that are worked on at the same time.
const MAX_PER_CLINIC: usize = 4;
/// Items that are read ahead, so that there are some of other clinics when one clinic is slow.
const MAX_WAITING: usize = 20_000;

/// How an item ended.
#[derive(Debug)]
pub(super) enum Ended<R> {
    /// With its own result.
    Done(R),
    /// A store failed, or the item cannot be read.
    Failed(StoreError),
    /// It panicked.
    Panicked,
}

impl<R> Ended<R> {
    /// Whether the item itself is at fault, and not a store that is unavailable.
    pub(super) fn is_poison(&self) -> bool {
        match self {
            Self::Done(_) => false,
            Self::Failed(error) => error.kind == StoreErrorKind::Internal,
            Self::Panicked => true,
        }
    }
}

/// The items of a job, read page by page.
pub(super) trait Pages: Send {
    /// An item.
    type Item;

    /// The next page: each item with the clinic that it belongs to. `None` if there are no more pages.
    fn next_page(&mut self) -> impl Future<Output = Result<Option<Page<Self::Item>>, StoreError>> + Send;
}

/// Items, each with its clinic.
pub(super) type Page<T> = Vec<(String, T)>;

/// A single page, for items that are read at once.
pub(super) struct OnePage<T>(pub(super) Option<Page<T>>);

impl<T: Send> Pages for OnePage<T> {
    type Item = T;

    async fn next_page(&mut self) -> Result<Option<Page<T>>, StoreError> {
        Ok(self.0.take())
    }
}

/// Works on the items of `pages`. Starts nothing after `deadline`. Returns how many items were read and not started; the
/// error is of a page that could not be read, after which the items that were read before are still worked on.
pub(super) async fn run_fairly<P: Pages, R, F>(
    kind: &'static str,
    deadline: Instant,
    mut pages: P,
    work: impl Fn(P::Item) -> F,
    mut on_end: impl FnMut(Ended<R>),
) -> (usize, Option<StoreError>)
where
    F: Future<Output = Result<R, StoreError>> + Send + 'static,
    R: Send + 'static,
{
    let mut queue = ClinicQueue::default();
    let mut tasks = JoinSet::new();
    let mut clinics: HashMap<Id, String> = HashMap::new();
    let (mut has_more, mut failed) = (true, None);
    loop {
        while has_more && tasks.len() < MAX_AT_ONCE && !queue.has_startable() && queue.waiting < MAX_WAITING {
            match pages.next_page().await {
                Ok(Some(page)) => page.into_iter().for_each(|(clinic, item)| queue.push(clinic, item)),
                Ok(None) => has_more = false,
                Err(error) => {
                    has_more = false;
                    failed = Some(error);
                }
            }
        }
        while tasks.len() < MAX_AT_ONCE && Instant::now() < deadline {
            let Some((clinic, item)) = queue.start_next() else { break };
            let task = tasks.spawn(call_stats::within(work(item)).in_current_span());
            clinics.insert(task.id(), clinic);
        }
        let Some(ended) = tasks.join_next_with_id().await else { break };
        let (id, ended) = match ended {
            Ok((id, Ok(result))) => (id, Ended::Done(result)),
            Ok((id, Err(error))) => (id, Ended::Failed(error)),
            Err(error) => (error.id(), Ended::Panicked),
        };
        let clinic = clinics.remove(&id).unwrap_or_default();
        queue.end(&clinic);
        match &ended {
            Ended::Done(_) => {}
            Ended::Failed(error) => tracing::warn!(
                step = "job_item",
                kind,
                group = clinic,
                error = error as &dyn std::error::Error,
                "an item of a job failed; a later run tries again"
            ),
            Ended::Panicked => {
                tracing::error!(step = "job_item", kind, group = clinic, "an item of a job panicked");
            }
        }
        on_end(ended);
    }
    (queue.waiting, failed)
}

/// Waiting items by clinic, and how many of each clinic are worked on.
struct ClinicQueue<T> {
    /// Clinics with waiting items, in the order of their turns.
    turns: VecDeque<String>,
    items: HashMap<String, VecDeque<T>>,
    started: HashMap<String, usize>,
    waiting: usize,
}

impl<T> Default for ClinicQueue<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), items: HashMap::new(), started: HashMap::new(), waiting: 0 }
    }
}

impl<T> ClinicQueue<T> {
    fn push(&mut self, clinic: String, item: T) {
        self.waiting += 1;
        let items = self.items.entry(clinic.clone()).or_default();
        if items.is_empty() {
            self.turns.push_back(clinic);
        }
        items.push_back(item);
    }

    fn is_startable(&self, clinic: &str) -> bool {
        self.started.get(clinic).is_none_or(|started| *started < MAX_PER_CLINIC)
    }

    fn has_startable(&self) -> bool {
        self.turns.iter().any(|clinic| self.is_startable(clinic))
    }

    /// The next item of the clinic whose turn it is, skipping clinics that have enough.
    fn start_next(&mut self) -> Option<(String, T)> {
        let turn = self.turns.iter().position(|clinic| self.is_startable(clinic))?;
        let clinic = self.turns.remove(turn)?;
        let items = self.items.get_mut(&clinic)?;
        let item = items.pop_front()?;
        if items.is_empty() {
            self.items.remove(&clinic);
        } else {
            self.turns.push_back(clinic.clone());
        }
        self.waiting -= 1;
        *self.started.entry(clinic.clone()).or_default() += 1;
        Some((clinic, item))
    }

    fn end(&mut self, clinic: &str) {
        if let Some(started) = self.started.get_mut(clinic) {
            *started -= 1;
            if *started == 0 {
                self.started.remove(clinic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn pages(pages: &[&[(&str, u32)]]) -> VecDeque<Vec<(String, u32)>> {
        let owned = |page: &&[(&str, u32)]| page.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        pages.iter().map(owned).collect()
    }

    struct Listed(VecDeque<Page<u32>>);

    impl Pages for Listed {
        type Item = u32;

        async fn next_page(&mut self) -> Result<Option<Page<u32>>, StoreError> {
            Ok(self.0.pop_front())
        }
    }

    #[tokio::test]
    async fn items_are_taken_in_turn_by_clinic() {
        let mut queue = ClinicQueue::default();
        let page = pages(&[&[("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("c", 6)]]).remove(0);
        page.unwrap().into_iter().for_each(|(clinic, item)| queue.push(clinic, item));
        let order: Vec<u32> = std::iter::from_fn(|| queue.start_next()).map(|(_, item)| item).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
    }

    #[tokio::test]
    async fn a_panic_and_an_error_cost_only_their_items() {
        let left = pages(&[&[("a", 0), ("a", 1)], &[("b", 2), ("b", 3)]]);
        let (mut done, mut failed, mut panicked) = (Vec::new(), 0, 0);
        let work = |item: u32| async move {
            match item {
                0 => panic!("poison"),
                1 => Err(StoreError::internal("read an item", "poison")),
                item => Ok(item),
            }
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let (waiting, error) = run_fairly("test", deadline, Listed(left), work, |ended| match ended {
            Ended::Done(item) => done.push(item),
            Ended::Failed(_) => failed += 1,
            Ended::Panicked => panicked += 1,
        })
        .await;
        done.sort_unstable();
        assert_eq!((done, failed, panicked, waiting), (vec![2, 3], 1, 1, 0));
        assert!(error.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clinic_that_hangs_holds_up_no_other_one() {
        let hanging: Vec<(String, u32)> = (0..500).map(|n| ("hangs".to_owned(), n)).collect();
        let others: Vec<(String, u32)> =
            (0..100).map(|n| (format!("clinic-{}", n % 10), 1_000 + n)).collect();
        let left = VecDeque::from([hanging, others]);
        let at_once = Arc::new(AtomicUsize::new(0));
        let counter = at_once.clone();
        let work = move |item: u32| {
            let counter = counter.clone();
            async move {
                if item < 1_000 {
                    counter.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(12)).await;
                } else {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                Ok(item)
            }
        };
        let started = Instant::now();
        let mut last_other = Duration::ZERO;
        let (waiting, _) =
            run_fairly("test", started + Duration::from_secs(45), Listed(left), work, |ended| {
                if matches!(ended, Ended::Done(item) if item >= 1_000) {
                    last_other = started.elapsed();
                }
            })
            .await;
        assert!(last_other < Duration::from_secs(2), "{last_other:?}");
        assert_eq!(at_once.load(Ordering::SeqCst), 16, "four at once in 45 seconds");
        assert_eq!(waiting, 484);
    }
}
