//! One scheduled function.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use scheduler_core::call_stats;
use scheduler_core::config::Lookup;
use serde_json::Value;

use crate::context::all::Contexts;
use crate::context::{Context, StartError};
use crate::error::ApiError;
use crate::secrets::ReadsSecrets;

/// The future of a job's summary.
pub type SummaryFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + Send + 'a>>;

/// A job's name and schedule, without its code.
pub struct JobInfo {
    /// Name of the function in AWS.
    pub function: &'static str,
    /// Name of the binary, and of the job in `/_local/jobs/<name>`.
    pub name: &'static str,
    /// Schedule in AWS's syntax.
    pub schedule: &'static str,
    /// The same schedule in minutes, for the local server: 60 means at minute 0 of every hour, 1 means every
    /// five seconds.
    pub every_minutes: i64,
    /// A run starts nothing new after this time. The rest of its function's timeout is for what it has begun.
    pub budget: Duration,
}

/// A job that runs with the context `C`.
pub struct ScheduledJob<C> {
    pub(crate) info: JobInfo,
    pub(crate) run: for<'a> fn(&'a C) -> SummaryFuture<'a>,
}

/// A job with any context, so that one process can run all of them.
pub trait AnyJob: Sync {
    /// The job's name and schedule.
    fn info(&self) -> &JobInfo;

    /// Runs it with its own context.
    fn run_in<'a>(&'a self, contexts: &'a Contexts) -> SummaryFuture<'a>;

    /// Reads the environment as the function does when it starts.
    fn check_env(&self, env: Lookup<'_>) -> Result<(), StartError>;

    /// The secrets that the function reads.
    fn secrets(&self) -> &'static [&'static str];
}

impl Deref for dyn AnyJob + '_ {
    type Target = JobInfo;

    fn deref(&self) -> &JobInfo {
        self.info()
    }
}

impl<C> Deref for ScheduledJob<C> {
    type Target = JobInfo;

    fn deref(&self) -> &JobInfo {
        &self.info
    }
}

impl<C: Context> ScheduledJob<C> {
    /// Runs it and returns its summary.
    pub async fn run(&self, context: &C) -> Result<Value, ApiError> {
        let (summary, stats) = call_stats::measure((self.run)(context)).await;
        // No patient waits for a job, so its duration and waits are not reported, only the failed messages.
        context.metrics().emit_messages(&stats, context.clock().now());
        summary
    }
}

impl<C: ReadsSecrets> AnyJob for ScheduledJob<C>
where
    Contexts: AsRef<C>,
{
    fn info(&self) -> &JobInfo {
        &self.info
    }

    fn run_in<'a>(&'a self, contexts: &'a Contexts) -> SummaryFuture<'a> {
        Box::pin(self.run(contexts.as_ref()))
    }

    fn check_env(&self, env: Lookup<'_>) -> Result<(), StartError> {
        C::from_env(env).map(drop)
    }

    fn secrets(&self) -> &'static [&'static str] {
        C::SECRETS
    }
}
