//! Builds the step that a transition returns: the next state and the effects.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::event::{Effect, Event, Step, Utterance};
use super::state::{Chat, DayList, State};
use crate::conversation::understand::answer::Answer;

/// What the transition table matches on.
pub(super) enum Input {
    /// The first message of a session. The greeting is already among the effects.
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

    fn with_effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Sends a text without options.
    pub(super) fn say<const N: usize>(
        self,
        template: &'static str,
        values: [(&'static str, String); N],
    ) -> Self {
        let utterance =
            Utterance { template, values: BTreeMap::from(values), choices: Vec::new(), first_number: 1 };
        self.with_effect(Effect::Say(utterance))
    }

    /// Asks the question of the current state and ends the step.
    pub(super) fn ask(self) -> Step {
        let question = self.chat.state.question(&self.chat.memory).utterance();
        self.with_effect(Effect::Say(question)).end()
    }

    /// Enters a finished state. Sends the given text with the options of that state.
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
        self.with_effect(Effect::Say(utterance)).end()
    }

    /// Requests an effect whose result is the next event, and ends the step.
    pub(super) fn wait(self, effect: Effect) -> Step {
        self.with_effect(effect).end()
    }

    /// Ends the step.
    pub(super) fn end(self) -> Step {
        Step { chat: self.chat, effects: self.effects }
    }

    /// Enters a state and remembers the one before for "voltar". If the new state is already among the
    /// remembered ones, forgets it and all later ones, so that "voltar" cannot loop.
    pub(super) fn enter(mut self, state: State) -> Self {
        let previous = match std::mem::replace(&mut self.chat.state, state) {
            State::Unrecognized { asked } => *asked,
            state => state,
        };
        let returns_to_menu =
            previous.is_finished() || matches!(previous, State::Welcome | State::HumanHandoff);
        self.chat.previous.push(if returns_to_menu { State::MainMenu } else { previous });
        let entered = self.chat.state.name();
        if let Some(index) = self.chat.previous.iter().position(|state| state.name() == entered) {
            self.chat.previous.truncate(index);
        }
        self
    }

    /// Returns to the main menu and forgets the earlier states.
    pub(super) fn menu(mut self) -> Self {
        self.chat.previous.clear();
        self.chat.state = State::MainMenu;
        self
    }

    /// Returns to the previous state, or to the main menu if there is none.
    pub(super) fn back(mut self) -> Self {
        self.chat.state = match self.chat.state {
            State::Unrecognized { asked } => *asked,
            _ => self.chat.previous.pop().unwrap_or(State::MainMenu),
        };
        self
    }

    /// Returns to the question before the confirmation, usually the offered times. Skips the question for the
    /// name.
    pub(super) fn back_to_times(mut self) -> Self {
        loop {
            self = self.back();
            if !matches!(self.chat.state, State::AskName { .. }) {
                return self;
            }
        }
    }

    /// Counts a new confirmation prompt and returns its number.
    pub(super) fn next_prompt(&mut self) -> u32 {
        let prompts = &mut self.chat.memory.prompts;
        *prompts = prompts.wrapping_add(1);
        *prompts
    }
}

impl State {
    /// Whether a new appointment is being planned.
    pub(super) fn is_booking(&self) -> bool {
        matches!(
            self,
            Self::SelectDate { .. }
                | Self::SelectTime { .. }
                | Self::AskName { .. }
                | Self::ConfirmBooking { .. }
        )
    }

    /// Whether an existing appointment is being moved or cancelled.
    pub(super) fn is_about_an_appointment(&self) -> bool {
        !self.is_booking() && self.purpose().is_some()
    }

    /// Whether a search that starts on `from` continues the days listed here.
    pub(super) fn is_continued_by_search(&self, from: NaiveDate) -> bool {
        self.days().is_some_and(|list| list.searched_until.is_some_and(|until| from > until))
    }

    /// Appends the days of a further search and turns to the first of them.
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

    /// Removes a day that has no free time left.
    pub(super) fn forget_day(&mut self, date: NaiveDate) {
        if let Some(list) = self.days_mut() {
            let on_earlier_pages = list.days.iter().take(list.from).filter(|day| **day == date).count();
            list.from -= on_earlier_pages;
            list.days.retain(|day| *day != date);
        }
    }
}
