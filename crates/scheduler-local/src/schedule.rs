//! Runs the jobs on their schedule, by the local clock. The Reconciler runs every five seconds.

use std::sync::Arc;
use std::time::Duration;

use scheduler_api::Contexts;
use scheduler_api::job::AnyJob;
use scheduler_api::jobs::{JOBS, RECONCILER};
use tokio::sync::watch;
use tracing::Instrument;

use crate::changes::Changes;

/// How often the Reconciler runs and the clock is checked for other jobs that are due.
const TICK: Duration = Duration::from_secs(5);

/// Runs jobs until the server stops.
pub(crate) async fn run(contexts: Arc<Contexts>, changes: Changes, mut stopping: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = contexts.job.chats.clock.now().timestamp();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        let now = contexts.job.chats.clock.now().timestamp();
        run_job(&contexts, &RECONCILER).await;
        for job in JOBS.iter().filter(|job| job.name != RECONCILER.name) {
            let period = 60 * job.every_minutes;
            // `>` and not `!=`, so that setting the clock back runs no job.
            if now.div_euclid(period) > last.div_euclid(period) {
                run_job(&contexts, *job).await;
            }
        }
        last = now;
        changes.notify();
    }
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
