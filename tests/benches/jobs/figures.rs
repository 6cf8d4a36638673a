//! What the runs of a job did, and how long they took.

use std::future::Future;
use std::time::{Duration, Instant};

use scheduler_core::error::StoreError;

/// The runs of one job on one load.
pub struct Figures {
    pub clinics: usize,
    /// Messages to send.
    pub items: usize,
    /// How long each run took.
    pub runs: Vec<Duration>,
}

/// Runs a job and measures it.
pub async fn timed<T>(run: impl Future<Output = Result<T, StoreError>>) -> (T, Duration) {
    let started = Instant::now();
    let summary = run.await.expect("the stores answer");
    (summary, started.elapsed())
}

/// Prints what the columns of [`Figures::print`] are, and how z-api behaves in the lines below.
pub fn print_heading(zapi: &str) {
    println!(
        "{zapi:<32} {:>7} {:>6} {:>4} {:>11} {:>11} {:>7} {:>7}",
        "clinics", "items", "runs", "longest run", "jobs' time", "items/s", "ms/item"
    );
}

impl Figures {
    /// The time of all runs together.
    pub fn jobs_time(&self) -> Duration {
        self.runs.iter().sum()
    }

    /// Milliseconds of the jobs' time for each item.
    pub fn milliseconds_per_item(&self) -> f64 {
        self.jobs_time().as_secs_f64() * 1e3 / self.items as f64
    }

    /// Prints one line.
    pub fn print(&self, what: &str) {
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        println!(
            "{what:<32} {:>7} {:>6} {:>4} {:>11} {:>11} {:>7.1} {:>7.2}",
            self.clinics,
            self.items,
            self.runs.len(),
            seconds(self.longest_run()),
            seconds(self.jobs_time()),
            self.items as f64 / self.jobs_time().as_secs_f64(),
            self.milliseconds_per_item(),
        );
    }

    /// Fails if AWS would have ended a run.
    pub fn check_timeout(&self, timeout: Duration) {
        let longest = self.longest_run();
        assert!(longest <= timeout, "a run took {longest:?}, but its function ends after {timeout:?}");
    }

    fn longest_run(&self) -> Duration {
        self.runs.iter().copied().max().unwrap_or_default()
    }
}
