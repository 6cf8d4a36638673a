//! Checks that come before a message is read as the answer to a question.

use super::event::{Effect, PatientMessage, Step};
use super::state::{Chat, Moment, State};
use super::step::{Input, StepBuilder};
use crate::conversation::understand::answer::{self, Answer};
use crate::conversation::understand::option_id::{OptionId, written_text};
use crate::conversation::understand::phrases;
use crate::conversation::understand::reminder_reply::{ReminderReply, read_reply};
use crate::domain::message::Content;
use crate::domain::patient::clean_name;

/// Result of the checks.
pub(super) enum CheckResult {
    Done(Step),
    Continue(StepBuilder),
}

impl StepBuilder {
    /// Handles what comes first in every state: opt-out words, silence, and the end of a hand-over.
    pub(super) fn check_first(mut self, message: &PatientMessage) -> CheckResult {
        let memory = &mut self.chat.memory;
        memory.moment = Moment { now: message.now, local: message.local, horizon: message.horizon };
        if message.profile_name.is_some() {
            memory.profile_name = message.profile_name.as_deref().and_then(clean_name);
        }
        let silent = self.is_silent();
        let text = written_text(&message.content).unwrap_or_default();
        if let Some(out) = phrases::opt_out(text) {
            if self.chat.state == State::Welcome {
                self.chat.state = if silent { State::HumanHandoff } else { State::MainMenu };
            }
            return CheckResult::Done(self.wait(Effect::SetOptOut { out }));
        }
        if silent {
            let wants_menu = matches!(&message.content, Content::Pressed { id, .. } if id == "menu")
                || phrases::command(text) == Some(OptionId::Menu);
            if !wants_menu {
                if self.chat.state == State::Welcome {
                    self.chat.state = State::HumanHandoff;
                }
                let confirms = read_reply(&self.chat, message) == Some(ReminderReply::Confirm);
                return CheckResult::Done(match confirms {
                    true => self.wait(Effect::FindReminder(message.clone())),
                    false => self.end(),
                });
            }
            self.chat.memory.silent_until = None;
            return CheckResult::Done(self.menu().ask());
        }
        self.chat.memory.silent_until = None;
        if self.chat.state == State::HumanHandoff {
            self = self.menu();
        }
        CheckResult::Continue(self)
    }

    /// Whether the bot is silent because a person of the clinic has taken over the chat.
    pub(super) fn is_silent(&self) -> bool {
        let memory = &self.chat.memory;
        memory.silent_until.is_some_and(|until| memory.moment.now < until)
    }

    /// Reads a message as the answer to the current question and responds to it.
    pub(super) fn read_and_respond(self, message: PatientMessage) -> Step {
        if self.chat.state == State::Welcome {
            return self.wait(Effect::IdentifyPatient(message));
        }
        let (step, answer) = self.read(&message);
        match answer {
            Answer::Sentence => step.wait(Effect::IdentifyPatient(message)),
            answer => step.respond(Input::Said(answer)),
        }
    }

    /// Reads a message. In `UNRECOGNIZED` the previous question can still be answered, but a written yes to a
    /// confirmation only repeats its question.
    fn read(mut self, message: &PatientMessage) -> (Self, Answer) {
        let answer = answer::read(&self.chat, message);
        let State::Unrecognized { asked } = &self.chat.state else { return (self, answer) };
        if !matches!(answer, Answer::NotUnderstood | Answer::Option(_)) {
            return (self, answer);
        }
        if matches!(answer, Answer::Option(OptionId::Menu | OptionId::Human | OptionId::Back)) {
            return (self, answer);
        }
        let chat_before = Chat { state: (**asked).clone(), ..self.chat.clone() };
        let pressed = matches!(message.content, Content::Pressed { .. });
        match answer::read(&chat_before, message) {
            Answer::NotUnderstood => (self, Answer::NotUnderstood),
            Answer::Option(OptionId::Book(_) | OptionId::Move(_) | OptionId::Cancel(_)) if !pressed => {
                self.chat = chat_before;
                (self, Answer::Hello)
            }
            answer => {
                self.chat = chat_before;
                (self, answer)
            }
        }
    }

    pub(super) fn greet(mut self, known: bool) -> Self {
        self.chat.state = State::MainMenu;
        match self.chat.memory.patient_name.clone().filter(|_| known) {
            Some(name) => {
                let first = name.split(' ').next().unwrap_or_default().to_owned();
                self.say("WELCOME_RETURNING", [("patient_name", first)])
            }
            None => self.say("WELCOME_NEW", []),
        }
    }
}
