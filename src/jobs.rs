//! The table of scheduled functions.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use scheduler_core::app::reconcile::ReconcileSummary;
use scheduler_core::app::sheets::SheetSummary;
use scheduler_core::tally;
use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::metrics::Metric;
use crate::world::{self, Kind, World};

/// What a job answers, some time: its summary.
pub type Summary<'a> = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + Send + 'a>>;

/// One scheduled function.
pub struct Job {
    /// Its name in AWS.
    pub function: &'static str,
    /// Its name in a path, and its binary's.
    pub name: &'static str,
    /// As AWS writes schedules.
    pub schedule: &'static str,
    /// The same in minutes of the clock, for the local server: at minute 0 of every hour, say.
    pub every_minutes: i64,
    pub(crate) kind: &'static Kind,
    pub(crate) run: for<'a> fn(&'a World) -> Summary<'a>,
}

/// A run ends by itself after so long, well inside a function's 20 seconds.
const BUDGET: Duration = Duration::from_secs(14);

/// Takes up what a crash or an outage left behind.
pub static RECONCILER: Job = Job {
    function: "Reconciler",
    name: "reconciler",
    schedule: "rate(1 minute)",
    every_minutes: 1,
    kind: &world::RECONCILER,
    run: |world| Box::pin(reconcile(world)),
};

/// Sends the reminders whose time has come.
pub static REMINDER_PROCESSOR: Job = Job {
    function: "ReminderProcessor",
    name: "reminder-processor",
    schedule: "rate(15 minutes)",
    every_minutes: 15,
    kind: &world::JOB,
    run: |world| Box::pin(process_reminders(world)),
};

/// Tells each clinic in its evening who comes tomorrow.
pub static DAILY_REPORT_SENDER: Job = Job {
    function: "DailyReportSender",
    name: "daily-report-sender",
    schedule: "cron(0 * * * ? *)",
    every_minutes: 60,
    kind: &world::JOB,
    run: |world| Box::pin(send_reports(world)),
};

/// Every scheduled function.
pub static JOBS: &[&Job] = &[&RECONCILER, &REMINDER_PROCESSOR, &DAILY_REPORT_SENDER];

impl Job {
    /// Runs it now and gives its summary.
    pub async fn run(&self, world: &World) -> Result<Value, ApiError> {
        let (summary, tally) = tally::of((self.run)(world)).await;
        // Chats that a run takes up are no turns that somebody waits for.
        world.metrics.emit_failed(tally.failed_messages, world.clock.now());
        summary
    }
}

/// What a run of the Reconciler did, in one object.
#[derive(Serialize)]
struct Reconciled {
    #[serde(flatten)]
    chats: ReconcileSummary,
    #[serde(flatten)]
    sheets: SheetSummary,
}

/// Both at once, and neither keeps the other from its end: a patient does not wait for Google.
async fn reconcile(world: &World) -> Result<Value, ApiError> {
    let (chats, sheets) = tokio::join!(world.chats()?.reconcile(BUDGET), write_sheets(world));
    if let Ok(summary) = &chats {
        world.metrics.emit(Metric::OldestChatDueAge, summary.oldest_due_seconds, world.clock.now());
    }
    let (summary, sheets) = (chats?, sheets?);
    if summary != ReconcileSummary::default() {
        tracing::info!(
            step = "reconcile",
            chats_finished = summary.chats_finished,
            chats_left = summary.chats_left,
            inbox_finished = summary.inbox_finished,
            inbox_left = summary.inbox_left,
            reminders_projected = summary.reminders_projected,
            reminders_left = summary.reminders_left,
            "took up what was left behind"
        );
    }
    serde_json::to_value(Reconciled { chats: summary, sheets })
        .map_err(|error| ApiError::internal(error.to_string()))
}

async fn process_reminders(world: &World) -> Result<Value, ApiError> {
    let summary = world.chats()?.process_reminders(BUDGET).await?;
    let now = world.clock.now();
    world.metrics.emit(Metric::OldestReminderDueAge, summary.oldest_due_seconds, now);
    world.metrics.emit_failed(summary.failed, now);
    for clinic in &summary.at_fault {
        world.metrics.emit_of(Metric::InstanceFaults, 1, clinic, now);
    }
    tracing::info!(
        step = "remind",
        cancelled = summary.cancelled,
        expired = summary.expired,
        held = summary.held,
        left = summary.left,
        "Processed {} reminders: {} sent, {} failed",
        summary.processed,
        summary.sent,
        summary.failed,
    );
    serde_json::to_value(summary).map_err(|error| ApiError::internal(error.to_string()))
}

async fn send_reports(world: &World) -> Result<Value, ApiError> {
    let summary = world.chats()?.send_reports(BUDGET).await?;
    world.metrics.emit_failed(summary.failed, world.clock.now());
    tracing::info!(
        step = "report",
        sent = summary.sent,
        empty = summary.empty,
        blocked = summary.blocked,
        failed = summary.failed,
        left = summary.left,
        "told the clinics of tomorrow"
    );
    serde_json::to_value(summary).map_err(|error| ApiError::internal(error.to_string()))
}

async fn write_sheets(world: &World) -> Result<SheetSummary, ApiError> {
    let Some(sheets) = &world.sheets else { return Ok(SheetSummary::default()) };
    let summary = sheets.write_sheets(BUDGET).await?;
    for backlog in summary.backlogs.iter().filter(|backlog| backlog.behind > 0) {
        let now = world.clock.now();
        world.metrics.emit_of(Metric::SheetRowsBehind, backlog.behind, &backlog.clinic, now);
        world.metrics.emit_of(Metric::SheetBacklogAge, backlog.seconds, &backlog.clinic, now);
    }
    if summary != SheetSummary::default() {
        tracing::info!(
            step = "sheets",
            sheets_behind = summary.sheets_behind,
            sheets_written = summary.sheets_written,
            rows_behind = summary.rows_behind,
            rows_written = summary.rows_written,
            "wrote the clinics' sheets"
        );
    }
    Ok(summary)
}
