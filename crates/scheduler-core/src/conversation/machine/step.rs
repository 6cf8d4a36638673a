//! One turn of a chat in the making: where it goes, what it says, what it asks of the world.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::event::{Effect, Event, Step, Utterance};
use super::state::{Chat, DayList, State};
use crate::conversation::understand::answer::Answer;

/// What the table responds to.
pub(super) enum Input {
    /// The first message of a session; the greeting is said already.
    First(Answer),
    /// The patient's answer to the current question.
    Said(Answer),
    /// The result of an effect.
    Found(Event),
}

/// Builds a [`Step`].
pub(super) struct StepBuilder {
    pub(super) chat: Chat,
    effects: Vec<Effect>,
}

impl StepBuilder {
    pub(super) fn new(chat: Chat) -> Self {
        Self { chat, effects: Vec::new() }
    }

    fn run(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Says an answer.
    pub(super) fn say<const N: usize>(
        self,
        template: &'static str,
        values: [(&'static str, String); N],
    ) -> Self {
        let utterance =
            Utterance { template, values: BTreeMap::from(values), choices: Vec::new(), first_number: 1 };
        self.run(Effect::Say(utterance))
    }

    /// Asks what the state asks; the patient's turn.
    pub(super) fn ask(self) -> Step {
        let question = self.chat.state.question(&self.chat.memory).utterance();
        self.run(Effect::Say(question)).end()
    }

    /// Says how it ended, with the options of where that leaves the patient.
    pub(super) fn finish<const N: usize>(
        mut self,
        state: State,
        template: &'static str,
        values: [(&'static str, String); N],
    ) -> Step {
        self.chat.previous.clear();
        self.chat.state = state;
        let choices = self.chat.state.question(&self.chat.memory).shown();
        let utterance = Utterance { template, values: BTreeMap::from(values), choices, first_number: 1 };
        self.run(Effect::Say(utterance)).end()
    }

    /// Asks the world something; its answer is the next event.
    pub(super) fn wait(self, effect: Effect) -> Step {
        self.run(effect).end()
    }

    /// Nothing more.
    pub(super) fn end(self) -> Step {
        Step { chat: self.chat, effects: self.effects }
    }

    /// Goes on to a state, so that "voltar" leads back here. A place met again is gone back to,
    /// so that the way back never grows in circles.
    pub(super) fn enter(mut self, state: State) -> Self {
        let left = match std::mem::replace(&mut self.chat.state, state) {
            State::Unrecognized { asked } => *asked,
            left => left,
        };
        let leads_nowhere = left.is_finished() || matches!(left, State::Welcome | State::HumanHandoff);
        self.chat.previous.push(if leads_nowhere { State::MainMenu } else { left });
        let here = self.chat.state.name();
        if let Some(met) = self.chat.previous.iter().position(|state| state.name() == here) {
            self.chat.previous.truncate(met);
        }
        self
    }

    /// Back to the menu, with nothing behind it.
    pub(super) fn menu(mut self) -> Self {
        self.chat.previous.clear();
        self.chat.state = State::MainMenu;
        self
    }

    /// To the state before; never past the menu.
    pub(super) fn back(mut self) -> Self {
        self.chat.state = match self.chat.state {
            State::Unrecognized { asked } => *asked,
            _ => self.chat.previous.pop().unwrap_or(State::MainMenu),
        };
        self
    }

    /// Back to the times that were offered, past the name if it was asked.
    pub(super) fn back_to_times(mut self) -> Self {
        loop {
            self = self.back();
            if !matches!(self.chat.state, State::AskName { .. }) {
                return self;
            }
        }
    }

    /// The number of the next confirmation.
    pub(super) fn next_prompt(&mut self) -> u32 {
        let prompts = &mut self.chat.memory.prompts;
        *prompts = prompts.wrapping_add(1);
        *prompts
    }
}

impl State {
    /// A new appointment is being planned.
    pub(super) fn is_booking(&self) -> bool {
        matches!(
            self,
            Self::SelectDate { .. }
                | Self::SelectTime { .. }
                | Self::AskName { .. }
                | Self::ConfirmBooking { .. }
        )
    }

    /// An appointment that stands is being moved or cancelled.
    pub(super) fn is_about_an_appointment(&self) -> bool {
        !self.is_booking() && self.purpose().is_some()
    }

    /// Days were asked for from here, up to `from` they are listed.
    pub(super) fn awaits_days(&self, from: NaiveDate) -> bool {
        self.days().is_some_and(|list| list.searched_until.is_some_and(|until| from > until))
    }

    /// Lists what a search up to the horizon found, and shows the first of it.
    pub(super) fn add_days(&mut self, days: &[NaiveDate], searched_until: NaiveDate) {
        if let Some(list) = self.days_mut() {
            list.searched_until = Some(searched_until);
            if !days.is_empty() {
                list.from = list.days.len();
                list.days.extend(days);
            }
        }
    }

    fn days_mut(&mut self) -> Option<&mut DayList> {
        match self {
            Self::SelectDate { days, .. }
            | Self::ShowCurrentAppointment { days, .. }
            | Self::SelectNewDate { days, .. } => Some(days),
            _ => None,
        }
    }

    /// Takes a day that has filled up out of those offered.
    pub(super) fn forget_day(&mut self, date: NaiveDate) {
        if let Some(list) = self.days_mut() {
            let earlier = list.days.iter().take(list.from).filter(|day| **day == date).count();
            list.from -= earlier;
            list.days.retain(|day| *day != date);
        }
    }
}
