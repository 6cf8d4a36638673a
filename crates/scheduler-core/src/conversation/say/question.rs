//! The question of each state: its text, its options and their pages.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;

use super::catalog::{label, phrase};
use super::format::{
    appointment_values, day_and_month, plan_values, short_slot, written_day, written_slot, written_time,
};
use crate::conversation::machine::event::Utterance;
use crate::conversation::machine::state::{AppointmentSummary, DayList, Memory, State};
use crate::conversation::understand::option_id::OptionId;
use crate::domain::message::{Choice, MAX_BUTTONS, MAX_ROW_LABEL, MAX_ROWS, shorten};
use crate::domain::time::Slot;

/// A question with the options of all its pages.
#[derive(Debug, Clone, Default)]
pub struct Question {
    template: &'static str,
    values: BTreeMap<&'static str, String>,
    /// Listed options, shown page by page.
    items: Vec<Choice>,
    /// Index of the first item shown.
    from: usize,
    /// Options shown below the items on every page.
    fixed: Vec<Choice>,
    /// Label key of the `more` option.
    more: &'static str,
    /// Whether a further search can find more items than are listed.
    can_search_further: bool,
    /// Placeholder that receives the labels of the shown items, one per line.
    items_placeholder: Option<&'static str>,
}

impl State {
    /// The question of this state. States without a question use that of the main menu.
    pub fn question(&self, memory: &Memory) -> Question {
        match self {
            Self::Welcome | Self::MainMenu | Self::HumanHandoff => {
                Question::new("MAIN_MENU").options(&["schedule", "reschedule", "faq"])
            }
            Self::ScheduleMenu => {
                Question::new("SCHEDULE_MENU").options(&["price_table", "available_days", "back"])
            }
            Self::PriceTable { table } => Question::new("PRICE_TABLE")
                .value("price_table", table.clone())
                .options(&["available_days", "back"]),
            Self::SelectService { services, from } => Question::new("SELECT_SERVICE").items(
                services.iter().map(|service| choice(OptionId::Service(service.id), &service.name)),
                *from,
            ),
            Self::InputAreas { .. } => Question::new("INPUT_AREAS").options(&["skip_areas", "back"]),
            Self::SelectDate { days, .. } => {
                Question::new("AVAILABLE_DAYS").days(days, OptionId::Day, memory)
            }
            Self::SelectTime { slots, from, .. } => {
                Question::new("SELECT_TIME").times(slots, *from, OptionId::Time)
            }
            Self::AskName { given, .. } => {
                let question = match given {
                    None => Question::new("ASK_NAME"),
                    Some(name) => Question::new("ASK_NAME_AGAIN").value("name", name.clone()),
                };
                let profile = memory.profile_name.iter().map(|name| choice(OptionId::UseProfileName, name));
                Question { fixed: profile.collect(), ..question }
            }
            Self::ConfirmBooking { plan, slot, prompt } => Question::new("CONFIRM_BOOKING")
                .values(plan_values(plan, *slot))
                .value("patient_name", memory.patient_name.clone().unwrap_or_default())
                .fixed(OptionId::Book(*prompt), "book")
                .options(&["back"]),
            Self::Booked | Self::Rescheduled => Question::new("ANYTHING_ELSE").options(&["menu"]),
            Self::VerifyName { .. } => Question::new("VERIFY_NAME").options(&["human", "menu"]),
            Self::SelectAppointment { appointments, from, .. } => Question::new("SELECT_APPOINTMENT").items(
                appointments.iter().map(|appointment| {
                    choice(OptionId::Appointment(appointment.id), &appointment_label(appointment))
                }),
                *from,
            ),
            Self::ShowCurrentAppointment { appointment, days } => Question::new("RESCHEDULE_FOUND")
                .values(appointment_values(appointment))
                .options(&["cancel_visit"])
                .days(days, OptionId::NewDay, memory),
            Self::SelectNewDate { appointment, days } => Question::new("SELECT_NEW_DATE")
                .values(appointment_values(appointment))
                .options(&["cancel_visit"])
                .days(days, OptionId::NewDay, memory),
            Self::SelectNewTime { slots, from, .. } => {
                Question::new("SELECT_NEW_TIME").times(slots, *from, OptionId::NewTime)
            }
            Self::ConfirmReschedule { appointment, slot, prompt } => Question::new("CONFIRM_RESCHEDULE")
                .values(appointment_values(appointment))
                .value("old_date", written_day(appointment.slot.date))
                .value("old_time", written_time(appointment.slot))
                .value("date", written_day(slot.date))
                .value("time", written_time(*slot))
                .fixed(OptionId::Move(*prompt), "move")
                .options(&["back"]),
            Self::ConfirmCancel { appointment, prompt } => Question::new("CONFIRM_CANCEL")
                .values(appointment_values(appointment))
                .fixed(OptionId::Cancel(*prompt), "cancel")
                .options(&["keep"]),
            Self::Cancelled => Question::new("ANYTHING_ELSE").options(&["schedule", "menu"]),
            Self::FaqMenu { items, from } => Question::new("FAQ_MENU")
                .items(
                    items.iter().map(|item| choice(OptionId::Question(item.key.clone()), &item.label)),
                    *from,
                )
                .options(&["back", "human"]),
            Self::FaqAnswer => {
                Question::new("FAQ_MORE").fixed(OptionId::Faq, "another_question").options(&["menu", "human"])
            }
            Self::Unrecognized { .. } => Question::new("UNRECOGNIZED_AGAIN").options(&["menu", "human"]),
        }
    }
}

impl Question {
    fn new(template: &'static str) -> Self {
        Self { template, more: "more", ..Self::default() }
    }

    fn value(mut self, name: &'static str, value: String) -> Self {
        self.values.insert(name, value);
        self
    }

    fn values(mut self, values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.values.extend(values);
        self
    }

    fn fixed(mut self, option: OptionId, key: &str) -> Self {
        self.fixed.push(choice(option, label(key)));
        self
    }

    /// Options whose id is also the key of their label.
    fn options(mut self, ids: &[&str]) -> Self {
        self.fixed.extend(ids.iter().map(|id| Choice::new(*id, label(id))));
        self
    }

    fn items(mut self, items: impl IntoIterator<Item = Choice>, from: usize) -> Self {
        self.items = items.into_iter().collect();
        self.from = if from < self.items.len() { from } else { 0 };
        self
    }

    fn days(self, list: &DayList, option: fn(NaiveDate) -> OptionId, memory: &Memory) -> Self {
        let days = list.days.iter().map(|day| choice(option(*day), &written_day(*day)));
        let searched_all = list.searched_until.is_some_and(|until| until >= memory.moment.horizon);
        Self {
            more: "more_days",
            can_search_further: !searched_all,
            items_placeholder: Some("days_list"),
            ..self
        }
        .items(days, list.from)
    }

    fn times(self, slots: &[Slot], from: usize, option: fn(Slot) -> OptionId) -> Self {
        let first = slots.first().map(|slot| slot.date);
        let one_day = first.filter(|first| slots.iter().all(|slot| slot.date == *first));
        let fit_on_buttons = slots.len() <= MAX_BUTTONS;
        let written = |slot: &Slot| match one_day {
            Some(_) => written_time(*slot),
            None if fit_on_buttons => short_slot(*slot),
            None => written_slot(*slot),
        };
        let date = one_day.map_or_else(|| phrase("next_days").to_owned(), written_day);
        Self { items_placeholder: Some("times_list"), ..self }
            .value("date", date)
            .items(slots.iter().map(|slot| choice(option(*slot), &written(slot))), from)
    }

    /// The range of items on the current page, and whether `more` is shown.
    fn page(&self) -> (Range<usize>, bool) {
        let capacity = MAX_ROWS - self.fixed.len();
        let remaining = self.items.len() - self.from;
        if remaining <= capacity && !self.can_search_further {
            return (self.from..self.items.len(), false);
        }
        (self.from..self.items.len().min(self.from + capacity - 1), true)
    }

    /// Index of the first item of the next page; `None` if every listed item was shown.
    pub fn next_page(&self) -> Option<usize> {
        let (page, _) = self.page();
        (page.end < self.items.len()).then_some(page.end)
    }

    /// Whether a further search can find more items than are listed.
    pub fn can_search_further(&self) -> bool {
        self.can_search_further
    }

    /// The options of the current page, in order.
    pub fn shown(&self) -> Vec<Choice> {
        let (page, more) = self.page();
        let more = more.then(|| choice(OptionId::More, label(self.more)));
        self.items[page].iter().chain(&self.fixed).cloned().chain(more).collect()
    }

    /// The options of all pages, which a patient can choose by id or label.
    pub fn choices(&self) -> Vec<Choice> {
        let (_, more) = self.page();
        let more = more.then(|| choice(OptionId::More, label(self.more)));
        self.items.iter().chain(&self.fixed).cloned().chain(more).collect()
    }

    /// The option with this number. Numbering continues across pages; numbers of earlier pages stay valid.
    pub fn numbered(&self, number: usize) -> Option<Choice> {
        let index = number.checked_sub(1)?;
        if index < self.from {
            return self.items.get(index).cloned();
        }
        self.shown().into_iter().nth(index - self.from)
    }

    /// The message that asks this question.
    pub fn utterance(&self) -> Utterance {
        let mut values = self.values.clone();
        if let Some(name) = self.items_placeholder {
            let lines: Vec<String> =
                self.items[self.page().0].iter().map(|item| item.label.clone()).collect();
            values.insert(name, lines.join("\n"));
        }
        Utterance { template: self.template, values, choices: self.shown(), first_number: self.from + 1 }
    }
}

fn choice(option: OptionId, label: &str) -> Choice {
    Choice::new(option.to_string(), label)
}

/// `16/02 09:00 Depilação a laser`, short enough for a list row.
fn appointment_label(appointment: &AppointmentSummary) -> String {
    let AppointmentSummary { slot, service_name, .. } = appointment;
    shorten(&format!("{} {} {service_name}", day_and_month(slot.date), written_time(*slot)), MAX_ROW_LABEL)
}
