//! Works on messages of a chat: reads them, runs the turn and queues the replies.

use chrono::TimeDelta;

use super::batch::MessageBatch;
use super::effects::EffectRunner;
use super::lid::{lid_chat_key, read_lid_chat};
use super::worker::{ChatWorker, NextStep};
use crate::adapters::dynamodb::save::MovedFrom;
use crate::adapters::dynamodb::session::KnownAddress;
use crate::conversation::machine::event::{Effect, Event, PatientMessage, Utterance};
use crate::conversation::machine::state::{Chat, State};
use crate::conversation::machine::transition::transition;
use crate::conversation::say::render::{render, render_all};
use crate::conversation::understand::answer::{is_always_heard, needs_question};
use crate::conversation::understand::clinic_label::as_pressed_option;
use crate::domain::ids::ConversationId;
use crate::domain::message::{Author, Content, IncomingMessage, OutgoingMessage};
use crate::domain::time::wall_clock_at;
use crate::error::StoreError;

/// A session ends this long after the last message.
const SESSION_TTL: TimeDelta = TimeDelta::minutes(30);
/// Messages of one patient that are worked on per minute.
const MAX_MESSAGES_PER_MINUTE: u32 = 20;
/// Maximum transitions in one turn; more mean that the turn does not end.
const MAX_TRANSITIONS: usize = 12;

/// Result of a turn.
pub(super) struct TurnResult {
    pub(super) chat: Chat,
    pub(super) utterances: Vec<Utterance>,
}

impl ChatWorker<'_> {
    /// Works on one message, or on several texts of the patient that waited together and are read as one.
    pub(super) async fn process_messages(
        &mut self,
        keys: Vec<String>,
        messages: Vec<IncomingMessage>,
    ) -> Result<NextStep, StoreError> {
        let Some(batch) = MessageBatch::new(keys, messages) else { return Ok(NextStep::Continue) };
        if batch.author() == Author::Patient {
            self.note_sender(batch.newest());
        }
        let took_over_chat = self.continue_lid_chat(batch.newest()).await;
        if took_over_chat && let Err(error) = self.save_address(batch.newest()).await {
            // Saving the address moves the lid's appointments to the phone's patient, so that this turn finds
            // them.
            return self.retry_after_error(&batch, error).await;
        }
        if batch.author() == Author::Patient {
            return self.process_patient_messages(batch).await;
        }
        let message = batch.newest();
        let is_echo = self.is_reply_echo(message) || self.is_history_echo(message).await?;
        if message.author == Author::Staff && !is_echo && !self.is_automatic(message) {
            return self.process_staff_message(batch).await;
        }
        self.record_only(&batch, is_echo).await
    }

    /// Adds the messages to the history without answering them. An echo is already there.
    async fn record_only(&mut self, batch: &MessageBatch, is_echo: bool) -> Result<NextStep, StoreError> {
        if !is_echo {
            self.record_batch(batch, None);
        }
        self.finish(&batch.keys).await
    }

    fn record_batch(&mut self, batch: &MessageBatch, states: Option<(&str, &str)>) {
        for message in &batch.messages {
            self.record_webhook_message(message, states);
        }
    }

    async fn process_staff_message(&mut self, batch: MessageBatch) -> Result<NextStep, StoreError> {
        let text = match &batch.newest().content {
            Content::Text { text } => Some(text.clone()),
            Content::Pressed { .. } | Content::Unreadable { .. } => None,
        };
        let chat = self.session.chat.clone().unwrap_or_default();
        let before = chat.state.name();
        let event = Event::StaffWrote { text, now: batch.received_at() };
        let decision = match self.run_turn(&batch, chat, event, false).await {
            Ok(decision) => decision,
            Err(error) => return self.retry_after_error(&batch, error).await,
        };
        self.close_turn(batch, before, decision).await
    }

    async fn process_patient_messages(&mut self, batch: MessageBatch) -> Result<NextStep, StoreError> {
        let received_at = batch.received_at();
        let messages_in_minute = self.count_messages(&batch);
        let silent = self.session.chat.as_ref().and_then(|chat| chat.memory.silent_until);
        let is_silent = silent.is_some_and(|until| received_at < until);
        if messages_in_minute > MAX_MESSAGES_PER_MINUTE && !is_silent && !is_always_heard(&batch.content) {
            self.record_batch(&batch, None);
            if messages_in_minute - batch.len() <= MAX_MESSAGES_PER_MINUTE {
                let wait = self.render_template("SLOW_DOWN");
                self.queue(batch.newest().address.clone(), vec![wait], None);
            }
            return self.finish(&batch.keys).await;
        }
        let now = self.chats.clock.now();
        let clinic = &self.profile.clinic;
        // A message that waited, for example for a store, is read as of the time at which it arrived.
        let expired = self.session.expires_at.is_none_or(|at| at <= received_at);
        let active = self.session.chat.clone().filter(|_| !expired);
        let new_session = active.is_none();
        let chat = active.or_else(|| self.session.chat.as_ref().map(Chat::new_session)).unwrap_or_default();
        let patient_message = PatientMessage {
            content: as_pressed_option(&batch.content, &chat, &self.profile.templates),
            profile_name: batch.newest().profile_name.clone(),
            now: received_at,
            local: wall_clock_at(received_at, clinic.timezone),
            horizon: clinic.last_bookable_day(now),
        };
        if !new_session && self.was_before_question(batch.newest()) && needs_question(&chat, &patient_message)
        {
            return self.record_only(&batch, false).await;
        }
        let before = chat.state.name();
        let event = Event::MessageReceived(patient_message);
        let decision = match self.run_turn(&batch, chat, event, !new_session).await {
            Ok(decision) => decision,
            Err(error) => return self.retry_after_error(&batch, error).await,
        };
        // No transition ends a patient's turn in WELCOME. If one did, no session would begin, and a later
        // message would get the greeting.
        if decision.chat.state != State::Welcome {
            if new_session {
                self.session.conversation_id = Some(ConversationId(uuid::Uuid::new_v4()));
            }
            self.session.expires_at = Some(now + SESSION_TTL);
        }
        self.close_turn(batch, before, decision).await
    }

    /// Whether a message arrived, or was written, before the chat's question was asked.
    pub(super) fn was_before_question(&self, message: &IncomingMessage) -> bool {
        if self.session.pending.iter().any(|reply| reply.asks && reply.unknown.is_none()) {
            // The question is still on its way.
            return true;
        }
        self.session.bookkeeping.asked_at.is_some_and(|asked_at| message.was_written_before(asked_at))
    }

    /// Runs transitions and their effects until no effect returns an event.
    async fn run_turn(
        &mut self,
        batch: &MessageBatch,
        chat: Chat,
        event: Event,
        save_address: bool,
    ) -> Result<TurnResult, StoreError> {
        let message = batch.newest();
        let known = self.updated_address(message);
        let save_address = save_address && self.session.bookkeeping.known_address.as_ref() != Some(&known);
        let profile = self.profile.clone();
        let person = self.person(message);
        let is_known = self.is_known_sender(&person);
        let runner = EffectRunner::new(self.chats, &profile, &person, batch, is_known, &self.changed);
        let turn = async {
            let (decision, address_saved) = tokio::join!(run(&runner, chat, event), async {
                if save_address {
                    self.chats.db.save_address(&profile.clinic.id, &person).await
                } else {
                    Ok(false)
                }
            });
            decision.map(|decision| (decision, address_saved))
        };
        let turn = tokio::time::timeout_at(self.deadline, turn).await;
        let (decision, address_saved) =
            turn.map_err(|timed_out| StoreError::unavailable("run a turn", timed_out))??;
        match address_saved {
            Ok(saved) if saved || runner.has_saved_address() => {
                self.session.bookkeeping.known_address = Some(known)
            }
            // Nothing to save, or the phone's record is somebody else's.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    step = "converse",
                    error = &error as &dyn std::error::Error,
                    "could not save an address; the next message tries again"
                );
            }
        }
        Ok(decision)
    }

    async fn save_address(&mut self, message: &IncomingMessage) -> Result<(), StoreError> {
        let person = self.person(message);
        if self.chats.db.save_address(&self.profile.clinic.id, &person).await? {
            self.session.bookkeeping.known_address = Some(self.updated_address(message));
        }
        Ok(())
    }

    /// Commits the new state, the events of the messages and the replies.
    async fn close_turn(
        &mut self,
        batch: MessageBatch,
        before: &str,
        mut decision: TurnResult,
    ) -> Result<NextStep, StoreError> {
        if decision.chat.state == State::Welcome {
            // WELCOME is never stored. The next message starts a new session whatever the stored state is,
            // because `expires_at` has passed or is not set.
            decision.chat.state = State::MainMenu;
        }
        let after = decision.chat.state.name();
        let states = (before, after);
        let message = batch.newest();
        if message.author == Author::Patient {
            self.session.bookkeeping.last_message_at = Some(message.received_at);
        }
        self.session.chat = Some(decision.chat);
        self.record_batch(&batch, Some(states));
        let replies = render_all(&decision.utterances, &self.profile.clinic, &self.profile.templates);
        tracing::info!(
            step = "turn",
            clinic_id = %self.session.key.clinic,
            phone = message.address.last_four(),
            state_before = before,
            state_after = after,
            messages = batch.len(),
            replies = replies.len(),
            "a message was worked on"
        );
        self.queue(message.address.clone(), replies, Some(states));
        self.finish(&batch.keys).await
    }

    /// Continues the earlier chat of the message's lid under the sender's phone. Returns whether that chat
    /// was taken over.
    async fn continue_lid_chat(&mut self, message: &IncomingMessage) -> bool {
        let Some(key) = lid_chat_key(&self.session.key, message.chat_lid.as_deref()) else { return false };
        let now = self.chats.clock.now();
        let pointer = self.session.bookkeeping.lid_pointer.as_ref();
        if pointer.is_some_and(|pointer| pointer.leads_from(&key.person) && !pointer.is_old(now)) {
            return false;
        }
        let read = self.lid_chat.take().filter(|(read, _)| *read == key);
        let Some((key, found)) = (match read {
            Some(read) => Some(read),
            None => read_lid_chat(self.chats, Some(key)).await,
        }) else {
            return false;
        };
        let Some(found) = found else {
            self.moved_from = Some(MovedFrom { key, version: None });
            return false;
        };
        if !found.is_idle(now) {
            return false;
        }
        self.moved_from = Some(MovedFrom { key, version: Some(found.version) });
        if found.moved_to.is_some() {
            return false;
        }
        let own_session_expired = self.session.expires_at.is_none_or(|at| at <= now);
        if own_session_expired {
            self.session.chat = found.chat;
            self.session.conversation_id = found.conversation_id;
            self.session.expires_at = found.expires_at;
            self.session.bookkeeping.recent_messages = found.bookkeeping.recent_messages;
            self.session.bookkeeping.last_message_at = found.bookkeeping.last_message_at;
            self.session.bookkeeping.asked_at = found.bookkeeping.asked_at;
        }
        true
    }

    fn updated_address(&self, message: &IncomingMessage) -> KnownAddress {
        KnownAddress { address: message.address.clone(), chat_lid: self.sender_lid(message) }
    }

    /// Counts the messages. Returns the patient's messages in this minute, these included.
    fn count_messages(&mut self, batch: &MessageBatch) -> u32 {
        let at = batch.received_at();
        let bookkeeping = &mut self.session.bookkeeping;
        // A message that is run again after a failure was counted the first time.
        if bookkeeping.apologised_for.as_deref() == Some(batch.key()) {
            return 1;
        }
        if bookkeeping.minute_start.is_none_or(|start| at - start >= TimeDelta::minutes(1)) {
            bookkeeping.minute_start = Some(at);
            bookkeeping.messages_in_minute = 0;
        }
        bookkeeping.messages_in_minute = bookkeeping.messages_in_minute.saturating_add(batch.len());
        bookkeeping.messages_in_minute
    }

    /// Renders a template outside a turn.
    pub(super) fn render_template(&self, template: &'static str) -> OutgoingMessage {
        let utterance = Utterance { template, first_number: 1, ..Utterance::default() };
        render(&utterance, &self.profile.clinic, &self.profile.templates)
    }
}

async fn run(runner: &EffectRunner<'_>, mut chat: Chat, mut event: Event) -> Result<TurnResult, StoreError> {
    let mut utterances = Vec::new();
    for _ in 0..MAX_TRANSITIONS {
        let step = transition(chat, event);
        chat = step.chat;
        let mut result = None;
        for effect in step.effects {
            match effect {
                Effect::Say(utterance) => utterances.push(utterance),
                effect => result = runner.perform(effect).await?.or(result),
            }
        }
        match result {
            Some(answer) => event = answer,
            None => return Ok(TurnResult { chat, utterances }),
        }
    }
    Err(StoreError::internal("run a turn", "the turn needed too many transitions"))
}
