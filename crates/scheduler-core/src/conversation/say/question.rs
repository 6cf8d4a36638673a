//! What each state asks: its words, its options and their pages.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;

use super::copy::{self, MOST_BUTTONS, MOST_ROWS, label};
use super::event::Saying;
use super::press::Press;
use super::state::{DayList, Memory, Plan, State, Visit};
use crate::domain::message::Choice;
use crate::domain::time::{Slot, weekday_name, written_day};

/// A question with everything that may be chosen, on whichever page.
#[derive(Debug, Clone, Default)]
pub struct Question {
    template: &'static str,
    values: BTreeMap<&'static str, String>,
    /// What is listed, page by page.
    items: Vec<Choice>,
    /// Index of the first item shown.
    from: usize,
    /// Options that stand below the items of every page.
    fixed: Vec<Choice>,
    /// The label of `more`.
    more: &'static str,
    /// There is more to find than is listed.
    endless: bool,
    /// The placeholder that spells the items out in the text.
    spelled_out: Option<&'static str>,
}

impl State {
    /// What is asked here. A state that waits for nobody asks what the menu asks.
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
                services.iter().map(|service| choice(Press::Service(service.id), &service.name)),
                *from,
            ),
            Self::InputAreas { .. } => Question::new("INPUT_AREAS").options(&["skip_areas", "back"]),
            Self::SelectDate { days, .. } => Question::new("AVAILABLE_DAYS").days(days, Press::Day, memory),
            Self::SelectTime { slots, from, .. } => {
                Question::new("SELECT_TIME").times(slots, *from, Press::Time)
            }
            Self::AskName { given, .. } => {
                let question = match given {
                    None => Question::new("ASK_NAME"),
                    Some(name) => Question::new("ASK_NAME_AGAIN").value("name", name.clone()),
                };
                let profile = memory.profile_name.iter().map(|name| choice(Press::UseProfileName, name));
                Question { fixed: profile.collect(), ..question }
            }
            Self::ConfirmBooking { plan, slot, prompt } => Question::new("CONFIRM_BOOKING")
                .values(planned(plan, *slot))
                .value("patient_name", memory.patient_name.clone().unwrap_or_default())
                .fixed(Press::Book(*prompt), "book")
                .options(&["back"]),
            Self::Booked | Self::Rescheduled => Question::new("ANYTHING_ELSE").options(&["menu"]),
            Self::SelectAppointment { visits, from, .. } => Question::new("SELECT_APPOINTMENT")
                .items(visits.iter().map(|visit| choice(Press::Visit(visit.id), &visit_label(visit))), *from),
            Self::ShowCurrentAppointment { visit, days } => Question::new("RESCHEDULE_FOUND")
                .values(visited(visit))
                .options(&["cancel_visit"])
                .days(days, Press::NewDay, memory),
            Self::SelectNewDate { visit, days } => Question::new("SELECT_NEW_DATE")
                .values(visited(visit))
                .options(&["cancel_visit"])
                .days(days, Press::NewDay, memory),
            Self::SelectNewTime { slots, from, .. } => {
                Question::new("SELECT_NEW_TIME").times(slots, *from, Press::NewTime)
            }
            Self::ConfirmReschedule { visit, slot, prompt } => Question::new("CONFIRM_RESCHEDULE")
                .values(visited(visit))
                .value("old_date", written_day(visit.slot.date))
                .value("old_time", hour(visit.slot))
                .value("date", written_day(slot.date))
                .value("time", hour(*slot))
                .fixed(Press::Move(*prompt), "move")
                .options(&["back"]),
            Self::ConfirmCancel { visit, prompt } => Question::new("CONFIRM_CANCEL")
                .values(visited(visit))
                .fixed(Press::Cancel(*prompt), "cancel")
                .options(&["keep"]),
            Self::Cancelled => Question::new("ANYTHING_ELSE").options(&["schedule", "menu"]),
            Self::FaqMenu { items, from } => Question::new("FAQ_MENU")
                .items(items.iter().map(|item| choice(Press::Question(item.key.clone()), &item.label)), *from)
                .options(&["back", "human"]),
            Self::FaqAnswer => {
                Question::new("FAQ_MORE").fixed(Press::Faq, "another_question").options(&["menu", "human"])
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

    fn fixed(mut self, press: Press, key: &str) -> Self {
        self.fixed.push(choice(press, label(key)));
        self
    }

    /// Options whose id is also their label's key.
    fn options(mut self, ids: &[&str]) -> Self {
        self.fixed.extend(ids.iter().map(|id| Choice::new(*id, label(id))));
        self
    }

    fn items(mut self, items: impl IntoIterator<Item = Choice>, from: usize) -> Self {
        self.items = items.into_iter().collect();
        self.from = if from < self.items.len() { from } else { 0 };
        self
    }

    fn days(self, list: &DayList, press: fn(NaiveDate) -> Press, memory: &Memory) -> Self {
        let days = list.days.iter().map(|day| choice(press(*day), &written_day(*day)));
        let searched_all = list.searched_until.is_some_and(|until| until >= memory.heard.horizon);
        Self { more: "more_days", endless: !searched_all, spelled_out: Some("days_list"), ..self }
            .items(days, list.from)
    }

    fn times(self, slots: &[Slot], from: usize, press: fn(Slot) -> Press) -> Self {
        let first = slots.first().map(|slot| slot.date);
        let one_day = first.filter(|first| slots.iter().all(|slot| slot.date == *first));
        let few = slots.len() <= MOST_BUTTONS;
        let written = |slot: &Slot| match one_day {
            Some(_) => hour(*slot),
            None => slot_label(*slot, few),
        };
        let date = one_day.map_or_else(|| "os próximos dias".to_owned(), written_day);
        Self { spelled_out: Some("times_list"), ..self }
            .value("date", date)
            .items(slots.iter().map(|slot| choice(press(*slot), &written(slot))), from)
    }

    /// How many items fit above the fixed options, and whether `more` follows them.
    fn page(&self) -> (Range<usize>, bool) {
        let room = MOST_ROWS - self.fixed.len();
        let left = self.items.len() - self.from;
        if left <= room && !self.endless {
            return (self.from..self.items.len(), false);
        }
        (self.from..self.items.len().min(self.from + room - 1), true)
    }

    /// The next page's first item, if it is listed already.
    pub fn next_page(&self) -> Option<usize> {
        let (page, _) = self.page();
        (page.end < self.items.len()).then_some(page.end)
    }

    /// Whether there may be more than is listed.
    pub fn is_endless(&self) -> bool {
        self.endless
    }

    /// What is shown now, in order.
    pub fn shown(&self) -> Vec<Choice> {
        let (page, more) = self.page();
        let more = more.then(|| choice(Press::More, label(self.more)));
        self.items[page].iter().chain(&self.fixed).cloned().chain(more).collect()
    }

    /// Everything that may be chosen, by whatever way but its number.
    pub fn choices(&self) -> Vec<Choice> {
        let (_, more) = self.page();
        let more = more.then(|| choice(Press::More, label(self.more)));
        self.items.iter().chain(&self.fixed).cloned().chain(more).collect()
    }

    /// The option of a number. Numbers run on over the pages; those of earlier pages still count.
    pub fn numbered(&self, number: usize) -> Option<Choice> {
        let index = number.checked_sub(1)?;
        if index < self.from {
            return self.items.get(index).cloned();
        }
        self.shown().into_iter().nth(index - self.from)
    }

    /// The question as it is said.
    pub fn saying(&self) -> Saying {
        let mut values = self.values.clone();
        if let Some(name) = self.spelled_out {
            let lines: Vec<String> =
                self.items[self.page().0].iter().map(|item| item.label.clone()).collect();
            values.insert(name, lines.join("\n"));
        }
        Saying { template: self.template, values, choices: self.shown(), first_number: self.from + 1 }
    }
}

fn choice(press: Press, label: &str) -> Choice {
    Choice::new(press.to_string(), label)
}

/// `09:00`.
pub fn hour(slot: Slot) -> String {
    slot.time.format("%H:%M").to_string()
}

/// A slot of one of several days; short enough for a button where asked.
fn slot_label(slot: Slot, short: bool) -> String {
    let (day, time) = (written_day(slot.date), hour(slot));
    if !short {
        return format!("{day} às {time}");
    }
    let weekday: String = weekday_name(chrono::Datelike::weekday(&slot.date)).chars().take(3).collect();
    format!("{weekday} {} às {time}", slot.date.format("%d/%m"))
}

fn visit_label(visit: &Visit) -> String {
    copy::cut(
        &format!("{} {} {}", visit.slot.date.format("%d/%m"), hour(visit.slot), visit.service_name),
        copy::ROW_LABEL,
    )
}

/// The values of a visit that is planned.
fn planned(plan: &Plan, slot: Slot) -> [(&'static str, String); 4] {
    [
        ("date", written_day(slot.date)),
        ("time", hour(slot)),
        ("service", plan.service_name.clone()),
        ("areas", plan.areas.clone().unwrap_or_default()),
    ]
}

/// The values of a visit that stands.
pub fn visited(visit: &Visit) -> [(&'static str, String); 4] {
    [
        ("date", written_day(visit.slot.date)),
        ("time", hour(visit.slot)),
        ("service", visit.service_name.clone()),
        ("areas", visit.areas.clone().unwrap_or_default()),
    ]
}
