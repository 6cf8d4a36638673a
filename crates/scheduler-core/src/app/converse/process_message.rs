//! One message of a chat: from what was patient_message to what is said.

use chrono::TimeDelta;

use super::effects::EffectRunner;
use super::lid::{lid_chat, read_lid};
use super::worker::{ChatWorker, NextStep};
use crate::adapters::dynamodb::save::MovedFrom;
use crate::adapters::dynamodb::session::KnownAddress;
use crate::conversation::machine::event::{Effect, Event, PatientMessage, Utterance};
use crate::conversation::machine::state::{Chat, State};
use crate::conversation::machine::transition::transition;
use crate::conversation::say::render::{render, render_all};
use crate::conversation::understand::clinic_label::as_pressed_option;
use crate::domain::ids::ConversationId;
use crate::domain::message::{Author, Content, IncomingMessage, OutgoingMessage};
use crate::domain::time::local;
use crate::error::StoreError;

/// A session ends after so much silence.
const SESSION: TimeDelta = TimeDelta::minutes(30);
/// Messages of one patient that are worked on in a minute.
const A_MINUTE: u32 = 20;
/// A turn that asks the world this often has lost its way.
const MOST_EFFECTS: usize = 12;

/// What a turn came to.
pub(super) struct Decision {
    pub(super) chat: Chat,
    pub(super) utterances: Vec<Utterance>,
}

impl ChatWorker<'_> {
    pub(super) async fn hear(
        &mut self,
        key: String,
        message: IncomingMessage,
    ) -> Result<NextStep, StoreError> {
        let adopted = self.continue_lid_chat(&message).await;
        if message.author == Author::Patient {
            return self.hear_patient(&key, message, adopted).await;
        }
        let ours = self.is_ours(&message) || self.was_sent_directly(&message).await?;
        if message.author == Author::Staff && !ours && !self.is_automatic(&message) {
            return self.hear_staff(&key, message).await;
        }
        self.record(&key, &message, ours).await
    }

    /// Into the history and no further. What we sent ourselves is there already.
    async fn record(
        &mut self,
        key: &str,
        message: &IncomingMessage,
        ours: bool,
    ) -> Result<NextStep, StoreError> {
        if !ours {
            self.record_inbound(message, None);
        }
        self.finish(key).await
    }

    async fn hear_staff(&mut self, key: &str, message: IncomingMessage) -> Result<NextStep, StoreError> {
        let text = match &message.content {
            Content::Text { text } => Some(text.clone()),
            Content::Pressed { .. } | Content::Unreadable { .. } => None,
        };
        let chat = self.session.chat.clone().unwrap_or_default();
        let before = chat.state.name();
        let event = Event::StaffWrote { text, now: self.chats.clock.now() };
        let decided = match self.decide(key, &message, chat, event, false).await {
            Ok(decided) => decided,
            Err(error) => return self.trouble(key, message.address, error).await,
        };
        self.close_turn(key, message, before, decided).await
    }

    async fn hear_patient(
        &mut self,
        key: &str,
        message: IncomingMessage,
        adopted: bool,
    ) -> Result<NextStep, StoreError> {
        let in_minute = self.count(key, &message);
        if in_minute > A_MINUTE {
            self.record_inbound(&message, None);
            if in_minute == A_MINUTE + 1 {
                let wait = self.render_line("SLOW_DOWN");
                self.queue(message.address, vec![wait], None);
            }
            return self.finish(key).await;
        }
        let now = self.chats.clock.now();
        let clinic = &self.profile.clinic;
        let today = local(now, clinic.timezone);
        let over = self.session.expires_at.is_none_or(|at| at <= now);
        let running = self.session.chat.clone().filter(|_| !over);
        let fresh = running.is_none();
        let chat = running.or_else(|| self.session.chat.as_ref().map(Chat::renewed)).unwrap_or_default();
        let patient_message = PatientMessage {
            content: as_pressed_option(&message.content, &chat, &self.profile.templates),
            profile_name: message.profile_name.clone(),
            now,
            local: today,
            horizon: clinic.last_bookable_day(now),
        };
        let before = chat.state.name();
        if adopted && let Err(error) = self.tell_address(&message).await {
            // Appointments booked under the lid must be the phone's before anything looks for them.
            return self.trouble(key, message.address, error).await;
        }
        let decided =
            match self.decide(key, &message, chat, Event::MessageReceived(patient_message), !fresh).await {
                Ok(decided) => decided,
                Err(error) => return self.trouble(key, message.address, error).await,
            };
        // In silence nothing is said, and so no session begins: the greeting is still to come.
        if decided.chat.state != State::Welcome {
            if fresh {
                self.session.conversation_id = Some(ConversationId(uuid::Uuid::new_v4()));
            }
            self.session.expires_at = Some(now + SESSION);
        }
        self.close_turn(key, message, before, decided).await
    }

    /// Runs the transition and what it asks of the world until it asks nothing more.
    async fn decide(
        &mut self,
        key: &str,
        message: &IncomingMessage,
        chat: Chat,
        event: Event,
        tell: bool,
    ) -> Result<Decision, StoreError> {
        let known = self.known_after(message);
        let tell = tell && self.session.bookkeeping.known.as_ref() != Some(&known);
        let profile = self.profile.clone();
        let person = self.person(message);
        let received_at = message.received_at;
        let runner = EffectRunner::new(self.chats, &profile, &person, key, received_at, &self.changed);
        let running = async {
            let (decided, told) = tokio::join!(run(&runner, chat, event), async {
                if tell { self.chats.db.remember_address(&profile.clinic.id, &person).await } else { Ok(()) }
            });
            decided.map(|decided| (decided, told))
        };
        let running = tokio::time::timeout_at(self.deadline, running).await;
        let (decided, told) = running.map_err(|late| StoreError::unavailable("decide a turn", late))??;
        match told {
            Ok(()) if tell || runner.has_told() => self.session.bookkeeping.known = Some(known),
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(
                    step = "converse",
                    error = &error as &dyn std::error::Error,
                    "an address will be remembered with the next message"
                );
            }
        }
        Ok(decided)
    }

    async fn tell_address(&mut self, message: &IncomingMessage) -> Result<(), StoreError> {
        let person = self.person(message);
        self.chats.db.remember_address(&self.profile.clinic.id, &person).await?;
        self.session.bookkeeping.known = Some(self.known_after(message));
        Ok(())
    }

    /// Takes the new state, the event and the replies over, and commits them.
    async fn close_turn(
        &mut self,
        key: &str,
        message: IncomingMessage,
        before: &str,
        mut decided: Decision,
    ) -> Result<NextStep, StoreError> {
        if decided.chat.state == State::Welcome {
            // Passed through, never stored: a session that has not begun counts as over.
            decided.chat.state = State::MainMenu;
        }
        let after = decided.chat.state.name();
        let states = (before, after);
        if message.author == Author::Patient {
            self.session.bookkeeping.heard_at = Some(message.received_at);
        }
        self.session.chat = Some(decided.chat);
        self.record_inbound(&message, Some(states));
        let replies = render_all(&decided.utterances, &self.profile.clinic, &self.profile.templates);
        tracing::info!(
            step = "turn",
            clinic_id = %self.session.key.clinic,
            phone = message.address.last_four(),
            state_before = before,
            state_after = after,
            replies = replies.len(),
            "a message was worked on"
        );
        self.queue(message.address, replies, Some(states));
        self.finish(key).await
    }

    /// A phone that comes with the lid of an earlier chat: that chat goes on here. Says whether a
    /// chat was taken over.
    async fn continue_lid_chat(&mut self, message: &IncomingMessage) -> bool {
        let Some(key) = lid_chat(&self.session.key, message.chat_lid.as_deref()) else { return false };
        let linked = self.session.bookkeeping.known.as_ref().and_then(|known| known.chat_lid.as_ref());
        if linked == message.chat_lid.as_ref() {
            return false;
        }
        let read = self.lid.take().filter(|(read, _)| *read == key);
        let Some((key, found)) = (match read {
            Some(read) => Some(read),
            None => read_lid(self.chats, Some(key)).await,
        }) else {
            return false;
        };
        let Some(found) = found else {
            self.moved_from = Some(MovedFrom { key, version: None });
            return false;
        };
        let now = self.chats.clock.now();
        if found.moved_to.is_some() || !found.is_idle(now) {
            return false;
        }
        self.moved_from = Some(MovedFrom { key, version: Some(found.version) });
        let ours_is_over = self.session.expires_at.is_none_or(|at| at <= now);
        if ours_is_over {
            self.session.chat = found.chat;
            self.session.conversation_id = found.conversation_id;
            self.session.expires_at = found.expires_at;
            self.session.bookkeeping.sent = found.bookkeeping.sent;
            self.session.bookkeeping.heard_at = found.bookkeeping.heard_at;
        }
        true
    }

    fn known_after(&self, message: &IncomingMessage) -> KnownAddress {
        let before = self.session.bookkeeping.known.as_ref().and_then(|known| known.chat_lid.clone());
        KnownAddress { address: message.address.clone(), chat_lid: message.chat_lid.clone().or(before) }
    }

    /// How many messages the patient has sent in this minute, this one included.
    fn count(&mut self, key: &str, message: &IncomingMessage) -> u32 {
        let at = message.received_at;
        let notes = &mut self.session.bookkeeping;
        // One that is run again after trouble was counted then.
        if notes.apologised_for.as_deref() == Some(key) {
            return 1;
        }
        if notes.minute.is_none_or(|start| at - start >= TimeDelta::minutes(1)) {
            notes.minute = Some(at);
            notes.in_minute = 0;
        }
        notes.in_minute += 1;
        notes.in_minute
    }

    /// A line of the runner's own, outside of any turn.
    pub(super) fn render_line(&self, template: &'static str) -> OutgoingMessage {
        let utterance = Utterance { template, first_number: 1, ..Utterance::default() };
        render(&utterance, &self.profile.clinic, &self.profile.templates)
    }
}

async fn run(runner: &EffectRunner<'_>, mut chat: Chat, mut event: Event) -> Result<Decision, StoreError> {
    let mut utterances = Vec::new();
    for _ in 0..MOST_EFFECTS {
        let step = transition(chat, event);
        chat = step.chat;
        let mut asked = None;
        for effect in step.effects {
            match effect {
                Effect::Say(utterance) => utterances.push(utterance),
                effect => asked = runner.perform(effect).await?.or(asked),
            }
        }
        match asked {
            Some(answer) => event = answer,
            None => return Ok(Decision { chat, utterances }),
        }
    }
    Err(StoreError::internal("decide a turn", "the conversation never stopped asking"))
}
