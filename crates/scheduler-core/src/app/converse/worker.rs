//! The holder of a chat's lease: works on what waits, one after the other, until nothing is left.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::save::{LeaseChange, MovedFrom, Save, SaveOutcome};
use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork, Session};
use crate::app::chats::Chats;
use crate::app::reminders::project::project_soon;
use crate::call_stats::{self, RunOutcome};
use crate::domain::appointment::Appointment;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::OutgoingMessage;
use crate::domain::phone::Address;
use crate::error::StoreError;
use crate::failpoints;

/// A chat whose provider cannot be reached is taken up again after this long.
const SEND_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(30);
/// A chat whose message met trouble, or for which time ran out, after this long.
const TRY_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// How often a chat is taken up in vain before the message at its head is given up: some hours.
const GIVE_UP_AFTER: u32 = 200;

/// Holds a chat.
pub(in crate::app) struct ChatWorker<'a> {
    pub(super) chats: &'a Chats,
    pub(super) profile: Arc<ClinicProfile>,
    pub(super) session: Session,
    pub(super) lease_owner: String,
    pub(super) deadline: Instant,
    /// The chat of the lid, as it was read along with the first message.
    pub(super) lid: Option<(ChatKey, Option<Session>)>,
    /// Events not yet in the history: they go with the next write.
    pub(super) events: Vec<MessageEvent>,
    /// A reply was taken by the provider, and no write has said so yet.
    pub(super) unmarked: bool,
    /// Whether sending is still worth trying.
    pub(super) sending: bool,
    pub(super) moved_from: Option<MovedFrom>,
    /// Takes the appointments that turns book or change.
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
        lid: Option<(ChatKey, Option<Session>)>,
    ) -> Self {
        if session.unreadable {
            tracing::warn!(step = "converse", "a stored state cannot be read; the chat starts anew");
        }
        let (changed, changes) = unbounded_channel();
        Self {
            chats,
            profile,
            session,
            lease_owner,
            deadline,
            lid,
            events: Vec::new(),
            unmarked: false,
            sending: true,
            moved_from: None,
            changed,
            changes,
        }
    }

    /// Works until the inbox is empty and every reply is out, or until time is up. Reminders follow
    /// the appointments while replies are committed and sent, so that no patient waits for them.
    pub(in crate::app) async fn work(mut self) -> Result<RunOutcome, StoreError> {
        let (_, nobody) = unbounded_channel();
        let mut changes = std::mem::replace(&mut self.changes, nobody);
        let (chats, timezone) = (self.chats, self.profile.clinic.timezone);
        let projecting = async {
            while let Some(appointment) = changes.recv().await {
                let (db, reminders) = (&chats.db, chats.tables.reminders());
                project_soon(db, reminders, timezone, &appointment, chats.clock.now()).await;
            }
        };
        // The holder's end is the channel's.
        let outcome = tokio::join!(self.work_through(), projecting).0;
        call_stats::record_run(*outcome.as_ref().unwrap_or(&RunOutcome::Failed));
        outcome
    }

    async fn work_through(mut self) -> Result<RunOutcome, StoreError> {
        loop {
            if let NextStep::Stop(left) = self.step().await? {
                return Ok(left);
            }
        }
    }

    async fn step(&mut self) -> Result<NextStep, StoreError> {
        if Instant::now() >= self.deadline {
            return self.put_off(TRY_AGAIN_AFTER).await;
        }
        if self.sending && !self.session.pending.is_empty() {
            return self.send_pending().await;
        }
        if let Some(entry) = self.session.inbox.first().cloned() {
            return self.work_on(entry).await;
        }
        if !self.session.pending.is_empty() {
            return self.put_off(SEND_AGAIN_AFTER).await;
        }
        match self.save(None, LeaseChange::Release).await? {
            SaveOutcome::Done => Ok(NextStep::Stop(RunOutcome::Done)),
            SaveOutcome::MoreCame(inbox) => {
                self.session.inbox = inbox;
                Ok(NextStep::Continue)
            }
            SaveOutcome::Lost | SaveOutcome::LidBusy => Ok(NextStep::Stop(RunOutcome::LostLease)),
        }
    }

    async fn work_on(&mut self, entry: InboxEntry) -> Result<NextStep, StoreError> {
        let given_up = self.session.attempts > GIVE_UP_AFTER;
        match entry.work {
            _ if given_up => {
                tracing::error!(step = "converse", "a message was tried too often and is given up");
                self.finish(&entry.key).await
            }
            None => {
                tracing::warn!(step = "converse", "an inbox entry cannot be read and is dropped");
                self.finish(&entry.key).await
            }
            Some(InboxWork::Say { to, message }) => {
                self.queue(to, vec![message], None);
                self.finish(&entry.key).await
            }
            Some(InboxWork::Message { message }) => self.hear(entry.key, *message).await,
        }
    }

    /// Commits what was decided about the head of the inbox; gives the lease back with the same
    /// write where nothing is left.
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
                SaveOutcome::MoreCame(inbox) if lease == LeaseChange::Release => {
                    self.session.inbox = inbox;
                    lease = LeaseChange::Keep;
                }
                SaveOutcome::LidBusy if self.moved_from.is_some() => self.moved_from = None,
                SaveOutcome::MoreCame(_) | SaveOutcome::Lost | SaveOutcome::LidBusy => {
                    return Ok(NextStep::Stop(RunOutcome::LostLease));
                }
            }
        }
    }

    /// Leaves the rest to the Reconciler.
    pub(super) async fn put_off(&mut self, after: TimeDelta) -> Result<NextStep, StoreError> {
        let at = self.chats.clock.now() + after;
        match self.save(None, LeaseChange::DueAt(at)).await? {
            SaveOutcome::Done => Ok(NextStep::Stop(RunOutcome::Deferred)),
            SaveOutcome::MoreCame(_) | SaveOutcome::Lost | SaveOutcome::LidBusy => {
                Ok(NextStep::Stop(RunOutcome::LostLease))
            }
        }
    }

    /// The message at the head met trouble: the patient is told once, and it is run again.
    pub(super) async fn trouble(
        &mut self,
        key: &str,
        to: Address,
        error: StoreError,
    ) -> Result<NextStep, StoreError> {
        tracing::error!(
            step = "converse",
            error = &error as &dyn std::error::Error,
            "a message met trouble and is run again"
        );
        if self.session.bookkeeping.apologised_for.as_deref() != Some(key) {
            self.session.bookkeeping.apologised_for = Some(key.to_owned());
            let sorry = self.render_line("TROUBLE");
            self.queue(to, vec![sorry], None);
            if !matches!(self.save(None, LeaseChange::Keep).await?, SaveOutcome::Done) {
                return Ok(NextStep::Stop(RunOutcome::LostLease));
            }
            if let NextStep::Stop(left) = self.send_pending().await? {
                return Ok(NextStep::Stop(left));
            }
        }
        self.put_off(TRY_AGAIN_AFTER).await
    }

    /// Replies to be committed with the next write: queued, or blocked where nobody may be
    /// written to.
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

    /// Writes the session with all events not yet written.
    pub(super) async fn save(
        &mut self,
        done: Option<&str>,
        lease: LeaseChange,
    ) -> Result<SaveOutcome, StoreError> {
        let events = std::mem::take(&mut self.events);
        let save = Save { done, events: &events, lease, moved_from: self.moved_from.as_ref() };
        let now = self.chats.clock.now();
        let saved = self.chats.tables.save(&mut self.session, &self.lease_owner, save, now).await?;
        match &saved {
            SaveOutcome::Done => {
                self.moved_from = None;
                if std::mem::take(&mut self.unmarked) {
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
