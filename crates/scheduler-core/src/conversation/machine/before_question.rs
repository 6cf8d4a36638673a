//! What is checked before a message is read as the answer to a question.

use super::event::{Effect, PatientMessage, Step};
use super::state::{Chat, Moment, State};
use super::step::{Input, StepBuilder};
use crate::conversation::understand::answer::{self, Answer};
use crate::conversation::understand::option_id::{OptionId, written};
use crate::conversation::understand::phrases;
use crate::conversation::understand::reminder_reply::{ReminderReply, reply};
use crate::domain::message::Content;
use crate::domain::patient::clean_name;

/// Whether a message is dealt with already.
pub(super) enum Gate {
    Done(Step),
    Continue(StepBuilder),
}

impl StepBuilder {
    /// Handles what comes before any question, in any state: opt-out, silence, the end of a hand-over.
    pub(super) fn check_first(mut self, message: &PatientMessage) -> Gate {
        let memory = &mut self.chat.memory;
        memory.moment = Moment { now: message.now, local: message.local, horizon: message.horizon };
        if message.profile_name.is_some() {
            memory.profile_name = message.profile_name.as_deref().and_then(clean_name);
        }
        let silent = self.is_silent();
        let text = written(&message.content).unwrap_or_default();
        if let Some(out) = phrases::opt_out(text) {
            if self.chat.state == State::Welcome {
                self.chat.state = if silent { State::HumanHandoff } else { State::MainMenu };
            }
            return Gate::Done(self.wait(Effect::SetOptOut { out }));
        }
        if silent {
            let menu = matches!(&message.content, Content::Pressed { id, .. } if id == "menu")
                || phrases::command(text) == Some(OptionId::Menu);
            if !menu {
                if self.chat.state == State::Welcome {
                    self.chat.state = State::HumanHandoff;
                }
                let coming = reply(&self.chat, message) == Some(ReminderReply::Coming);
                return Gate::Done(match coming {
                    true => self.wait(Effect::FindReminder(message.clone())),
                    false => self.end(),
                });
            }
            self.chat.memory.silent_until = None;
            return Gate::Done(self.menu().ask());
        }
        self.chat.memory.silent_until = None;
        if self.chat.state == State::HumanHandoff {
            self = self.menu();
        }
        Gate::Continue(self)
    }

    /// Whether a person of the clinic has the chat, so that the bot does not answer.
    pub(super) fn is_silent(&self) -> bool {
        let memory = &self.chat.memory;
        memory.silent_until.is_some_and(|until| memory.moment.now < until)
    }

    /// Reads a message against the current question and responds to it.
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

    /// Reads a message. In `UNRECOGNIZED` the question asked before can still be answered, but a yes to
    /// "the menu or a person?" does not confirm anything.
    fn read(mut self, message: &PatientMessage) -> (Self, Answer) {
        let answer = answer::read(&self.chat, message);
        let State::Unrecognized { asked } = &self.chat.state else { return (self, answer) };
        if !matches!(answer, Answer::Nothing | Answer::Option(_)) {
            return (self, answer);
        }
        if matches!(answer, Answer::Option(OptionId::Menu | OptionId::Human | OptionId::Back)) {
            return (self, answer);
        }
        let before = Chat { state: (**asked).clone(), ..self.chat.clone() };
        let pressed = matches!(message.content, Content::Pressed { .. });
        match answer::read(&before, message) {
            Answer::Nothing => (self, Answer::Nothing),
            Answer::Option(OptionId::Book(_) | OptionId::Move(_) | OptionId::Cancel(_)) if !pressed => {
                self.chat = before;
                (self, Answer::Hello)
            }
            again => {
                self.chat = before;
                (self, again)
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
