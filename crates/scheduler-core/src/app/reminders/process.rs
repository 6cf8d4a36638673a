//! A run of the ReminderProcessor: what is due, page by page, a few at once, until time is up.

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

/// Reminders read at once.
const PAGE: i32 = 50;
/// Reminders under way at once: most of each is waiting for the provider.
const AT_ONCE: usize = 16;

/// What a run of the ReminderProcessor did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReminderSummary {
    /// Those that are over: sent, failed, cancelled, expired.
    pub processed: usize,
    /// Those that went out.
    pub sent: usize,
    /// Those that did not and will not.
    pub failed: usize,
    /// Those that nobody wanted any more.
    pub cancelled: usize,
    /// Those whose "tomorrow" had passed.
    pub expired: usize,
    /// Those of clinics whose own connection is at fault: they wait without an attempt spent.
    pub held: usize,
    /// Those that the next run meets again.
    pub left: usize,
    /// The clinics at fault.
    #[serde(skip)]
    pub at_fault: BTreeSet<ClinicId>,
    /// For how many seconds the oldest was due when the run met it.
    #[serde(skip)]
    pub oldest_due_seconds: u32,
}

impl Chats {
    /// Sends the reminders whose time has come. Stops cleanly after `budget`. Safe when several run
    /// at once: each reminder is claimed before it is sent.
    pub async fn process_reminders(&self, budget: Duration) -> Result<ReminderSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let run = Arc::new(Run::new(self.clone()));
        let mut summary = ReminderSummary::default();
        // What a crash left behind in the middle comes last: its claim ran out, nothing else did.
        for status in [ReminderStatus::Pending, ReminderStatus::Sending] {
            let mut from = None;
            loop {
                let page = self.tables.reminders().list_due(status, run.now(), PAGE, from).await?;
                let sent_at = |due: &DueReminder| due.reminder.as_ref().map(|reminder| reminder.send_at);
                let late = page.due.iter().filter_map(sent_at).map(|since| seconds_between(since, run.now()));
                summary.oldest_due_seconds = late.fold(summary.oldest_due_seconds, u32::max);
                run.work_on(page.due, deadline, &mut summary).await?;
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
    /// Works on a page. Once a store fails nothing more is begun.
    async fn work_on(
        self: &Arc<Self>,
        mut page: Vec<DueReminder>,
        deadline: Instant,
        summary: &mut ReminderSummary,
    ) -> Result<(), StoreError> {
        // Runs that meet begin at different places, or each would try what the other has just taken.
        let first = usize::from(Uuid::new_v4().as_bytes()[0]) * page.len() / 256;
        page.rotate_left(first);
        let mut entry = page.into_iter();
        let mut under_way = JoinSet::new();
        let mut failed = None;
        loop {
            while under_way.len() < AT_ONCE && failed.is_none() && Instant::now() < deadline {
                let Some(due) = entry.next() else { break };
                let run = Arc::clone(self);
                under_way.spawn(async move { run.deliver(&due).await }.in_current_span());
            }
            let Some(ended) = under_way.join_next().await else { break };
            match ended.map_err(|error| StoreError::internal("send a reminder", error)) {
                Ok(Ok(delivery)) => summary.count(delivery),
                Ok(Err(error)) | Err(error) => {
                    summary.left += 1;
                    failed.get_or_insert(error);
                }
            }
        }
        summary.left += entry.count();
        failed.map_or(Ok(()), Err)
    }
}

impl ReminderSummary {
    fn count(&mut self, delivery: DeliveryOutcome) {
        let (over, number) = match delivery {
            DeliveryOutcome::Sent => (true, &mut self.sent),
            DeliveryOutcome::Failed => (true, &mut self.failed),
            DeliveryOutcome::Cancelled => (true, &mut self.cancelled),
            DeliveryOutcome::Expired => (true, &mut self.expired),
            DeliveryOutcome::Held => (false, &mut self.held),
            DeliveryOutcome::Later => (false, &mut self.left),
            DeliveryOutcome::Elsewhere => return,
        };
        *number += 1;
        self.processed += usize::from(over);
    }
}
