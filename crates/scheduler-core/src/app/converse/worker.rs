//! Works on a chat while holding its lease: one inbox entry after the other, each followed by its replies
//! (docs/rules/conversation.md#one-chat-one-worker).

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::save::{Commit, LeaseChange, MovedFrom, SaveOutcome};
use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork, Session};
use crate::app::chats::Chats;
use crate::app::reminders::project::project_within_request;
use crate::call_stats::{self, RunOutcome};
use crate::domain::appointment::Appointment;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::OutgoingMessage;
use crate::domain::phone::Address;
use crate::error::StoreError;
use crate::failpoints;

/// Delay after which a chat is continued if the provider could not be reached.
const SEND_RETRY_DELAY: TimeDelta = TimeDelta::seconds(30);
/// Delay after which a chat is continued if a message failed or time ran out.
const RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);
/// Attempts without progress, over some hours, before the first entry of the inbox is dropped.
const MAX_ATTEMPTS: u32 = 200;

/// Holds a chat's lease and works on its inbox.
pub(in crate::app) struct ChatWorker<'a> {
    pub(super) chats: &'a Chats,
    pub(super) profile: Arc<ClinicProfile>,
    pub(super) session: Session,
    pub(super) lease_owner: String,
    pub(super) deadline: Instant,
    /// The lid's earlier chat, if it was read together with the first message.
    pub(super) lid_chat: Option<(ChatKey, Option<Session>)>,
    /// Events that the next save adds to the history.
    pub(super) events: Vec<MessageEvent>,
    /// Whether the provider accepted a reply, and no save has recorded that yet.
    pub(super) has_unsaved_sent_reply: bool,
    /// Whether this run still sends replies; false after the provider could not be reached.
    pub(super) sending: bool,
    pub(super) moved_from: Option<MovedFrom>,
    /// Passes booked and changed appointments to the projection of their reminders.
    pub(super) changed: UnboundedSender<Appointment>,
    changes: UnboundedReceiver<Appointment>,
}

/// What to do next.
pub(super) enum NextStep {
    Continue,
    Stop(RunOutcome),
}

impl<'a> ChatWorker<'a> {
    pub(in crate::app) fn new(
        chats: &'a Chats,
        profile: Arc<ClinicProfile>,
        session: Session,
        lease_owner: String,
        deadline: Instant,
        lid_chat: Option<(ChatKey, Option<Session>)>,
    ) -> Self {
        if session.unreadable {
            tracing::warn!(step = "converse", "a stored state cannot be read; the chat starts again");
        }
        let (changed, changes) = unbounded_channel();
        Self {
            chats,
            profile,
            session,
            lease_owner,
            deadline,
            lid_chat,
            events: Vec::new(),
            has_unsaved_sent_reply: false,
            sending: true,
            moved_from: None,
            changed,
            changes,
        }
    }

    /// Works until the inbox is empty and every reply is sent, or until the deadline. Reminders of changed
    /// appointments are projected in parallel, so that no patient waits for them.
    pub(in crate::app) async fn work(mut self) -> Result<RunOutcome, StoreError> {
        let (_, unused) = unbounded_channel();
        let mut changes = std::mem::replace(&mut self.changes, unused);
        let (chats, timezone) = (self.chats, self.profile.clinic.timezone);
        let projecting = async {
            while let Some(appointment) = changes.recv().await {
                let (db, reminders) = (&chats.db, chats.tables.reminders());
                project_within_request(db, reminders, timezone, &appointment, chats.clock.now()).await;
            }
        };
        // The channel closes when `work_through` drops the worker, which ends the projection.
        let outcome = tokio::join!(self.work_through(), projecting).0;
        call_stats::record_run(*outcome.as_ref().unwrap_or(&RunOutcome::Failed));
        outcome
    }

    async fn work_through(mut self) -> Result<RunOutcome, StoreError> {
        loop {
            if let NextStep::Stop(outcome) = self.step().await? {
                return Ok(outcome);
            }
        }
    }

    async fn step(&mut self) -> Result<NextStep, StoreError> {
        if Instant::now() >= self.deadline {
            return self.defer(RETRY_DELAY).await;
        }
        if self.sending && !self.session.pending.is_empty() {
            return self.send_pending().await;
        }
        if let Some(entry) = self.session.inbox.first().cloned() {
            return self.work_on(entry).await;
        }
        if !self.session.pending.is_empty() {
            return self.defer(SEND_RETRY_DELAY).await;
        }
        match self.save(None, LeaseChange::Release).await? {
            SaveOutcome::Done => Ok(NextStep::Stop(RunOutcome::Done)),
            SaveOutcome::InboxNotEmpty(inbox) => {
                self.session.inbox = inbox;
                Ok(NextStep::Continue)
            }
            SaveOutcome::LeaseLost | SaveOutcome::LidBusy => Ok(NextStep::Stop(RunOutcome::LostLease)),
        }
    }

    async fn work_on(&mut self, entry: InboxEntry) -> Result<NextStep, StoreError> {
        let is_dropped = self.session.attempts > MAX_ATTEMPTS;
        match entry.work {
            _ if is_dropped => {
                tracing::error!(step = "converse", "a message is dropped after too many attempts");
                self.finish(&entry.key).await
            }
            None => {
                tracing::warn!(step = "converse", "an inbox entry cannot be read and is dropped");
                self.finish(&entry.key).await
            }
            Some(InboxWork::SendMessage { to, message }) => {
                self.queue(to, vec![message], None);
                self.finish(&entry.key).await
            }
            Some(InboxWork::Message { message }) => self.process_message(entry.key, *message).await,
        }
    }

    /// Commits the result of the first inbox entry. Releases the lease in the same write if no work is
    /// left.
    pub(super) async fn finish(&mut self, key: &str) -> Result<NextStep, StoreError> {
        let last = self.session.pending.is_empty() && self.session.inbox.len() <= 1;
        let mut lease = if last { LeaseChange::Release } else { LeaseChange::Keep };
        loop {
            match self.save(Some(key), lease).await? {
                SaveOutcome::Done => {
                    failpoints::hit("session_committed");
                    if lease == LeaseChange::Release {
                        return Ok(NextStep::Stop(RunOutcome::Done));
                    }
                    self.session.inbox.remove(0);
                    self.session.attempts = 0;
                    return Ok(NextStep::Continue);
                }
                SaveOutcome::InboxNotEmpty(inbox) if lease == LeaseChange::Release => {
                    self.session.inbox = inbox;
                    lease = LeaseChange::Keep;
                }
                SaveOutcome::LidBusy if self.moved_from.is_some() => self.moved_from = None,
                SaveOutcome::InboxNotEmpty(_) | SaveOutcome::LeaseLost | SaveOutcome::LidBusy => {
                    return Ok(NextStep::Stop(RunOutcome::LostLease));
                }
            }
        }
    }

    /// Releases the lease. The Reconciler continues with the chat once `after` has passed.
    pub(super) async fn defer(&mut self, after: TimeDelta) -> Result<NextStep, StoreError> {
        let at = self.chats.clock.now() + after;
        match self.save(None, LeaseChange::DueAt(at)).await? {
            SaveOutcome::Done => Ok(NextStep::Stop(RunOutcome::Deferred)),
            SaveOutcome::InboxNotEmpty(_) | SaveOutcome::LeaseLost | SaveOutcome::LidBusy => {
                Ok(NextStep::Stop(RunOutcome::LostLease))
            }
        }
    }

    /// Runs a message again later because it failed. The patient gets one apology per message.
    pub(super) async fn retry_after_error(
        &mut self,
        key: &str,
        to: Address,
        error: StoreError,
    ) -> Result<NextStep, StoreError> {
        tracing::error!(
            step = "converse",
            error = &error as &dyn std::error::Error,
            "a message failed and is run again later"
        );
        if self.session.bookkeeping.apologised_for.as_deref() != Some(key) {
            self.session.bookkeeping.apologised_for = Some(key.to_owned());
            let apology = self.render_template("TROUBLE");
            self.queue(to, vec![apology], None);
            if !matches!(self.save(None, LeaseChange::Keep).await?, SaveOutcome::Done) {
                return Ok(NextStep::Stop(RunOutcome::LostLease));
            }
            if let NextStep::Stop(outcome) = self.send_pending().await? {
                return Ok(NextStep::Stop(outcome));
            }
        }
        self.defer(RETRY_DELAY).await
    }

    /// Adds replies to the next save. They are recorded as `BLOCKED` and not sent if the receiver is not an
    /// allowed phone.
    pub(super) fn queue(
        &mut self,
        to: Address,
        messages: Vec<OutgoingMessage>,
        states: Option<(&str, &str)>,
    ) {
        let allowed = self.chats.allowed.allow(&self.session.key.person)
            || to.match_key().is_some_and(|person| self.chats.allowed.allow(&person));
        let status = if allowed { EventStatus::Queued } else { EventStatus::Blocked };
        for message in messages {
            let reply = self.new_reply(to.clone(), message);
            self.record_reply(&reply, status, states);
            if allowed {
                self.session.pending.push(reply);
            }
        }
    }

    /// Saves the session and all events that are not saved yet.
    pub(super) async fn save(
        &mut self,
        finished_entry: Option<&str>,
        lease: LeaseChange,
    ) -> Result<SaveOutcome, StoreError> {
        let events = std::mem::take(&mut self.events);
        let save = Commit { finished_entry, events: &events, lease, moved_from: self.moved_from.as_ref() };
        let now = self.chats.clock.now();
        let saved = self.chats.tables.save(&mut self.session, &self.lease_owner, save, now).await?;
        match &saved {
            SaveOutcome::Done => {
                self.moved_from = None;
                if std::mem::take(&mut self.has_unsaved_sent_reply) {
                    failpoints::hit("reply_marked");
                    if self.session.pending.is_empty() {
                        failpoints::hit("replies_cleared");
                    }
                }
            }
            _ => self.events = events,
        }
        Ok(saved)
    }
}
