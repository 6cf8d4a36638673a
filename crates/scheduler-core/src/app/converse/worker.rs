//! The holder of a chat's lease: works on what waits, one after the other, until nothing is left.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::Chats;
use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::save::{Lease, MovedFrom, Save, Saved};
use crate::adapters::dynamodb::session::{ChatKey, Session, Waiting, Work};
use crate::adapters::postgres::profiles::ClinicProfile;
use crate::app::reminders::project::project_soon;
use crate::domain::appointment::Appointment;
use crate::domain::ids::ConversationId;
use crate::domain::message::OutgoingMessage;
use crate::domain::phone::Address;
use crate::error::StoreError;
use crate::points;
use crate::tally::{self, Outcome};

/// A chat whose provider cannot be reached is taken up again after this long.
const SEND_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(30);
/// A chat whose message met trouble, or for which time ran out, after this long.
const TRY_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// How often a chat is taken up in vain before the message at its head is given up: some hours.
const GIVE_UP_AFTER: u32 = 200;

/// How a holder left its chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Left {
    /// Nothing is left to do.
    Idle,
    /// The Reconciler takes it up again.
    Due,
    /// Somebody else has it.
    Lost,
}

/// Holds a chat.
pub(in crate::app) struct Holder<'a> {
    pub(super) chats: &'a Chats,
    pub(super) profile: Arc<ClinicProfile>,
    pub(super) session: Session,
    pub(super) holder: String,
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
    /// Takes the visits that turns book or change.
    pub(super) changed: UnboundedSender<Appointment>,
    changes: UnboundedReceiver<Appointment>,
}

/// What to do next.
pub(super) enum Next {
    GoOn,
    Stop(Left),
}

impl<'a> Holder<'a> {
    pub(in crate::app) fn new(
        chats: &'a Chats,
        profile: Arc<ClinicProfile>,
        session: Session,
        holder: String,
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
            holder,
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
    /// the visits while replies are committed and sent, so that no patient waits for them.
    pub(in crate::app) async fn work(mut self) -> Result<Left, StoreError> {
        let (_, nobody) = unbounded_channel();
        let mut changes = std::mem::replace(&mut self.changes, nobody);
        let (chats, timezone) = (self.chats, self.profile.clinic.timezone);
        let projecting = async {
            while let Some(visit) = changes.recv().await {
                let (db, reminders) = (&chats.db, chats.tables.reminders());
                project_soon(db, reminders, timezone, &visit, chats.clock.now()).await;
            }
        };
        // The holder's end is the channel's.
        let left = tokio::join!(self.work_through(), projecting).0;
        tally::turn(match &left {
            Ok(Left::Idle) => Outcome::Answered,
            Ok(Left::Due) => Outcome::Left,
            Ok(Left::Lost) => Outcome::Lost,
            Err(_) => Outcome::Failed,
        });
        left
    }

    async fn work_through(mut self) -> Result<Left, StoreError> {
        loop {
            if let Next::Stop(left) = self.step().await? {
                return Ok(left);
            }
        }
    }

    async fn step(&mut self) -> Result<Next, StoreError> {
        if Instant::now() >= self.deadline {
            return self.put_off(TRY_AGAIN_AFTER).await;
        }
        if self.sending && !self.session.pending.is_empty() {
            return self.send_pending().await;
        }
        if let Some(waiting) = self.session.inbox.first().cloned() {
            return self.work_on(waiting).await;
        }
        if !self.session.pending.is_empty() {
            return self.put_off(SEND_AGAIN_AFTER).await;
        }
        match self.save(None, Lease::Release).await? {
            Saved::Done => Ok(Next::Stop(Left::Idle)),
            Saved::MoreCame(inbox) => {
                self.session.inbox = inbox;
                Ok(Next::GoOn)
            }
            Saved::Lost | Saved::LidBusy => Ok(Next::Stop(Left::Lost)),
        }
    }

    async fn work_on(&mut self, waiting: Waiting) -> Result<Next, StoreError> {
        let given_up = self.session.attempts > GIVE_UP_AFTER;
        match waiting.work {
            _ if given_up => {
                tracing::error!(step = "converse", "a message was tried too often and is given up");
                self.finish(&waiting.key).await
            }
            None => {
                tracing::warn!(step = "converse", "an inbox entry cannot be read and is dropped");
                self.finish(&waiting.key).await
            }
            Some(Work::Say { to, message }) => {
                self.queue(to, vec![message], None);
                self.finish(&waiting.key).await
            }
            Some(Work::Message { message }) => self.hear(waiting.key, *message).await,
        }
    }

    /// Commits what was decided about the head of the inbox; gives the lease back with the same
    /// write where nothing is left.
    pub(super) async fn finish(&mut self, key: &str) -> Result<Next, StoreError> {
        let last = self.session.pending.is_empty() && self.session.inbox.len() <= 1;
        let mut lease = if last { Lease::Release } else { Lease::Keep };
        loop {
            match self.save(Some(key), lease).await? {
                Saved::Done => {
                    points::reach("session_committed");
                    if lease == Lease::Release {
                        return Ok(Next::Stop(Left::Idle));
                    }
                    self.session.inbox.remove(0);
                    self.session.attempts = 0;
                    return Ok(Next::GoOn);
                }
                Saved::MoreCame(inbox) if lease == Lease::Release => {
                    self.session.inbox = inbox;
                    lease = Lease::Keep;
                }
                Saved::LidBusy if self.moved_from.is_some() => self.moved_from = None,
                Saved::MoreCame(_) | Saved::Lost | Saved::LidBusy => return Ok(Next::Stop(Left::Lost)),
            }
        }
    }

    /// Leaves the rest to the Reconciler.
    pub(super) async fn put_off(&mut self, after: TimeDelta) -> Result<Next, StoreError> {
        let at = self.chats.clock.now() + after;
        match self.save(None, Lease::DueAt(at)).await? {
            Saved::Done => Ok(Next::Stop(Left::Due)),
            Saved::MoreCame(_) | Saved::Lost | Saved::LidBusy => Ok(Next::Stop(Left::Lost)),
        }
    }

    /// The message at the head met trouble: the patient is told once, and it is run again.
    pub(super) async fn trouble(
        &mut self,
        key: &str,
        to: Address,
        error: StoreError,
    ) -> Result<Next, StoreError> {
        tracing::error!(
            step = "converse",
            error = &error as &dyn std::error::Error,
            "a message met trouble and is run again"
        );
        if self.session.notes.apologised_for.as_deref() != Some(key) {
            self.session.notes.apologised_for = Some(key.to_owned());
            let sorry = self.render_line("TROUBLE");
            self.queue(to, vec![sorry], None);
            if !matches!(self.save(None, Lease::Keep).await?, Saved::Done) {
                return Ok(Next::Stop(Left::Lost));
            }
            if let Next::Stop(left) = self.send_pending().await? {
                return Ok(Next::Stop(left));
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
            let event = self.outbound(&reply, status, states);
            self.events.push(event);
            if allowed {
                self.session.pending.push(reply);
            }
        }
    }

    /// Writes the session with all events not yet written.
    pub(super) async fn save(&mut self, done: Option<&str>, lease: Lease) -> Result<Saved, StoreError> {
        let events = std::mem::take(&mut self.events);
        let save = Save { done, events: &events, lease, moved_from: self.moved_from.as_ref() };
        let now = self.chats.clock.now();
        let saved = self.chats.tables.save(&mut self.session, &self.holder, save, now).await?;
        match &saved {
            Saved::Done => {
                self.moved_from = None;
                if std::mem::take(&mut self.unmarked) {
                    points::reach("reply_marked");
                    if self.session.pending.is_empty() {
                        points::reach("replies_cleared");
                    }
                }
            }
            _ => self.events = events,
        }
        Ok(saved)
    }

    pub(super) fn conversation_id(&mut self) -> ConversationId {
        *self.session.conversation_id.get_or_insert_with(|| ConversationId(uuid::Uuid::new_v4()))
    }

    /// Strictly later than anything in the chat's history.
    pub(super) fn next_event_at(&mut self) -> DateTime<Utc> {
        let now = self.chats.clock.now();
        let at = match self.session.notes.last_event_at {
            Some(last) if now <= last => last + TimeDelta::milliseconds(1),
            _ => now,
        };
        // Kept as precisely as it is stored, or two of one millisecond would share it.
        let at = DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at);
        let at = match self.session.notes.last_event_at {
            Some(last) if at <= last => last + TimeDelta::milliseconds(1),
            _ => at,
        };
        self.session.notes.last_event_at = Some(at);
        at
    }
}
