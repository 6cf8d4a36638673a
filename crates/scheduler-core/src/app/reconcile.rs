//! Takes up what a crash or an outage left behind.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::dynamodb::instance_inbox::WaitingWebhook;
use crate::adapters::dynamodb::session::ChatKey;
use crate::app::chats::Chats;
use crate::app::converse::receive::WebhookOutcome;
use crate::app::converse::worker::ChatWorker;
use crate::call_stats::RunOutcome;
use crate::domain::time::seconds_between;
use crate::error::StoreError;

/// Chats and webhooks read at once from each part of the index.
const PAGE: i32 = 50;

/// What a run of the Reconciler did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileSummary {
    /// Chats that were taken up and have no work left.
    pub chats_finished: usize,
    /// Chats that still have work: another run takes them up.
    pub chats_left: usize,
    /// Webhooks of instance inboxes that were worked on.
    pub inbox_finished: usize,
    /// Webhooks that stay where they are, their clinic still being unknown.
    pub inbox_left: usize,
    /// Appointments whose reminder was brought up to them.
    pub reminders_projected: usize,
    /// Appointments whose reminder is still behind: another run meets them.
    pub reminders_left: usize,
    /// For how many seconds the oldest chat or webhook was due when the run began.
    #[serde(skip)]
    pub oldest_due_seconds: u32,
}

impl Chats {
    /// Takes up every chat whose lease ran out with work left, every webhook that waits for its
    /// clinic, and every reminder that is behind its appointment. Stops cleanly after `budget`. Safe when
    /// two run at once.
    pub async fn reconcile(&self, budget: Duration) -> Result<ReconcileSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let now = self.clock.now();
        let due = self.tables.list_due(now, PAGE).await?;
        let oldest_due_seconds = due.oldest.map_or(0, |since| seconds_between(since, now));
        let mut summary = ReconcileSummary { oldest_due_seconds, ..ReconcileSummary::default() };
        for webhook in &due.webhooks {
            if Instant::now() >= deadline {
                summary.inbox_left += 1;
                continue;
            }
            match self.take_waiting(webhook, deadline).await {
                Ok(true) => summary.inbox_finished += 1,
                Ok(false) => summary.inbox_left += 1,
                Err(error) => {
                    tracing::warn!(
                        step = "reconcile",
                        error = &error as &dyn std::error::Error,
                        "a webhook goes on entry"
                    );
                    summary.inbox_left += 1;
                }
            }
        }
        for key in &due.chats {
            if Instant::now() >= deadline {
                summary.chats_left += 1;
                continue;
            }
            match self.take_up(key, deadline).await {
                Ok(Some(RunOutcome::Done)) => summary.chats_finished += 1,
                Ok(Some(RunOutcome::Deferred)) => summary.chats_left += 1,
                // Somebody else has it, or had it already.
                Ok(Some(RunOutcome::LostLease | RunOutcome::Failed) | None) => {}
                Err(error) => {
                    tracing::warn!(
                        step = "reconcile",
                        error = &error as &dyn std::error::Error,
                        "a chat goes on entry"
                    );
                    summary.chats_left += 1;
                }
            }
        }
        let projected = self.project_behind(deadline).await?;
        summary.reminders_projected = projected.done;
        summary.reminders_left = projected.left;
        Ok(summary)
    }

    async fn take_up(&self, key: &ChatKey, deadline: Instant) -> Result<Option<RunOutcome>, StoreError> {
        let Some(profile) = self.db.find_profile(&key.clinic).await? else {
            tracing::warn!(step = "reconcile", clinic_id = %key.clinic, "a chat of a clinic that is not served waits");
            return Ok(Some(RunOutcome::Deferred));
        };
        let lease_owner = Uuid::new_v4().to_string();
        let Some(session) = self.tables.take_due(key, &lease_owner, self.clock.now()).await? else {
            return Ok(None);
        };
        ChatWorker::new(self, profile, session, lease_owner, deadline, None).work().await.map(Some)
    }

    /// Runs a webhook as if it had just come; `false`: it goes on waiting, or somebody else has it.
    async fn take_waiting(&self, webhook: &WaitingWebhook, deadline: Instant) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(instance) = self.whatsapp.instance_of(&webhook.payload) else {
            self.tables.forget_webhook(webhook).await?;
            return Ok(true);
        };
        let profile = self.db.find_clinic_by_instance(&instance).await?;
        if !self.tables.claim_webhook(webhook, now).await? {
            return Ok(false);
        }
        let event = self.whatsapp.parse_webhook(&webhook.payload, now);
        let received = match &profile {
            Some(profile) => self.take_event(event, profile, deadline).await?,
            None => WebhookOutcome::Ignored("unknown instance"),
        };
        if let WebhookOutcome::Ignored(why) = received {
            tracing::info!(step = "reconcile", why, "a webhook that waited is none of our business");
        }
        self.tables.forget_webhook(webhook).await?;
        Ok(true)
    }
}
