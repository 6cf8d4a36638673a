//! Continues work that a crash or an outage interrupted.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::dynamodb::due::DueCursor;
use crate::adapters::dynamodb::instance_inbox::WaitingWebhook;
use crate::adapters::dynamodb::session::ChatKey;
use crate::app::chats::Chats;
use crate::app::converse::receive::WebhookOutcome;
use crate::app::converse::worker::ChatWorker;
use crate::app::fair_run::{Ended, Page, Pages, run_fairly};
use crate::call_stats::RunOutcome;
use crate::domain::time::seconds_between;
use crate::error::StoreError;

/// Items per query of each shard of the index.
const PAGE: i32 = 200;
/// Time budget of one chat or webhook, as in a webhook. The lease of a chat lasts longer.
const ITEM_BUDGET: Duration = Duration::from_secs(12);

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
    /// Items that panicked or cannot be read. They are among those left.
    pub poisoned: usize,
    /// Seconds for which the work that waits longest had waited when the run began.
    #[serde(skip)]
    pub oldest_due_seconds: u32,
}

/// The result of one chat or webhook.
enum ItemResult {
    Chat(Option<RunOutcome>),
    /// Whether this run handled the webhook, and not another one.
    Webhook(bool),
}

/// Work of the index, read page by page by two queues.
struct DuePages {
    now: DateTime<Utc>,
    place: Option<Option<DueCursor>>,
    chats: VecDeque<ChatKey>,
    webhooks: VecDeque<WaitingWebhook>,
    oldest: Option<DateTime<Utc>>,
}

struct DueChats<'a> {
    chats: &'a Chats,
    pages: &'a Mutex<DuePages>,
}

impl Pages for DueChats<'_> {
    type Item = ChatKey;

    async fn next_page(&mut self) -> Result<Option<Page<ChatKey>>, StoreError> {
        let found = self.pages.lock().await.next_chats(self.chats).await?;
        Ok(found.map(|chats| chats.into_iter().map(|key| (key.clinic.0.clone(), key)).collect()))
    }
}

struct DueWebhooks<'a> {
    chats: &'a Chats,
    pages: &'a Mutex<DuePages>,
}

impl Pages for DueWebhooks<'_> {
    type Item = WaitingWebhook;

    async fn next_page(&mut self) -> Result<Option<Page<WaitingWebhook>>, StoreError> {
        let found = self.pages.lock().await.next_webhooks(self.chats).await?;
        let with_instance = |webhook: WaitingWebhook| (webhook.instance().to_owned(), webhook);
        Ok(found.map(|webhooks| webhooks.into_iter().map(with_instance).collect()))
    }
}

impl Chats {
    /// Continues chats whose lease expired with work left, handles webhooks that were stored because their
    /// clinic could not be looked up, and projects reminders that are behind their appointment: at the same
    /// time, so that none of them waits for another. Starts nothing more after `budget`. Two runs may overlap.
    pub async fn reconcile(&self, budget: Duration) -> Result<ReconcileSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let pages = Mutex::new(DuePages::new(self.clock.now()));
        let mut summary = ReconcileSummary::default();
        let (chats, webhooks, projected) = tokio::join!(
            self.continue_chats(&pages, deadline),
            self.handle_stored_webhooks(&pages, deadline),
            self.project_outdated_reminders(deadline)
        );
        let pages = pages.into_inner();
        summary.oldest_due_seconds = pages.oldest.map_or(0, |since| seconds_between(since, pages.now));
        for (counted, failed) in [chats, webhooks, projected] {
            summary.add(&counted);
            failed.map_or(Ok(()), Err)?;
        }
        Ok(summary)
    }

    async fn continue_chats(
        &self,
        pages: &Mutex<DuePages>,
        deadline: Instant,
    ) -> (ReconcileSummary, Option<StoreError>) {
        let mut summary = ReconcileSummary::default();
        let due = DueChats { chats: self, pages };
        let work = |key: ChatKey| {
            let chats = self.clone();
            async move { chats.continue_chat(&key).await.map(ItemResult::Chat) }
        };
        let (left, failed) =
            run_fairly("chat", deadline, due, work, |ended| summary.count(ended, |it| &mut it.chats_left))
                .await;
        summary.chats_left += left;
        (summary, failed)
    }

    async fn handle_stored_webhooks(
        &self,
        pages: &Mutex<DuePages>,
        deadline: Instant,
    ) -> (ReconcileSummary, Option<StoreError>) {
        let mut summary = ReconcileSummary::default();
        let due = DueWebhooks { chats: self, pages };
        let work = |webhook: WaitingWebhook| {
            let chats = self.clone();
            async move { chats.handle_stored_webhook(&webhook).await.map(ItemResult::Webhook) }
        };
        let (left, failed) = run_fairly("webhook", deadline, due, work, |ended| {
            summary.count(ended, |it| &mut it.inbox_left);
        })
        .await;
        summary.inbox_left += left;
        (summary, failed)
    }

    async fn continue_chat(&self, key: &ChatKey) -> Result<Option<RunOutcome>, StoreError> {
        let lease_owner = Uuid::new_v4().to_string();
        // Claiming puts the chat off, so that it holds up no other one whatever happens next.
        let Some(session) = self.tables.claim_due_chat(key, &lease_owner, self.clock.now()).await? else {
            return Ok(None);
        };
        let Some(profile) = self.db.find_profile(&key.clinic).await? else {
            return self.abandon_chat(session, &lease_owner).await.map(Some);
        };
        let deadline = Instant::now() + ITEM_BUDGET;
        ChatWorker::new(self, profile, session, lease_owner, deadline, None).work().await.map(Some)
    }

    /// Handles a stored webhook as if it had just arrived. Returns `false` if another run has claimed it.
    async fn handle_stored_webhook(&self, webhook: &WaitingWebhook) -> Result<bool, StoreError> {
        let Some(claimed) = self.tables.claim_webhook(webhook, self.clock.now()).await? else {
            return Ok(false);
        };
        let event = self.whatsapp.parse_webhook(&claimed.payload, claimed.received_at);
        let deadline = Instant::now() + ITEM_BUDGET;
        let received = match self.db.find_clinic_by_instance(webhook.instance()).await? {
            Some(profile) => self.handle_event(event, &profile, deadline).await?,
            None => WebhookOutcome::Ignored("unknown instance"),
        };
        if let WebhookOutcome::Ignored(why) = received {
            tracing::info!(step = "reconcile", why, "a stored webhook was ignored");
        }
        self.tables.delete_webhook(webhook).await?;
        Ok(true)
    }
}

impl DuePages {
    fn new(now: DateTime<Utc>) -> Self {
        Self { now, place: Some(None), chats: VecDeque::new(), webhooks: VecDeque::new(), oldest: None }
    }

    async fn next_chats(&mut self, chats: &Chats) -> Result<Option<VecDeque<ChatKey>>, StoreError> {
        while self.chats.is_empty() && self.place.is_some() {
            self.read(chats).await?;
        }
        Ok(Some(std::mem::take(&mut self.chats)).filter(|page| !page.is_empty()))
    }

    async fn next_webhooks(&mut self, chats: &Chats) -> Result<Option<VecDeque<WaitingWebhook>>, StoreError> {
        while self.webhooks.is_empty() && self.place.is_some() {
            self.read(chats).await?;
        }
        Ok(Some(std::mem::take(&mut self.webhooks)).filter(|page| !page.is_empty()))
    }

    async fn read(&mut self, chats: &Chats) -> Result<(), StoreError> {
        let Some(place) = self.place.take() else { return Ok(()) };
        let page = chats.tables.list_due(self.now, PAGE, place).await?;
        self.place = page.next.map(Some);
        self.chats.extend(page.chats);
        self.webhooks.extend(page.webhooks);
        self.oldest = [self.oldest, page.oldest].into_iter().flatten().min();
        Ok(())
    }
}

impl ReconcileSummary {
    fn count(&mut self, ended: Ended<ItemResult>, left: impl FnOnce(&mut Self) -> &mut usize) {
        let number = match ended {
            Ended::Done(ItemResult::Chat(Some(RunOutcome::Done))) => &mut self.chats_finished,
            Ended::Done(ItemResult::Chat(Some(RunOutcome::Deferred))) => &mut self.chats_left,
            // Another worker has the chat, or has finished it.
            Ended::Done(ItemResult::Chat(Some(RunOutcome::LostLease | RunOutcome::Failed) | None)) => return,
            Ended::Done(ItemResult::Webhook(true)) => &mut self.inbox_finished,
            Ended::Done(ItemResult::Webhook(false)) => &mut self.inbox_left,
            Ended::Failed(_) | Ended::Panicked => {
                self.poisoned += usize::from(ended.is_poison());
                left(self)
            }
        };
        *number += 1;
    }

    fn add(&mut self, other: &Self) {
        self.chats_finished += other.chats_finished;
        self.chats_left += other.chats_left;
        self.inbox_finished += other.inbox_finished;
        self.inbox_left += other.inbox_left;
        self.reminders_projected += other.reminders_projected;
        self.reminders_left += other.reminders_left;
        self.poisoned += other.poisoned;
    }

    /// Counts an appointment whose reminder was projected.
    pub(super) fn count_projection(&mut self, ended: &Ended<()>) {
        match ended {
            Ended::Done(()) => self.reminders_projected += 1,
            Ended::Failed(_) | Ended::Panicked => {
                self.reminders_left += 1;
                self.poisoned += usize::from(ended.is_poison());
            }
        }
    }
}
