//! Actions that several rows of the transition table share.

use chrono::{Days, NaiveDate, TimeDelta};

use super::event::{Effect, Step};
use super::state::{AppointmentSummary, BookingPlan, Intent, Moment, Purpose, ServiceChoice, State};
use super::step::StepBuilder;
use crate::conversation::say::format::{list_alternatives, written_time};
use crate::domain::areas::appointment_minutes;
use crate::domain::text_direction::without_direction_controls;
use crate::domain::time::{Slot, later};

/// How long the bot stays silent after a hand-over or a message from staff.
pub(super) const SILENCE_DURATION: TimeDelta = TimeDelta::hours(24);
/// The first search covers today and this many following days.
const FIRST_SEARCH_DAYS: Days = Days::new(13);
/// After this many messages in a row that are not understood, the bot offers the menu or a person.
const MAX_MISUNDERSTOOD: u8 = 3;

impl StepBuilder {
    pub(super) fn hand_over(mut self) -> Step {
        self.chat.memory.silent_until = Some(later(self.chat.memory.moment.now, SILENCE_DURATION));
        self.chat.state = State::HumanHandoff;
        self.chat.previous.clear();
        self.wait(Effect::FindOpening)
    }

    pub(super) fn choose_service(self, services: Vec<ServiceChoice>) -> Step {
        match services.as_slice() {
            [only] => self.enter(State::InputAreas { service: only.clone(), services }).ask(),
            _ => self.enter(State::SelectService { services, from: 0 }).ask(),
        }
    }

    pub(super) fn find_first_days(self, purpose: Purpose) -> Step {
        let Moment { local, horizon, .. } = self.chat.memory.moment;
        let today = local.date();
        let until = today.checked_add_days(FIRST_SEARCH_DAYS).unwrap_or(horizon).min(horizon);
        self.find_days(purpose, today, until)
    }

    pub(super) fn find_days(self, purpose: Purpose, from: NaiveDate, until: NaiveDate) -> Step {
        self.wait(Effect::FindDays { purpose, from, until })
    }

    /// Shows the next page of items. After the last page, searches for more days up to the horizon. If there
    /// is nothing left to search, starts again at the first page.
    pub(super) fn turn_page(mut self, mut state: State) -> Step {
        let question = state.question(&self.chat.memory);
        if let Some(next) = question.next_page() {
            if let Some(from) = state.first_shown_mut() {
                *from = next;
            }
            return self.show_page(state).ask();
        }
        let searched = state.days().and_then(|list| list.searched_until);
        if let (true, Some(searched), Some(purpose)) =
            (question.can_search_further(), searched, state.purpose())
        {
            let horizon = self.chat.memory.moment.horizon;
            return self.find_days(purpose, searched.succ_opt().unwrap_or(horizon), horizon);
        }
        if let Some(from) = state.first_shown_mut() {
            *from = 0;
            self.chat.state = state;
        }
        self.ask()
    }

    /// Shows another page of the current state. The second page of days for a move has its own state,
    /// `SELECT_NEW_DATE`.
    pub(super) fn show_page(mut self, state: State) -> Self {
        match state {
            State::ShowCurrentAppointment { appointment, days } => {
                self.enter(State::SelectNewDate { appointment, days })
            }
            state => {
                self.chat.state = state;
                self
            }
        }
    }

    pub(super) fn find_times(self, date: NaiveDate, wanted: Option<Slot>) -> Step {
        match self.chat.state.purpose() {
            Some(purpose) => self.wait(Effect::FindTimes { purpose, date, wanted }),
            None => self.ask(),
        }
    }

    pub(super) fn offer_times(self, purpose: Purpose, slots: Vec<Slot>) -> Self {
        self.enter(match purpose {
            Purpose::Book { plan } => State::SelectTime { plan, slots, from: 0 },
            Purpose::Move { appointment } => State::SelectNewTime { appointment, slots, from: 0 },
        })
    }

    /// Chooses a pressed time. A time that is not on offer is looked up first.
    pub(super) fn pick_time(self, state: &State, slot: Slot) -> Step {
        match state.purpose().filter(|_| state.slots().is_some_and(|slots| slots.contains(&slot))) {
            Some(purpose) => self.choose(purpose, slot),
            None => self.find_times(slot.date, Some(slot)),
        }
    }

    pub(super) fn choose(mut self, purpose: Purpose, slot: Slot) -> Step {
        match purpose {
            Purpose::Book { plan } if self.chat.memory.patient_name.is_none() => {
                self.enter(State::AskName { plan, slot, given: None }).ask()
            }
            Purpose::Book { plan } => {
                let prompt = self.next_prompt();
                self.enter(State::ConfirmBooking { plan, slot, prompt }).ask()
            }
            Purpose::Move { appointment } if appointment.slot == slot => self.say("SAME_TIME", []).ask(),
            Purpose::Move { appointment } => {
                let prompt = self.next_prompt();
                self.enter(State::ConfirmReschedule { appointment, slot, prompt }).ask()
            }
        }
    }

    pub(super) fn take_name(mut self, name: Option<String>, plan: BookingPlan, slot: Slot) -> Step {
        self.chat.memory.stated_name.clone_from(&name);
        self.chat.memory.patient_name = name;
        self.choose(Purpose::Book { plan }, slot)
    }

    pub(super) fn say_nearest(self, wanted: Slot, slots: &[Slot]) -> Self {
        let nearest: Vec<String> = nearest_to(wanted, slots).into_iter().map(written_time).collect();
        self.say(
            "HOUR_NOT_OFFERED",
            [("time", written_time(wanted)), ("nearest", list_alternatives(&nearest))],
        )
    }

    pub(super) fn find_appointments(self, intent: Intent) -> Step {
        self.wait(Effect::FindAppointments { intent, wanted: None })
    }

    /// Starts to move an appointment, or asks whether to cancel it.
    pub(super) fn start_change(self, appointment: AppointmentSummary, intent: Intent) -> Step {
        match intent {
            Intent::Reschedule => self.find_first_days(Purpose::Move { appointment }),
            Intent::Cancel => self.confirm_cancel(appointment),
        }
    }

    pub(super) fn confirm_cancel(mut self, appointment: AppointmentSummary) -> Step {
        let prompt = self.next_prompt();
        self.enter(State::ConfirmCancel { appointment, prompt }).ask()
    }

    pub(super) fn ask_which(self, labels: Vec<String>) -> Step {
        let labels: Vec<String> = labels.iter().map(|label| format!("*{label}*")).collect();
        self.not_understood("AMBIGUOUS", [("candidates", list_alternatives(&labels))])
    }

    pub(super) fn not_understood<const N: usize>(
        mut self,
        template: &'static str,
        values: [(&'static str, String); N],
    ) -> Step {
        let memory = &mut self.chat.memory;
        memory.misunderstood = memory.misunderstood.saturating_add(1);
        if memory.misunderstood < MAX_MISUNDERSTOOD {
            if self.chat.state.is_finished() {
                self = self.menu();
            }
            return self.say(template, values).ask();
        }
        if !matches!(self.chat.state, State::Unrecognized { .. }) {
            let asked = Box::new(self.chat.state.clone());
            self.chat.state = State::Unrecognized { asked };
        }
        self.ask()
    }
}

/// Plans a booking. Its length is the chosen service plus every other service mentioned in `areas`, which are
/// kept without characters that change the writing direction.
pub(super) fn booking_plan(
    service: &ServiceChoice,
    services: &[ServiceChoice],
    areas: Option<String>,
) -> BookingPlan {
    let areas =
        areas.map(|areas| without_direction_controls(&areas)).filter(|areas| !areas.trim().is_empty());
    let named = services.iter().map(|service| (service.name.as_str(), service.minutes));
    let chosen = (service.name.as_str(), service.minutes);
    let minutes = areas.as_deref().map_or(service.minutes, |areas| appointment_minutes(chosen, named, areas));
    BookingPlan { service: service.id, service_name: service.name.clone(), areas, minutes }
}

/// The last offered slot before and the first after the wanted one, on the same day.
fn nearest_to(wanted: Slot, slots: &[Slot]) -> Vec<Slot> {
    let on_same_day = |slot: &&Slot| slot.date == wanted.date;
    let before = slots.iter().filter(on_same_day).rfind(|slot| slot.time < wanted.time);
    let after = slots.iter().filter(on_same_day).find(|slot| slot.time > wanted.time);
    before.into_iter().chain(after).copied().collect()
}
