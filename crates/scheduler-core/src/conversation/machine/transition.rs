//! The conversation, in the order a patient meets it.
//!
//! [`transition`] decides what comes before any question (silence, opting out, who this is), and
//! `Turn::meets` is the conversation itself: one `match` of where the chat stands and what it
//! meets. A row says where to go; what is asked there is the state's own `State::question`.

use chrono::{NaiveDate, TimeDelta};

use super::answer::{self, Answer};
use super::event::{Effect, Event, Heard, ServicesFor, Step};
use super::press::{Press, written};
use super::question::{hour, visited};
use super::reminder::{self, Reply};
use super::state::{Chat, DayList, Moment, Plan, Purpose, ServiceChoice, State, Visit, Wish};
use super::turn::{Turn, list_words, nearest_to, price_table};
use super::words;
use crate::domain::areas::length_of_visit;
use crate::domain::message::Content;
use crate::domain::patient::clean_name;
use crate::domain::time::{Slot, weekday_name, written_date, written_day};

/// A person of the clinic has the chat to themselves for so long.
const SILENCE: TimeDelta = TimeDelta::hours(24);
/// Days with a free time are first looked for among today and the next thirteen.
const FIRST_LOOK: u64 = 13;
/// Longest name taken, in characters.
const LONGEST_NAME: usize = 80;
/// So many inputs in a row that are not understood, and the menu or a person is offered.
const PATIENCE: u8 = 3;

/// What a chat becomes when something happens, and what it asks of the world. Pure and total: an
/// odd input is an answer, never an error.
pub fn transition(chat: Chat, event: Event) -> Step {
    let mut turn = Turn::new(chat);
    match event {
        Event::StaffWrote { text, now } => {
            let ends = text.is_some_and(|text| text.trim().eq_ignore_ascii_case("#bot"));
            turn.chat.memory.silent_until = (!ends).then_some(now + SILENCE);
            match turn.chat.state {
                State::Welcome if !ends => turn.chat.state = State::HumanHandoff,
                State::Welcome | State::HumanHandoff if ends => turn.chat.state = State::MainMenu,
                _ => {}
            }
            turn.end()
        }
        Event::Heard(heard) => match turn.listen(&heard) {
            Listened::Answered(step) => step,
            Listened::Go(turn) if reminder::reply(&turn.chat, &heard).is_some() => {
                turn.wait(Effect::FindReminded(heard))
            }
            Listened::Go(turn) => turn.hears(heard),
        },
        Event::RemindedFound { heard, reminded: Some(reminded) } => turn.answers_reminder(&heard, reminded),
        Event::RemindedFound { reminded: None, .. } if turn.is_silent() => turn.end(),
        Event::RemindedFound { heard, reminded: None } => turn.hears(heard),
        answered @ Event::VisitConfirmed { .. } => turn.told_of_answer(answered),
        Event::Recognised { heard, patient_name, known, faq } => match turn.listen(&heard) {
            Listened::Answered(step) => step,
            Listened::Go(turn) if turn.chat.state != State::Welcome => {
                turn.meets(Cue::Said(answer::read_sentence(&heard, &faq)))
            }
            Listened::Go(mut turn) => {
                turn.chat.memory.patient_name = patient_name;
                let answer = match answer::read(&turn.chat, &heard) {
                    Answer::Sentence | Answer::Ambiguous(_) => answer::read_sentence(&heard, &faq),
                    answer => answer,
                };
                turn.greets(known).meets(Cue::First(answer))
            }
        },
        found => turn.meets(Cue::Found(found)),
    }
}

/// What a chat meets.
enum Cue {
    /// The first words of a session, already greeted.
    First(Answer),
    /// The patient's answer.
    Said(Answer),
    /// The world's answer.
    Found(Event),
}

/// What hearing something came to, before it is read.
enum Listened {
    Answered(Step),
    Go(Turn),
}

impl Turn {
    /// What comes before any question, in any state.
    fn listen(mut self, heard: &Heard) -> Listened {
        let memory = &mut self.chat.memory;
        memory.heard = Moment { now: heard.now, local: heard.local, horizon: heard.horizon };
        if heard.profile_name.is_some() {
            memory.profile_name = heard.profile_name.as_deref().and_then(clean_name);
        }
        let silent = self.is_silent();
        let text = written(&heard.content).unwrap_or_default();
        if let Some(out) = words::opt_out(text) {
            if self.chat.state == State::Welcome {
                self.chat.state = if silent { State::HumanHandoff } else { State::MainMenu };
            }
            return Listened::Answered(self.wait(Effect::SetOptOut { out }));
        }
        if silent {
            let menu = matches!(&heard.content, Content::Pressed { id, .. } if id == "menu")
                || words::command(text) == Some(Press::Menu);
            if !menu {
                if self.chat.state == State::Welcome {
                    self.chat.state = State::HumanHandoff;
                }
                let coming = reminder::reply(&self.chat, heard) == Some(Reply::Coming);
                return Listened::Answered(match coming {
                    true => self.wait(Effect::FindReminded(heard.clone())),
                    false => self.end(),
                });
            }
            self.chat.memory.silent_until = None;
            return Listened::Answered(self.menu().ask());
        }
        self.chat.memory.silent_until = None;
        if self.chat.state == State::HumanHandoff {
            self = self.menu();
        }
        Listened::Go(self)
    }

    /// Nobody is to be answered: a person of the clinic has the chat.
    pub(super) fn is_silent(&self) -> bool {
        let memory = &self.chat.memory;
        memory.silent_until.is_some_and(|until| memory.heard.now < until)
    }

    /// Reads an input, once nothing comes before it.
    fn hears(self, heard: Heard) -> Step {
        if self.chat.state == State::Welcome {
            return self.wait(Effect::Recognise(heard));
        }
        let (turn, answer) = self.read(&heard);
        match answer {
            Answer::Sentence => turn.wait(Effect::Recognise(heard)),
            answer => turn.meets(Cue::Said(answer)),
        }
    }

    /// Reads an input. Where nothing was understood for long, what was asked before can still be
    /// answered, but a yes to "the menu or a person?" is no yes to a confirmation.
    fn read(mut self, heard: &Heard) -> (Self, Answer) {
        let answer = answer::read(&self.chat, heard);
        let State::Unrecognized { asked } = &self.chat.state else { return (self, answer) };
        if !matches!(answer, Answer::Nothing | Answer::Press(_)) {
            return (self, answer);
        }
        if matches!(answer, Answer::Press(Press::Menu | Press::Human | Press::Back)) {
            return (self, answer);
        }
        let before = Chat { state: (**asked).clone(), ..self.chat.clone() };
        let pressed = matches!(heard.content, Content::Pressed { .. });
        match answer::read(&before, heard) {
            Answer::Nothing => (self, Answer::Nothing),
            Answer::Press(Press::Book(_) | Press::Move(_) | Press::Cancel(_)) if !pressed => {
                self.chat = before;
                (self, Answer::Hello)
            }
            again => {
                self.chat = before;
                (self, again)
            }
        }
    }

    fn greets(mut self, known: bool) -> Self {
        self.chat.state = State::MainMenu;
        match self.chat.memory.patient_name.clone().filter(|_| known) {
            Some(name) => {
                let first = name.split(' ').next().unwrap_or_default().to_owned();
                self.say("WELCOME_RETURNING", [("patient_name", first)])
            }
            None => self.say("WELCOME_NEW", []),
        }
    }

    /// The conversation.
    fn meets(mut self, cue: Cue) -> Step {
        use Answer::{Ambiguous, Hello, Leave, No, OptionOrHour, Sentence, Text, Thanks, Unreadable, When};
        use Cue::{First, Found, Said};
        use Press::*;

        if !matches!(&cue, Said(Answer::Nothing | Sentence | Ambiguous(_) | OptionOrHour { .. }) | Found(_)) {
            self.chat.memory.misunderstood = 0;
        }
        match (self.chat.state.clone(), cue) {
            // ── The first words of a session: greeted already, acted on if they mean something ──
            (_, First(Answer::Press(Menu | Back | More | Keep | SkipAreas | UseProfileName))) => self.ask(),
            (
                _,
                First(
                    Hello
                    | Thanks
                    | Answer::Nothing
                    | Sentence
                    | Text(_)
                    | When { .. }
                    | No
                    | OptionOrHour { .. },
                ),
            ) => self.ask(),
            (_, First(answer)) => self.meets(Said(answer)),

            // ── Whatever is asked ──
            (_, Said(Answer::Press(Menu))) => self.menu().ask(),
            (_, Said(Answer::Press(Back))) => self.back().ask(),
            (_, Said(Answer::Press(Human))) => self.call_person(),
            (_, Said(Unreadable)) => self.say("NOT_TEXT", []).ask(),
            (_, Said(Hello)) => self.ask(),
            (state, Said(Thanks))
                if state.is_finished() || matches!(state, State::MainMenu | State::FaqAnswer) =>
            {
                self.say("YOU_ARE_WELCOME", []).end()
            }
            (_, Said(Thanks)) => self.say("YOU_ARE_WELCOME", []).ask(),

            // ── The menu, and its buttons wherever they are pressed ──
            (_, Said(Answer::Press(Schedule))) => self.enter(State::ScheduleMenu).ask(),
            (_, Said(Answer::Press(Reschedule))) => self.find_visits(Wish::Reschedule),
            (_, Said(Answer::Press(Faq))) => self.wait(Effect::FindFaq),
            (State::MainMenu | State::Booked | State::Rescheduled | State::Cancelled, Said(Leave)) => {
                self.find_visits(Wish::Cancel)
            }

            // ── Prices and services ──
            (_, Said(Answer::Press(AvailableDays))) => self.wait(Effect::FindServices(ServicesFor::Choosing)),
            (_, Said(Answer::Press(PriceTable))) => self.wait(Effect::FindServices(ServicesFor::Prices)),
            (_, Found(Event::ServicesFound { services, .. })) if services.is_empty() => {
                self.say("NO_SERVICES", []).menu().ask()
            }
            (_, Found(Event::ServicesFound { services, wanted: ServicesFor::Prices })) => {
                self.enter(State::PriceTable { table: price_table(&services) }).ask()
            }
            (_, Found(Event::ServicesFound { services, wanted: ServicesFor::Choosing })) => {
                self.choose_service(services)
            }
            (_, Found(Event::ServicesFound { services, wanted: ServicesFor::Chosen(id) })) => {
                match services.iter().find(|service| service.id == id).cloned() {
                    Some(service) => self.enter(State::InputAreas { service, services }).ask(),
                    None => self.say("SERVICE_GONE", []).choose_service(services),
                }
            }
            (State::SelectService { services, .. }, Said(Answer::Press(Service(id))))
                if services.iter().any(|service| service.id == id) =>
            {
                let found = Event::ServicesFound { services, wanted: ServicesFor::Chosen(id) };
                self.meets(Found(found))
            }
            (state, Said(Answer::Press(Service(id)))) if !state.is_about_a_visit() => {
                self.wait(Effect::FindServices(ServicesFor::Chosen(id)))
            }

            // ── Areas: before the day, so that the visit's length is known ──
            (State::InputAreas { service, services }, Said(Text(areas))) => {
                self.find_first_days(Purpose::Book { plan: plan(&service, &services, Some(areas)) })
            }
            (State::InputAreas { service, services }, Said(Answer::Press(SkipAreas))) => {
                self.find_first_days(Purpose::Book { plan: plan(&service, &services, None) })
            }

            // ── Days, for a new visit and for one that moves ──
            (_, Found(Event::DaysFound { too_long: true, .. })) => self.say("TOO_LONG", []).call_person(),
            (_, Found(Event::DaysFound { purpose, days, until, horizon, .. }))
                if days.is_empty() && until < horizon =>
            {
                self.find_days(purpose, until.succ_opt().unwrap_or(horizon), horizon)
            }
            (mut state, Found(Event::DaysFound { days, from, horizon, .. })) if state.awaits_days(from) => {
                state.add_days(&days, horizon);
                if !days.is_empty() {
                    return self.more_days(state).ask();
                }
                self.chat.state = state;
                self.say("NO_MORE_DAYS", [("until", written_date(horizon))]).ask()
            }
            (_, Found(Event::DaysFound { days, .. })) if days.is_empty() => {
                self.say("NO_DAYS", []).menu().ask()
            }
            (_, Found(Event::DaysFound { purpose, days, until, .. })) => {
                let days = DayList { days, searched_until: Some(until), from: 0 };
                self.enter(match purpose {
                    Purpose::Book { plan } => State::SelectDate { plan, days },
                    Purpose::Move { visit } => State::ShowCurrentAppointment { visit, days },
                })
                .ask()
            }
            (state, Said(Answer::Press(More))) => self.turn_page(state),
            (state, Said(When { day: Some(day), hour })) if state.purpose().is_some() => {
                let Moment { local, horizon, .. } = self.chat.memory.heard;
                if day < local.date() {
                    return self.say("DAY_PAST", [("date", written_date(day))]).ask();
                }
                if day > horizon {
                    let values = [("date", written_date(day)), ("until", written_date(horizon))];
                    return self.say("DAY_TOO_FAR", values).ask();
                }
                self.find_times(day, hour.map(|time| Slot { date: day, time }))
            }
            (state, Said(Answer::Press(Day(date)))) if state.is_booking() => self.find_times(date, None),
            (state, Said(Answer::Press(NewDay(date)))) if state.is_about_a_visit() => {
                self.find_times(date, None)
            }

            // ── Times ──
            (mut state, Found(Event::TimesFound { date, slots, .. })) if slots.is_empty() => {
                state.forget_day(date);
                self.chat.state = state;
                let nothing_left = self.chat.state.days().is_some_and(|list| list.days.is_empty());
                let turn = self.say("NO_TIMES", [("date", written_day(date))]);
                match turn.chat.state.purpose().filter(|_| nothing_left) {
                    Some(purpose) => turn.find_first_days(purpose),
                    None => turn.ask(),
                }
            }
            (_, Found(Event::TimesFound { purpose, slots, wanted, .. })) => match wanted {
                Some(slot) if slots.contains(&slot) => self.choose(purpose, slot),
                Some(slot) => self.say_nearest(slot, &slots).offer_times(purpose, slots).ask(),
                None => self.offer_times(purpose, slots).ask(),
            },
            (
                state @ (State::SelectTime { .. } | State::SelectNewTime { .. }),
                Said(When { day: None, hour: Some(time) }),
            ) => {
                let slots = state.slots().unwrap_or_default();
                let at_that_hour: Vec<Slot> =
                    slots.iter().copied().filter(|slot| slot.time == time).collect();
                match (at_that_hour.as_slice(), state.purpose(), slots.first()) {
                    ([slot], Some(purpose), _) => self.choose(purpose, *slot),
                    ([], _, Some(first)) => self.say_nearest(Slot { date: first.date, time }, slots).ask(),
                    (several, ..) => {
                        let labels = several
                            .iter()
                            .map(|slot| format!("{} às {}", written_day(slot.date), hour(*slot)));
                        self.wonder(labels.collect())
                    }
                }
            }
            // Another hour, said at a later question: the same day again, with that hour wanted.
            (state, Said(When { day: None, hour: Some(time) })) if state.chosen().is_some() => {
                let date =
                    state.chosen().map_or_else(|| self.chat.memory.heard.local.date(), |slot| slot.date);
                self.find_times(date, Some(Slot { date, time }))
            }
            (state, Said(Answer::Press(Time(slot)))) if state.is_booking() => self.pick_time(&state, slot),
            (state, Said(Answer::Press(NewTime(slot)))) if state.is_about_a_visit() => {
                self.pick_time(&state, slot)
            }

            // ── The name, where none is on record ──
            (State::AskName { plan, slot, .. }, Said(Answer::Press(UseProfileName)))
                if self.chat.memory.profile_name.is_some() =>
            {
                let name = self.chat.memory.profile_name.clone();
                self.take_name(name, plan, slot)
            }
            (State::AskName { plan, slot, given }, Said(Text(text))) => match (read_name(&text), given) {
                (None, _) => self.say("NAME_INVALID", []).ask(),
                (Some(name), None) if !name.contains(' ') => {
                    self.chat.state = State::AskName { plan, slot, given: Some(name) };
                    self.ask()
                }
                (Some(name), Some(first)) if !name.contains(' ') && !words::same_text(&name, &first) => {
                    self.take_name(Some(format!("{first} {name}")), plan, slot)
                }
                (Some(name), _) => self.take_name(Some(name), plan, slot),
            },

            // ── Yes or no to the booking ──
            (State::ConfirmBooking { plan, slot, prompt }, Said(Answer::Press(Book(pressed))))
                if pressed == prompt =>
            {
                let name = self.chat.memory.given_name.clone();
                self.wait(Effect::Book { plan, slot, name })
            }
            (State::ConfirmBooking { .. }, Said(No)) => self.say("NOTHING_BOOKED", []).back_to_times().ask(),
            (_, Found(Event::Booked { visit })) => {
                let [_, time, service, areas] = visited(&visit);
                let day = visit.slot.date;
                let date =
                    format!("{} ({})", day.format("%d/%m"), weekday_name(chrono::Datelike::weekday(&day)));
                let name = self.chat.memory.patient_name.clone().unwrap_or_default();
                let values = [("date", date), time, service, areas, ("patient_name", name)];
                self.finish(State::Booked, "BOOKED", values)
            }
            (_, Found(Event::SlotTaken { purpose, lost, nearest })) => {
                let turn = self.say("SLOT_TAKEN", [("date", written_day(lost.date)), ("time", hour(lost))]);
                match nearest.is_empty() {
                    true => turn.find_first_days(purpose),
                    false => turn.offer_times(purpose, nearest).ask(),
                }
            }

            // ── A visit that stands: which one? ──
            (
                State::ShowCurrentAppointment { visit, .. } | State::SelectNewDate { visit, .. },
                Said(Leave),
            ) => self.confirm_cancel(visit),
            (State::ConfirmCancel { .. }, Said(Answer::Press(CancelVisit))) => self.ask(),
            (state, Said(Answer::Press(CancelVisit))) => match state.purpose() {
                Some(Purpose::Move { visit }) => self.confirm_cancel(visit),
                _ => self.find_visits(Wish::Cancel),
            },
            (_, Found(Event::VisitsFound { visits, wish, wanted })) => {
                let found = wanted.and_then(|id| visits.iter().find(|visit| visit.id == id).cloned());
                let turn =
                    if wanted.is_some() && found.is_none() { self.say("VISIT_GONE", []) } else { self };
                match (found, visits.as_slice()) {
                    (None, []) if wanted.is_some() => turn.menu().ask(),
                    (None, []) => turn.say("RESCHEDULE_NOT_FOUND", []).menu().ask(),
                    (Some(visit), _) => turn.attend(visit, wish),
                    (None, [only]) => turn.attend(only.clone(), wish),
                    (None, _) => turn.enter(State::SelectAppointment { visits, wish, from: 0 }).ask(),
                }
            }
            (State::SelectAppointment { visits, wish, .. }, Said(Answer::Press(Press::Visit(id)))) => {
                match visits.into_iter().find(|visit| visit.id == id) {
                    Some(visit) => self.attend(visit, wish),
                    None => self.wait(Effect::FindVisits { wish, wanted: Some(id) }),
                }
            }
            (_, Said(Answer::Press(Press::Visit(id)))) => {
                self.wait(Effect::FindVisits { wish: Wish::Reschedule, wanted: Some(id) })
            }

            // ── Yes or no to the move ──
            (State::ConfirmReschedule { visit, slot, prompt }, Said(Answer::Press(Move(pressed))))
                if pressed == prompt =>
            {
                self.wait(Effect::Move { visit, slot })
            }
            (State::ConfirmReschedule { .. }, Said(No)) => {
                self.say("NOTHING_MOVED", []).back_to_times().ask()
            }
            (_, Found(Event::Moved { visit })) => {
                self.finish(State::Rescheduled, "RESCHEDULED", visited(&visit))
            }

            // ── Yes or no to the cancellation ──
            (State::ConfirmCancel { visit, prompt }, Said(Answer::Press(Cancel(pressed))))
                if pressed == prompt =>
            {
                self.wait(Effect::Cancel { visit })
            }
            (State::ConfirmCancel { visit, .. }, Said(No | Answer::Press(Keep))) => {
                self.say("KEPT", visited(&visit)).menu().ask()
            }
            // "Cancelar" may mean yes or no here: neither is guessed.
            (State::ConfirmCancel { .. }, Said(Leave)) => self.say("CANCEL_YES_OR_NO", []).ask(),
            (_, Found(Event::VisitCancelled { visit })) => {
                self.finish(State::Cancelled, "CANCELLED", visited(&visit))
            }
            (_, Found(Event::VisitGone)) => self.say("VISIT_GONE", []).menu().ask(),

            // ── Questions ──
            (_, Found(Event::FaqFound { items })) if items.is_empty() => self.say("NO_FAQ", []).menu().ask(),
            (_, Found(Event::FaqFound { items })) => self.enter(State::FaqMenu { items, from: 0 }).ask(),
            (_, Said(Answer::Press(Question(key)))) => self.wait(Effect::FindAnswer { key }),
            (_, Found(Event::AnswerFound { answer: Some(answer) })) => {
                self.say("FAQ_ANSWER", [("answer", answer)]).enter(State::FaqAnswer).ask()
            }
            (_, Found(Event::AnswerFound { answer: None })) => self.say("FAQ_GONE", []).ask(),

            // ── No more reminders, or again: whatever was asked still is ──
            (_, Found(Event::OptOutSet { out, patient_name })) => {
                let memory = &mut self.chat.memory;
                memory.patient_name = memory.patient_name.take().or(patient_name);
                self.say(if out { "OPTED_OUT" } else { "OPTED_IN" }, []).end()
            }

            // ── A person ──
            (_, Found(Event::PersonCalled { open, opens_at })) => {
                let turn = self.say("HUMAN_HANDOFF", []);
                match (open, opens_at) {
                    (true, _) => turn.say("HANDOFF_OPEN", []),
                    (false, Some(at)) => {
                        let opens_at = format!("{} às {}", written_day(at.date()), at.format("%H:%M"));
                        turn.say("HANDOFF_CLOSED", [("opens_at", opens_at)])
                    }
                    (false, None) => turn.say("HANDOFF_LATER", []),
                }
                .end()
            }

            // ── "Cancelar" anywhere else leaves what was begun ──
            (_, Said(Leave)) => self.say("LEFT", []).menu().ask(),

            // ── Buttons of prompts that are over ──
            (_, Said(Answer::Press(Book(_) | Move(_) | Cancel(_) | Keep))) => {
                self.say("OLD_CONFIRMATION", []).ask()
            }
            (state, Said(Answer::Press(Day(_) | Time(_)))) if state.hears_wishes() => {
                self.say("START_OVER", []).wait(Effect::FindServices(ServicesFor::Choosing))
            }
            (state, Said(Answer::Press(NewDay(_) | NewTime(_)))) if state.hears_wishes() => {
                self.say("START_OVER", []).find_visits(Wish::Reschedule)
            }
            (_, Said(Answer::Press(_))) => self.say("OLD_BUTTON", []).ask(),

            // ── Not understood ──
            (_, Said(Ambiguous(labels))) => self.wonder(labels),
            (_, Said(OptionOrHour { number, option })) => {
                self.not_understood("OPTION_OR_HOUR", [("number", number.to_string()), ("option", option)])
            }
            (_, Said(Answer::Nothing | Sentence | Text(_) | When { .. } | No)) => {
                self.not_understood("UNRECOGNIZED", [])
            }

            // Never asked for here: the question stands.
            (
                _,
                Found(
                    Event::Heard(_)
                    | Event::Recognised { .. }
                    | Event::StaffWrote { .. }
                    | Event::RemindedFound { .. }
                    | Event::VisitConfirmed { .. },
                ),
            ) => self.ask(),
        }
    }

    fn call_person(mut self) -> Step {
        self.chat.memory.silent_until = Some(self.chat.memory.heard.now + SILENCE);
        self.chat.state = State::HumanHandoff;
        self.chat.previous.clear();
        self.wait(Effect::CallPerson)
    }

    fn choose_service(self, services: Vec<ServiceChoice>) -> Step {
        match services.as_slice() {
            [only] => self.enter(State::InputAreas { service: only.clone(), services }).ask(),
            _ => self.enter(State::SelectService { services, from: 0 }).ask(),
        }
    }

    fn find_first_days(self, purpose: Purpose) -> Step {
        let Moment { local, horizon, .. } = self.chat.memory.heard;
        let today = local.date();
        let until = today.checked_add_days(chrono::Days::new(FIRST_LOOK)).unwrap_or(horizon).min(horizon);
        self.find_days(purpose, today, until)
    }

    fn find_days(self, purpose: Purpose, from: NaiveDate, until: NaiveDate) -> Step {
        self.wait(Effect::FindDays { purpose, from, until })
    }

    /// The next page: what is listed already, else what a search up to the horizon finds.
    fn turn_page(mut self, mut state: State) -> Step {
        let question = state.question(&self.chat.memory);
        if let Some(next) = question.next_page() {
            if let Some(from) = state.page_mut() {
                *from = next;
            }
            return self.more_days(state).ask();
        }
        let searched = state.days().and_then(|list| list.searched_until);
        if let (true, Some(searched), Some(purpose)) = (question.is_endless(), searched, state.purpose()) {
            let horizon = self.chat.memory.heard.horizon;
            return self.find_days(purpose, searched.succ_opt().unwrap_or(horizon), horizon);
        }
        if let Some(from) = state.page_mut() {
            *from = 0;
            self.chat.state = state;
        }
        self.ask()
    }

    /// Another page in the same place; the first further page of a visit's days is a place of its
    /// own.
    fn more_days(mut self, state: State) -> Self {
        match state {
            State::ShowCurrentAppointment { visit, days } => self.enter(State::SelectNewDate { visit, days }),
            state => {
                self.chat.state = state;
                self
            }
        }
    }

    fn find_times(self, date: NaiveDate, wanted: Option<Slot>) -> Step {
        match self.chat.state.purpose() {
            Some(purpose) => self.wait(Effect::FindTimes { purpose, date, wanted }),
            None => self.ask(),
        }
    }

    fn offer_times(self, purpose: Purpose, slots: Vec<Slot>) -> Self {
        self.enter(match purpose {
            Purpose::Book { plan } => State::SelectTime { plan, slots, from: 0 },
            Purpose::Move { visit } => State::SelectNewTime { visit, slots, from: 0 },
        })
    }

    /// A time that was pressed: one of those offered, or an old one that is looked up again.
    fn pick_time(self, state: &State, slot: Slot) -> Step {
        match state.purpose().filter(|_| state.slots().is_some_and(|slots| slots.contains(&slot))) {
            Some(purpose) => self.choose(purpose, slot),
            None => self.find_times(slot.date, Some(slot)),
        }
    }

    fn choose(mut self, purpose: Purpose, slot: Slot) -> Step {
        match purpose {
            Purpose::Book { plan } if self.chat.memory.patient_name.is_none() => {
                self.enter(State::AskName { plan, slot, given: None }).ask()
            }
            Purpose::Book { plan } => {
                let prompt = self.next_prompt();
                self.enter(State::ConfirmBooking { plan, slot, prompt }).ask()
            }
            Purpose::Move { visit } if visit.slot == slot => {
                let turn = self.say("SAME_TIME", []);
                turn.ask()
            }
            Purpose::Move { visit } => {
                let prompt = self.next_prompt();
                self.enter(State::ConfirmReschedule { visit, slot, prompt }).ask()
            }
        }
    }

    fn take_name(mut self, name: Option<String>, plan: Plan, slot: Slot) -> Step {
        self.chat.memory.given_name.clone_from(&name);
        self.chat.memory.patient_name = name;
        self.choose(Purpose::Book { plan }, slot)
    }

    fn say_nearest(self, wanted: Slot, slots: &[Slot]) -> Self {
        let nearest: Vec<String> = nearest_to(wanted, slots).into_iter().map(hour).collect();
        self.say("HOUR_NOT_OFFERED", [("time", hour(wanted)), ("nearest", list_words(&nearest, "ou"))])
    }

    fn find_visits(self, wish: Wish) -> Step {
        self.wait(Effect::FindVisits { wish, wanted: None })
    }

    /// Does with a visit what was wished: shows it with the days it could move to, or asks whether
    /// it is to be cancelled.
    pub(super) fn attend(self, visit: Visit, wish: Wish) -> Step {
        match wish {
            Wish::Reschedule => self.find_first_days(Purpose::Move { visit }),
            Wish::Cancel => self.confirm_cancel(visit),
        }
    }

    fn confirm_cancel(mut self, visit: Visit) -> Step {
        let prompt = self.next_prompt();
        self.enter(State::ConfirmCancel { visit, prompt }).ask()
    }

    fn wonder(self, labels: Vec<String>) -> Step {
        let labels: Vec<String> = labels.iter().map(|label| format!("*{label}*")).collect();
        self.not_understood("AMBIGUOUS", [("candidates", list_words(&labels, "ou"))])
    }

    fn not_understood<const N: usize>(
        mut self,
        said: &'static str,
        values: [(&'static str, String); N],
    ) -> Step {
        let memory = &mut self.chat.memory;
        memory.misunderstood = memory.misunderstood.saturating_add(1);
        if memory.misunderstood < PATIENCE {
            if self.chat.state.is_finished() {
                self = self.menu();
            }
            return self.say(said, values).ask();
        }
        if !matches!(self.chat.state, State::Unrecognized { .. }) {
            let asked = Box::new(self.chat.state.clone());
            self.chat.state = State::Unrecognized { asked };
        }
        self.ask()
    }
}

/// What is booked: the chosen service, longer by every other one that the areas name.
fn plan(service: &ServiceChoice, services: &[ServiceChoice], areas: Option<String>) -> Plan {
    let named = services.iter().map(|service| (service.name.as_str(), service.minutes));
    let chosen = (service.name.as_str(), service.minutes);
    let minutes = areas.as_deref().map_or(service.minutes, |areas| length_of_visit(chosen, named, areas));
    Plan { service: service.id, service_name: service.name.clone(), areas, minutes }
}

/// A person's name: letters, and at most 80 of them. "Me chamo" and the like are left out.
fn read_name(text: &str) -> Option<String> {
    let name = clean_name(text.get(..).filter(|text| text.chars().count() <= 2 * LONGEST_NAME)?)?;
    let lower = name.to_lowercase();
    let introduced =
        ["meu nome é ", "meu nome e ", "me chamo ", "eu sou a ", "eu sou o ", "sou a ", "sou o ", "é "];
    let name = introduced
        .iter()
        .find(|words| lower.starts_with(**words))
        .and_then(|words| name.get(words.len()..))
        .unwrap_or(&name)
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned();
    let letters = name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '’' | '-' | '.'));
    let real = name.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    (letters && real && text.trim().chars().count() <= LONGEST_NAME).then_some(name)
}
