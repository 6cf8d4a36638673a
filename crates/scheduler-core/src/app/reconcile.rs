//! Continues work that a crash or an outage interrupted.

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

/// Items per query of each shard of `due-index`.
const PAGE: i32 = 50;

/// What a run of the Reconciler did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileSummary {
    /// Chats that were continued and have no work left.
    pub chats_finished: usize,
    /// Chats that still have work, for a later run.
    pub chats_left: usize,
    /// Webhooks of instance inboxes that were handled.
    pub inbox_finished: usize,
    /// Webhooks left in instance inboxes, for a later run.
    pub inbox_left: usize,
    /// Appointments whose reminder was brought up to date.
    pub reminders_projected: usize,
    /// Appointments whose reminder is still behind, for a later run.
    pub reminders_left: usize,
    /// Seconds for which the oldest chat or webhook had been due when the run began.
    #[serde(skip)]
    pub oldest_due_seconds: u32,
}

impl Chats {
    /// Continues chats whose lease expired with work left, handles webhooks that were stored because their
    /// clinic could not be looked up, and projects reminders that are behind their appointment. Starts
    /// nothing more after `budget`. Two runs may overlap.
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
            match self.handle_stored_webhook(webhook, deadline).await {
                Ok(true) => summary.inbox_finished += 1,
                Ok(false) => summary.inbox_left += 1,
                Err(error) => {
                    tracing::warn!(
                        step = "reconcile",
                        error = &error as &dyn std::error::Error,
                        "could not handle a stored webhook"
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
            match self.continue_chat(key, deadline).await {
                Ok(Some(RunOutcome::Done)) => summary.chats_finished += 1,
                Ok(Some(RunOutcome::Deferred)) => summary.chats_left += 1,
                // Another worker has the chat, or has finished it.
                Ok(Some(RunOutcome::LostLease | RunOutcome::Failed) | None) => {}
                Err(error) => {
                    tracing::warn!(
                        step = "reconcile",
                        error = &error as &dyn std::error::Error,
                        "could not continue a chat"
                    );
                    summary.chats_left += 1;
                }
            }
        }
        let projected = self.project_outdated_reminders(deadline).await?;
        summary.reminders_projected = projected.done;
        summary.reminders_left = projected.left;
        Ok(summary)
    }

    async fn continue_chat(
        &self,
        key: &ChatKey,
        deadline: Instant,
    ) -> Result<Option<RunOutcome>, StoreError> {
        let Some(profile) = self.db.find_profile(&key.clinic).await? else {
            tracing::warn!(
                step = "reconcile",
                clinic_id = %key.clinic,
                "a chat waits because its clinic is not active"
            );
            return Ok(Some(RunOutcome::Deferred));
        };
        let lease_owner = Uuid::new_v4().to_string();
        let Some(session) = self.tables.claim_due_chat(key, &lease_owner, self.clock.now()).await? else {
            return Ok(None);
        };
        ChatWorker::new(self, profile, session, lease_owner, deadline, None).work().await.map(Some)
    }

    /// Handles a stored webhook as if it had just arrived. Returns `false` if another run has claimed it.
    async fn handle_stored_webhook(
        &self,
        webhook: &WaitingWebhook,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(instance) = self.whatsapp.instance_id_of(&webhook.payload) else {
            self.tables.delete_webhook(webhook).await?;
            return Ok(true);
        };
        let profile = self.db.find_clinic_by_instance(&instance).await?;
        if !self.tables.claim_webhook(webhook, now).await? {
            return Ok(false);
        }
        let event = self.whatsapp.parse_webhook(&webhook.payload, webhook.received_at);
        let received = match &profile {
            Some(profile) => self.handle_event(event, profile, deadline).await?,
            None => WebhookOutcome::Ignored("unknown instance"),
        };
        if let WebhookOutcome::Ignored(why) = received {
            tracing::info!(step = "reconcile", why, "a stored webhook was ignored");
        }
        self.tables.delete_webhook(webhook).await?;
        Ok(true)
    }
}
