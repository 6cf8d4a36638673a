//! One turn of a chat in the making: where it goes, what it says, what it asks of the world.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::event::{Effect, Saying, Step};
use super::state::{Chat, DayList, ServiceChoice, State};
use crate::domain::time::Slot;

/// A turn in the making.
pub(super) struct Turn {
    pub(super) chat: Chat,
    effects: Vec<Effect>,
}

impl Turn {
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
        let saying =
            Saying { template, values: BTreeMap::from(values), choices: Vec::new(), first_number: 1 };
        self.run(Effect::Say(saying))
    }

    /// Asks what the state asks; the patient's turn.
    pub(super) fn ask(self) -> Step {
        let question = self.chat.state.question(&self.chat.memory).saying();
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
        let saying = Saying { template, values: BTreeMap::from(values), choices, first_number: 1 };
        self.run(Effect::Say(saying)).end()
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
    /// A new visit is being planned.
    pub(super) fn is_booking(&self) -> bool {
        matches!(
            self,
            Self::SelectDate { .. }
                | Self::SelectTime { .. }
                | Self::AskName { .. }
                | Self::ConfirmBooking { .. }
        )
    }

    /// A visit that stands is being moved or cancelled.
    pub(super) fn is_about_a_visit(&self) -> bool {
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

/// One line a service: its name and price, no length.
pub(super) fn price_table(services: &[ServiceChoice]) -> String {
    let price = |cents: Option<i32>| match cents {
        None => "sob consulta".to_owned(),
        Some(cents) => format!("R$ {},{:02}", thousands(cents / 100), cents % 100),
    };
    let lines = services.iter().map(|service| format!("• {}: {}", service.name, price(service.price_cents)));
    lines.collect::<Vec<_>>().join("\n")
}

fn thousands(number: i32) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            written.push('.');
        }
        written.push(digit);
    }
    written
}

/// The offered slots next before and after one that is not offered.
pub(super) fn nearest_to(wanted: Slot, slots: &[Slot]) -> Vec<Slot> {
    let same_day = |slot: &&Slot| slot.date == wanted.date;
    let before = slots.iter().filter(same_day).rfind(|slot| slot.time < wanted.time);
    let after = slots.iter().filter(same_day).find(|slot| slot.time > wanted.time);
    before.into_iter().chain(after).copied().collect()
}

/// `a`, `a ou b`, `a, b ou c`.
pub(super) fn list_words(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., end] => format!("{} {last} {end}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_written_as_in_brazil() {
        let check = |cents: Option<i32>, expected: &str| {
            let id = crate::domain::ids::ServiceId(uuid::Uuid::nil());
            let service = ServiceChoice { id, name: "Axilas".to_owned(), minutes: 20, price_cents: cents };
            assert_eq!(price_table(&[service]), format!("• Axilas: {expected}"));
        };
        check(None, "sob consulta");
        check(Some(0), "R$ 0,00");
        check(Some(15_000), "R$ 150,00");
        check(Some(123_456), "R$ 1.234,56");
        check(Some(i32::MAX), "R$ 21.474.836,47");
    }
}
