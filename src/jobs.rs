//! The table of scheduled functions.

use std::time::Duration;

use scheduler_core::app::reconcile::ReconcileSummary;
use scheduler_core::app::sheets::SheetSummary;
use serde_json::Value;

use crate::context::sheet_writer::SheetWriter;
use crate::context::{Context, Job};
use crate::error::ApiError;
use crate::job::{AnyJob, JobInfo, ScheduledJob};
use crate::metrics::Metric;

/// Time budget of a run of the Reconciler, whose function times out after 75 seconds.
const RECONCILER_BUDGET: Duration = Duration::from_secs(45);
/// Time budget of a run of the SheetWriter, whose function times out after 75 seconds.
const SHEET_WRITER_BUDGET: Duration = Duration::from_secs(45);
/// Time budget of a run of the ReminderProcessor, whose function times out after 300 seconds.
const REMINDER_PROCESSOR_BUDGET: Duration = Duration::from_secs(240);
/// Time budget of a run of the DailyReportSender, whose function times out after 300 seconds.
const DAILY_REPORT_SENDER_BUDGET: Duration = Duration::from_secs(240);

/// Continues the work that a crash or an outage interrupted.
pub static RECONCILER: ScheduledJob<Job> = ScheduledJob {
    info: JobInfo {
        function: "Reconciler",
        name: "reconciler",
        schedule: "rate(1 minute)",
        every_minutes: 1,
        budget: RECONCILER_BUDGET,
    },
    run: |context| Box::pin(reconcile(context)),
};

/// Writes the clinics' sheets. It is a function of its own, so that patients do not wait for Google.
pub static SHEET_WRITER: ScheduledJob<SheetWriter> = ScheduledJob {
    info: JobInfo {
        function: "SheetWriter",
        name: "sheet-writer",
        schedule: "rate(1 minute)",
        every_minutes: 1,
        budget: SHEET_WRITER_BUDGET,
    },
    run: |context| Box::pin(write_sheets(context)),
};

/// Sends the reminders that are due.
pub static REMINDER_PROCESSOR: ScheduledJob<Job> = ScheduledJob {
    info: JobInfo {
        function: "ReminderProcessor",
        name: "reminder-processor",
        schedule: "rate(15 minutes)",
        every_minutes: 15,
        budget: REMINDER_PROCESSOR_BUDGET,
    },
    run: |context| Box::pin(process_reminders(context)),
};

/// Sends each clinic a report of tomorrow's appointments every evening, in the clinic's time zone.
pub static DAILY_REPORT_SENDER: ScheduledJob<Job> = ScheduledJob {
    info: JobInfo {
        function: "DailyReportSender",
        name: "daily-report-sender",
        schedule: "cron(0 * * * ? *)",
        every_minutes: 60,
        budget: DAILY_REPORT_SENDER_BUDGET,
    },
    run: |context| Box::pin(send_reports(context)),
};

/// Every scheduled function.
pub static JOBS: &[&dyn AnyJob] = &[&RECONCILER, &SHEET_WRITER, &REMINDER_PROCESSOR, &DAILY_REPORT_SENDER];

async fn reconcile(context: &Job) -> Result<Value, ApiError> {
    let summary = context.chats.reconcile(RECONCILER_BUDGET).await?;
    context.metrics().emit(Metric::OldestChatDueAge, summary.oldest_due_seconds, context.clock().now());
    let left = summary.chats_left + summary.inbox_left + summary.reminders_left;
    emit_left(context, left, summary.poisoned);
    if summary != ReconcileSummary::default() {
        tracing::info!(
            step = "reconcile",
            chats_finished = summary.chats_finished,
            chats_left = summary.chats_left,
            inbox_finished = summary.inbox_finished,
            inbox_left = summary.inbox_left,
            reminders_projected = summary.reminders_projected,
            reminders_left = summary.reminders_left,
            "continued unfinished work"
        );
    }
    serde_json::to_value(summary).map_err(|error| ApiError::internal(error.to_string()))
}

async fn write_sheets(context: &SheetWriter) -> Result<Value, ApiError> {
    let summary = context.sheets.write_sheets(SHEET_WRITER_BUDGET).await?;
    let now = context.clock().now();
    let mut behind = summary.backlogs.iter().filter(|backlog| backlog.behind > 0).peekable();
    if behind.peek().is_none() {
        context.metrics().emit(Metric::SheetBacklogAge, 0, now);
    }
    for backlog in behind {
        context.metrics().emit_for_clinic(Metric::SheetRowsBehind, backlog.behind, &backlog.clinic, now);
        context.metrics().emit_for_clinic(Metric::SheetBacklogAge, backlog.seconds, &backlog.clinic, now);
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
    serde_json::to_value(summary).map_err(|error| ApiError::internal(error.to_string()))
}

async fn process_reminders(context: &Job) -> Result<Value, ApiError> {
    let summary = context.chats.process_reminders(REMINDER_PROCESSOR_BUDGET).await?;
    let now = context.clock().now();
    context.metrics().emit(Metric::OldestReminderDueAge, summary.oldest_due_seconds, now);
    context.metrics().emit_count(Metric::FailedMessages, summary.failed, now);
    emit_left(context, summary.left, summary.poisoned);
    for clinic in &summary.at_fault {
        context.metrics().emit_for_clinic(Metric::InstanceFaults, 1, clinic, now);
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

async fn send_reports(context: &Job) -> Result<Value, ApiError> {
    let summary = context.chats.send_reports(DAILY_REPORT_SENDER_BUDGET).await?;
    context.metrics().emit_count(Metric::FailedMessages, summary.failed, context.clock().now());
    emit_left(context, summary.left, summary.poisoned);
    tracing::info!(
        step = "report",
        sent = summary.sent,
        empty = summary.empty,
        blocked = summary.blocked,
        failed = summary.failed,
        left = summary.left,
        "sent the nightly reports"
    );
    serde_json::to_value(summary).map_err(|error| ApiError::internal(error.to_string()))
}

fn emit_left(context: &Job, left: usize, poisoned: usize) {
    let now = context.clock().now();
    context.metrics().emit(Metric::ItemsLeft, u32::try_from(left).unwrap_or(u32::MAX), now);
    context.metrics().emit_count(Metric::PoisonedItems, poisoned, now);
}
