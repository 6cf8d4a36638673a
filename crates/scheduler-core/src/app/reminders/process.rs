//! One run of the ReminderProcessor: delivers due reminders, page by page and several in parallel, until
//! its time budget ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::deliver::DeliveryOutcome;
use super::run::Run;
use crate::adapters::dynamodb::reminder_queue::DueReminder;
use crate::app::chats::Chats;
use crate::domain::ids::ClinicId;
use crate::domain::reminder::ReminderStatus;
use crate::domain::time::seconds_between;
use crate::error::StoreError;

/// Reminders per query.
const PAGE: i32 = 50;
/// Reminders delivered in parallel. Most of the time is spent waiting for the provider.
const MAX_CONCURRENT_REMINDERS: usize = 16;

/// What a run of the ReminderProcessor did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReminderSummary {
    /// Reminders that are finished: sent, failed, cancelled or expired.
    pub processed: usize,
    /// Reminders that the provider accepted.
    pub sent: usize,
    /// Reminders that were sent without a complete answer of the provider.
    pub unknown: usize,
    /// Reminders that were not sent and are not tried again.
    pub failed: usize,
    /// Reminders that no longer apply, or whose receiver must not get them.
    pub cancelled: usize,
    /// Reminders whose `not_after` has passed. Their text says "tomorrow", which would be wrong.
    pub expired: usize,
    /// Reminders of clinics whose WhatsApp connection is at fault; no attempt is counted.
    pub held: usize,
    /// Reminders left to a later run.
    pub left: usize,
    /// Clinics whose WhatsApp connection is at fault.
    #[serde(skip)]
    pub at_fault: BTreeSet<ClinicId>,
    /// Seconds for which the oldest reminder had been due when the run read it.
    #[serde(skip)]
    pub oldest_due_seconds: u32,
}

impl Chats {
    /// Sends due reminders. Starts no further one after `budget`. Runs may overlap, because each reminder
    /// is claimed before it is sent.
    pub async fn process_reminders(&self, budget: Duration) -> Result<ReminderSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let run = Arc::new(Run::new(self.clone()));
        let mut summary = ReminderSummary::default();
        // Those without a complete answer come before the PENDING ones, among which there may be more of them
        // in this run; those stuck in SENDING whose claim expired come last.
        for status in [ReminderStatus::Unknown, ReminderStatus::Pending, ReminderStatus::Sending] {
            let mut from = None;
            loop {
                let page = self.tables.reminders().list_due(status, run.now(), PAGE, from).await?;
                let due_at = |due: &DueReminder| due.reminder.as_ref().map(|reminder| reminder.send_at);
                let overdue =
                    page.due.iter().filter_map(due_at).map(|since| seconds_between(since, run.now()));
                summary.oldest_due_seconds = overdue.fold(summary.oldest_due_seconds, u32::max);
                run.deliver_page(page.due, deadline, &mut summary).await?;
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        summary.at_fault = run.faults().clone();
        Ok(summary)
    }
}

impl Run {
    /// Delivers a page of reminders. Starts no further one after a store failed.
    async fn deliver_page(
        self: &Arc<Self>,
        mut page: Vec<DueReminder>,
        deadline: Instant,
        summary: &mut ReminderSummary,
    ) -> Result<(), StoreError> {
        // Overlapping runs start at different places, so that they do not try to claim the same reminders.
        let first = usize::from(Uuid::new_v4().as_bytes()[0]) * page.len() / 256;
        page.rotate_left(first);
        let mut remaining = page.into_iter();
        let mut tasks = JoinSet::new();
        let mut failed = None;
        loop {
            while tasks.len() < MAX_CONCURRENT_REMINDERS && failed.is_none() && Instant::now() < deadline {
                let Some(due) = remaining.next() else { break };
                let run = Arc::clone(self);
                tasks.spawn(async move { run.deliver(&due).await }.in_current_span());
            }
            let Some(ended) = tasks.join_next().await else { break };
            match ended.map_err(|error| StoreError::internal("send a reminder", error)) {
                Ok(Ok(outcome)) => summary.count(outcome),
                Ok(Err(error)) | Err(error) => {
                    summary.left += 1;
                    failed.get_or_insert(error);
                }
            }
        }
        summary.left += remaining.count();
        failed.map_or(Ok(()), Err)
    }
}

impl ReminderSummary {
    fn count(&mut self, outcome: DeliveryOutcome) {
        let (finished, number) = match outcome {
            DeliveryOutcome::Sent => (true, &mut self.sent),
            DeliveryOutcome::Unknown => (false, &mut self.unknown),
            DeliveryOutcome::Failed => (true, &mut self.failed),
            DeliveryOutcome::Cancelled => (true, &mut self.cancelled),
            DeliveryOutcome::Expired => (true, &mut self.expired),
            DeliveryOutcome::Held => (false, &mut self.held),
            DeliveryOutcome::Later => (false, &mut self.left),
            DeliveryOutcome::ClaimedElsewhere => return,
        };
        *number += 1;
        self.processed += usize::from(finished);
    }
}
