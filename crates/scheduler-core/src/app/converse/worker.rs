//! Works on a chat while holding its lease: one inbox entry after the other, each followed by its replies
//! (docs/rules/conversation.md#one-chat-one-worker).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::batch::MessageBatch;
use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::save::{Commit, LeaseChange, MovedFrom, SaveOutcome};
use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork, LidPointer, Session};
use crate::app::chats::Chats;
use crate::app::reminders::project::project_within_request;
use crate::call_stats::{self, RunOutcome};
use crate::conversation::understand::answer::is_command;
use crate::domain::appointment::Appointment;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::{Author, Content, IncomingMessage, OutgoingMessage};
use crate::domain::phone::Address;
use crate::error::StoreError;
use crate::failpoints;

/// Delay after which a chat is continued if the provider could not be reached.
const SEND_RETRY_DELAY: TimeDelta = TimeDelta::seconds(30);
/// Delay after which a chat is continued if a message failed or time ran out.
const RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);
/// How long before the deadline the last call to the provider is cut off: the webhook is answered within eight
/// seconds, and the save after the call fits into the time of the function.
const SEND_MARGIN: Duration = Duration::from_millis(4_500);
/// No reply is sent that would have less time than this.
const MIN_SEND_TIME: Duration = Duration::from_millis(1_500);
/// Texts that are read together, at most.
const MAX_JOINED_TEXTS: usize = 20;
/// Events that a save may add; DynamoDB limits a transaction to 100 writes.
pub(super) const MAX_UNSAVED_EVENTS: usize = 50;
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
    /// Whether each of these messages was worked on before. Those that are not in here are looked up first.
    pub(super) seen: HashMap<String, bool>,
    /// Events that the next save adds to the history.
    pub(super) events: Vec<MessageEvent>,
    /// When a call to the provider is cut off.
    pub(super) send_deadline: Instant,
    /// Whether sending a reply ended, and no save has recorded that yet.
    pub(super) has_unsaved_outcome: bool,
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
            seen: HashMap::new(),
            events: Vec::new(),
            send_deadline: deadline.checked_sub(SEND_MARGIN).unwrap_or(deadline),
            has_unsaved_outcome: false,
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
        let can_send = self.sending && self.has_time_to_send();
        if can_send && self.first_unsent().is_some() {
            return self.send_pending().await;
        }
        if !self.session.inbox.is_empty() {
            self.look_for_seen().await?;
            return self.work_on(self.next_entries()).await;
        }
        if can_send && let Some(reply) = self.first_unproven() {
            return self.repeat_unknown(reply).await;
        }
        if !self.session.pending.is_empty() {
            let wait = match self.next_proof_due_at() {
                Some(at) if self.first_unsent().is_none() => at - self.chats.clock.now(),
                _ => SEND_RETRY_DELAY,
            };
            return self.defer(if self.sending { wait } else { wait.max(SEND_RETRY_DELAY) }).await;
        }
        match self.save(&[], LeaseChange::Release).await? {
            SaveOutcome::Done => Ok(NextStep::Stop(RunOutcome::Done)),
            SaveOutcome::InboxNotEmpty(inbox) => {
                self.session.inbox = inbox;
                Ok(NextStep::Continue)
            }
            SaveOutcome::LeaseLost | SaveOutcome::LidBusy => Ok(NextStep::Stop(RunOutcome::LostLease)),
        }
    }

    /// Looks up which waiting entries were worked on before.
    async fn look_for_seen(&mut self) -> Result<(), StoreError> {
        let inbox = self.session.inbox.iter().map(|entry| &entry.key);
        let keys: Vec<String> = inbox.filter(|key| !self.seen.contains_key(*key)).cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let asked: Vec<&str> = keys.iter().map(String::as_str).collect();
        let seen = self.chats.tables.find_seen(&[&self.session.key], &asked).await?;
        self.seen.extend(keys.into_iter().map(|key| (key.clone(), seen.contains(&key))));
        Ok(())
    }

    fn was_seen(&self, entry: &InboxEntry) -> bool {
        self.seen.get(&entry.key).copied().unwrap_or_default()
    }

    /// The entries to work on next: the first one, with the texts that wait behind it. After a failed attempt
    /// the first one alone, so that it is read as it was read before.
    fn next_entries(&self) -> Vec<InboxEntry> {
        let inbox = &self.session.inbox;
        let alone = || inbox.first().cloned().into_iter().collect();
        if self.session.attempts > 0 || inbox.first().is_some_and(|entry| self.was_seen(entry)) {
            return alone();
        }
        let Some(first) = inbox.first().and_then(joinable_text) else { return alone() };
        let was_before_question = self.was_before_question(first);
        let belongs_to_first = |entry: &&InboxEntry| {
            joinable_text(entry).is_some_and(|text| {
                let same_sender = (&text.address, &text.chat_lid) == (&first.address, &first.chat_lid);
                same_sender && self.was_before_question(text) == was_before_question
            })
        };
        let texts = inbox.iter().take(MAX_JOINED_TEXTS).take_while(belongs_to_first);
        texts.take_while(|entry| !self.was_seen(entry)).cloned().collect()
    }

    async fn work_on(&mut self, entries: Vec<InboxEntry>) -> Result<NextStep, StoreError> {
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        if self.session.attempts > MAX_ATTEMPTS {
            tracing::error!(step = "converse", "a message is dropped after too many attempts");
            return self.finish(&keys).await;
        }
        let mut messages = Vec::new();
        for entry in entries {
            if self.was_seen(&entry) {
                tracing::info!(step = "converse", "a message that was seen before is dropped");
                continue;
            }
            match entry.work {
                None => tracing::warn!(step = "converse", "an inbox entry cannot be read and is dropped"),
                Some(InboxWork::SendMessage { to, message }) => self.queue(to, vec![message], None),
                Some(InboxWork::Accepted { proof }) => self.apply_proof(&proof),
                Some(InboxWork::Message { message }) => messages.push(*message),
            }
        }
        if messages.is_empty() {
            self.finish(&keys).await
        } else {
            self.process_messages(keys, messages).await
        }
    }

    /// Commits the result of the first inbox entries. Releases the lease in the same write if no work is left.
    pub(super) async fn finish(&mut self, keys: &[String]) -> Result<NextStep, StoreError> {
        let last = self.session.pending.is_empty() && self.session.inbox.len() <= keys.len();
        let mut lease = if last { LeaseChange::Release } else { LeaseChange::Keep };
        loop {
            match self.save(keys, lease).await? {
                SaveOutcome::Done => {
                    failpoints::hit("session_committed");
                    if lease == LeaseChange::Release {
                        return Ok(NextStep::Stop(RunOutcome::Done));
                    }
                    self.session.inbox.drain(..keys.len().min(self.session.inbox.len()));
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
        match self.save(&[], LeaseChange::DueAt(at)).await? {
            SaveOutcome::Done => Ok(NextStep::Stop(RunOutcome::Deferred)),
            SaveOutcome::InboxNotEmpty(_) | SaveOutcome::LeaseLost | SaveOutcome::LidBusy => {
                Ok(NextStep::Stop(RunOutcome::LostLease))
            }
        }
    }

    /// Runs messages again later because they failed. The patient gets one apology for them, unless staff wrote
    /// them.
    pub(super) async fn retry_after_error(
        &mut self,
        batch: &MessageBatch,
        error: StoreError,
    ) -> Result<NextStep, StoreError> {
        tracing::error!(
            step = "converse",
            error = &error as &dyn std::error::Error,
            "a message failed and is run again later"
        );
        let apologised = self.session.bookkeeping.apologised_for.as_deref() == Some(batch.key());
        if batch.author() == Author::Patient && !apologised {
            self.session.bookkeeping.apologised_for = Some(batch.key().to_owned());
            let apology = self.render_template("TROUBLE");
            self.queue(batch.newest().address.clone(), vec![apology], None);
            if !matches!(self.save(&[], LeaseChange::Keep).await?, SaveOutcome::Done) {
                return Ok(NextStep::Stop(RunOutcome::LostLease));
            }
            if self.sending
                && let NextStep::Stop(outcome) = self.send_pending().await?
            {
                return Ok(NextStep::Stop(outcome));
            }
        }
        self.defer(RETRY_DELAY).await
    }

    /// Whether a reply can still be sent in this run.
    pub(super) fn has_time_to_send(&self) -> bool {
        Instant::now() + MIN_SEND_TIME <= self.send_deadline
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
            let reply = self.new_reply(to.clone(), message, states.is_some());
            self.record_reply(&reply, status, states);
            if allowed {
                self.session.pending.push(reply);
            }
        }
    }

    /// Saves the session and all events that are not saved yet.
    pub(super) async fn save(
        &mut self,
        finished_entries: &[String],
        lease: LeaseChange,
    ) -> Result<SaveOutcome, StoreError> {
        let events = std::mem::take(&mut self.events);
        let now = self.chats.clock.now();
        if let Some(from) = &self.moved_from {
            self.session.bookkeeping.lid_pointer =
                Some(LidPointer { lid: from.key.person.clone(), written_at: now });
        }
        let save = Commit { finished_entries, events: &events, lease, moved_from: self.moved_from.as_ref() };
        let saved = self.chats.tables.save(&mut self.session, &self.lease_owner, save, now).await?;
        match &saved {
            SaveOutcome::Done => {
                self.moved_from = None;
                if std::mem::take(&mut self.has_unsaved_outcome) {
                    failpoints::hit("reply_marked");
                    if self.session.pending.is_empty() {
                        failpoints::hit("replies_cleared");
                    }
                }
            }
            _ => {
                self.events = events;
                if self.moved_from.is_some() {
                    self.session.bookkeeping.lid_pointer = None;
                }
            }
        }
        Ok(saved)
    }
}

/// A patient's text that may be read together with its neighbours. A command is read alone.
fn joinable_text(entry: &InboxEntry) -> Option<&IncomingMessage> {
    let Some(InboxWork::Message { message }) = &entry.work else { return None };
    match &message.content {
        Content::Text { text } if message.author == Author::Patient && !is_command(text) => Some(message),
        Content::Text { .. } | Content::Pressed { .. } | Content::Unreadable { .. } => None,
    }
}
