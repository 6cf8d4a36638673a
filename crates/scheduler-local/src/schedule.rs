//! Runs the jobs on their schedule, by the local clock. What AWS runs every minute runs every five seconds.

use std::sync::Arc;
use std::time::Duration;

use scheduler_api::Contexts;
use scheduler_api::job::AnyJob;
use scheduler_api::jobs::JOBS;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::changes::Changes;

/// How often each job looks at the clock.
const TICK: Duration = Duration::from_secs(5);

/// Runs jobs until the server stops, and then finishes the runs that have begun. Each job has a task of its
/// own, because a run may take minutes and the others must not wait for it.
pub(crate) async fn run(contexts: Arc<Contexts>, changes: Changes, stopping: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    for job in JOBS {
        tasks.spawn(repeat(*job, contexts.clone(), changes.clone(), stopping.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn repeat(
    job: &'static dyn AnyJob,
    contexts: Arc<Contexts>,
    changes: Changes,
    mut stopping: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let clock = &contexts.job.chats.clock;
    let mut last = clock.now().timestamp();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        let now = clock.now().timestamp();
        if is_due(job.every_minutes, last, now) {
            run_job(&contexts, job).await;
            changes.notify();
        }
        last = now;
    }
}

/// Whether a job runs at this tick. `last` and `now` are the times of the previous tick and of this one, in
/// seconds.
fn is_due(every_minutes: i64, last: i64, now: i64) -> bool {
    let period = 60 * every_minutes;
    // `>` and not `!=`, so that setting the clock back runs no job.
    every_minutes == 1 || now.div_euclid(period) > last.div_euclid(period)
}

async fn run_job(contexts: &Contexts, job: &dyn AnyJob) {
    let span = tracing::info_span!("job", trace_id = %uuid::Uuid::new_v4());
    async {
        if let Err(error) = job.run_in(contexts).await {
            tracing::warn!(
                step = "job",
                function = job.function,
                error = &error as &dyn std::error::Error,
                "a job failed"
            );
        }
    }
    .instrument(span)
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The jobs that run at a tick.
    fn due(last: i64, now: i64) -> Vec<&'static str> {
        JOBS.iter().filter(|job| is_due(job.every_minutes, last, now)).map(|job| job.name).collect()
    }

    #[test]
    fn chats_and_sheets_are_due_at_every_tick_and_the_others_when_their_minute_has_come() {
        let always = ["reconciler", "sheet-writer"];
        let noon = 12 * 3_600;
        assert_eq!(due(noon + 1, noon + 6), always);
        assert_eq!(due(noon, noon), always, "the clock stands still");
        assert_eq!(due(noon + 1, noon - 7_200), always, "the clock was set back");
        let quarter = [&always[..], &["reminder-processor"]].concat();
        assert_eq!(due(noon + 899, noon + 904), quarter);
        let hour = [&quarter[..], &["daily-report-sender"]].concat();
        assert_eq!(due(noon - 5, noon), hour);
        assert_eq!(due(noon - 5, noon + 7_200), hour, "the clock was moved over several hours");
    }
}
