//! One run of the ReminderProcessor: delivers due reminders, page by page, until
//! its time budget ends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::deliver::DeliveryOutcome;
use super::run::Run;
use crate::adapters::dynamodb::reminder_queue::{DueCursor, DueReminder};
use crate::app::chats::Chats;
use crate::app::fair_run::{Ended, Page, Pages, run_fairly};
use crate::domain::ids::ClinicId;
use crate::domain::reminder::ReminderStatus;
use crate::domain::time::seconds_between;
use crate::error::StoreError;

/// Reminders per query.
const PAGE: i32 = 200;

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
    /// Reminders that panicked, or whose appointment or clinic cannot be read. They are among those left.
    pub poisoned: usize,
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
        let oldest_due_seconds = AtomicU32::new(0);
        let pages = DueReminders::new(&run, &oldest_due_seconds);
        let work = |due: DueReminder| {
            let run = Arc::clone(&run);
            async move { run.deliver(&due).await }
        };
        let (left, failed) =
            run_fairly("reminder", deadline, pages, work, |ended| summary.count(ended)).await;
        summary.left += left;
        summary.oldest_due_seconds = oldest_due_seconds.into_inner();
        summary.at_fault = run.faults().clone();
        failed.map_or(Ok(summary), Err)
    }
}

struct DueReminders<'a> {
    run: &'a Run,
    /// Where the next page of each status begins.
    places: VecDeque<(ReminderStatus, Option<DueCursor>)>,
    oldest_due_seconds: &'a AtomicU32,
}

impl<'a> DueReminders<'a> {
    /// Those without a complete answer come before the PENDING ones, among which there may be more of them in
    /// this run; those stuck in SENDING whose claim expired come last.
    fn new(run: &'a Run, oldest_due_seconds: &'a AtomicU32) -> Self {
        let order = [ReminderStatus::Unknown, ReminderStatus::Pending, ReminderStatus::Sending];
        Self { run, places: order.map(|status| (status, None)).into(), oldest_due_seconds }
    }
}

impl Pages for DueReminders<'_> {
    type Item = DueReminder;

    async fn next_page(&mut self) -> Result<Option<Page<DueReminder>>, StoreError> {
        let Some((status, from)) = self.places.pop_front() else { return Ok(None) };
        let now = self.run.now();
        let page = self.run.chats.tables.reminders().list_due(status, now, PAGE, from).await?;
        if page.next.is_some() {
            self.places.push_front((status, page.next));
        }
        let due_at = |due: &DueReminder| due.reminder.as_ref().map(|reminder| reminder.send_at);
        let overdue = page.due.iter().filter_map(due_at).map(|since| seconds_between(since, now));
        self.oldest_due_seconds.fetch_max(overdue.max().unwrap_or_default(), Ordering::Relaxed);
        Ok(Some(page.due.into_iter().map(with_clinic).collect()))
    }
}

fn with_clinic(due: DueReminder) -> (String, DueReminder) {
    let clinic = due.reminder.as_ref().map(|reminder| reminder.clinic_id.0.clone());
    (clinic.unwrap_or_default(), due)
}

impl ReminderSummary {
    fn count(&mut self, ended: Ended<DeliveryOutcome>) {
        self.poisoned += usize::from(ended.is_poison());
        let Ended::Done(outcome) = ended else {
            self.left += 1;
            return;
        };
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
