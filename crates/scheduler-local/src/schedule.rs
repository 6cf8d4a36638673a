//! Runs the jobs on their schedule, by the server's own clock; the Reconciler every five seconds.

use std::sync::Arc;
use std::time::Duration;

use scheduler_api::Contexts;
use scheduler_api::job::AnyJob;
use scheduler_api::jobs::{JOBS, RECONCILER};
use tokio::sync::watch;
use tracing::Instrument;

use crate::changes::Changes;

/// How often the clock is looked at, and the Reconciler run.
const TICK: Duration = Duration::from_secs(5);

/// Until the server stops.
pub(crate) async fn keep(contexts: Arc<Contexts>, changes: Changes, mut stopping: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = contexts.job.chats.clock.now().timestamp();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        let now = contexts.job.chats.clock.now().timestamp();
        run(&contexts, &RECONCILER).await;
        for job in JOBS.iter().filter(|job| job.name != RECONCILER.name) {
            let period = 60 * job.every_minutes;
            // A clock that was put back has no new minute 0 to run at.
            if now.div_euclid(period) > seen.div_euclid(period) {
                run(&contexts, *job).await;
            }
        }
        seen = now;
        changes.tell();
    }
}

async fn run(contexts: &Contexts, job: &dyn AnyJob) {
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
