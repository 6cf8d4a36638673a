//! The conversation, in the order a patient meets it.
//!
//! [`transition`] sorts the events; `StepBuilder::respond` is the table of the conversation: one `match`
//! on the current state and the input. A row says which state comes next; the question asked there is
//! `State::question`.

use super::actions::{SILENCE, booking_plan};
use super::before_question::Gate;
use super::event::{Effect, Event, ServicesFor, Step};
use super::state::{Chat, DayList, Intent, Moment, Purpose, State};
use super::step::{Input, StepBuilder};
use crate::conversation::say::format::{
    appointment_values, hour, price_table, written_date_and_weekday, written_day, written_slot,
};
use crate::conversation::understand::answer::{self, Answer};
use crate::conversation::understand::name::read_name;
use crate::conversation::understand::option_id::OptionId;
use crate::conversation::understand::phrases;
use crate::conversation::understand::reminder_reply::reply;
use crate::domain::time::{Slot, written_date};

/// The next chat after an event, and the effects to perform. Pure and total: every input has an answer,
/// never an error.
pub fn transition(chat: Chat, event: Event) -> Step {
    let mut step = StepBuilder::new(chat);
    match event {
        Event::StaffWrote { text, now } => {
            let ends = text.is_some_and(|text| text.trim().eq_ignore_ascii_case("#bot"));
            step.chat.memory.silent_until = (!ends).then_some(now + SILENCE);
            match step.chat.state {
                State::Welcome if !ends => step.chat.state = State::HumanHandoff,
                State::Welcome | State::HumanHandoff if ends => step.chat.state = State::MainMenu,
                _ => {}
            }
            step.end()
        }
        Event::MessageReceived(message) => match step.check_first(&message) {
            Gate::Done(step) => step,
            Gate::Continue(step) if reply(&step.chat, &message).is_some() => {
                step.wait(Effect::FindReminder(message))
            }
            Gate::Continue(step) => step.read_and_respond(message),
        },
        Event::ReminderFound { message, reminded: Some(reminded) } => {
            step.answers_reminder(&message, reminded)
        }
        Event::ReminderFound { reminded: None, .. } if step.is_silent() => step.end(),
        Event::ReminderFound { message, reminded: None } => step.read_and_respond(message),
        answered @ Event::AppointmentConfirmed { .. } => step.reminder_recorded(answered),
        Event::PatientIdentified { message, patient_name, known, faq } => match step.check_first(&message) {
            Gate::Done(step) => step,
            Gate::Continue(step) if step.chat.state != State::Welcome => {
                step.respond(Input::Said(answer::read_sentence(&message, &faq)))
            }
            Gate::Continue(mut step) => {
                step.chat.memory.patient_name = patient_name;
                let answer = match answer::read(&step.chat, &message) {
                    Answer::Sentence | Answer::Ambiguous(_) => answer::read_sentence(&message, &faq),
                    answer => answer,
                };
                step.greet(known).respond(Input::First(answer))
            }
        },
        found => step.respond(Input::Found(found)),
    }
}

impl StepBuilder {
    /// The table.
    pub(super) fn respond(mut self, input: Input) -> Step {
        use Answer::{Ambiguous, Hello, Leave, No, OptionOrHour, Sentence, Text, Thanks, Unreadable, When};
        use Input::{First, Found, Said};
        use OptionId::*;

        if !matches!(&input, Said(Answer::Nothing | Sentence | Ambiguous(_) | OptionOrHour { .. }) | Found(_))
        {
            self.chat.memory.misunderstood = 0;
        }
        match (self.chat.state.clone(), input) {
            // ── The first words of a session: greeted already, acted on if they mean something ──
            (_, First(Answer::Option(Menu | Back | More | Keep | SkipAreas | UseProfileName))) => self.ask(),
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
            (_, First(answer)) => self.respond(Said(answer)),

            // ── Whatever is asked ──
            (_, Said(Answer::Option(Menu))) => self.menu().ask(),
            (_, Said(Answer::Option(Back))) => self.back().ask(),
            (_, Said(Answer::Option(Human))) => self.hand_over(),
            (_, Said(Unreadable)) => self.say("NOT_TEXT", []).ask(),
            (_, Said(Hello)) => self.ask(),
            (state, Said(Thanks))
                if state.is_finished() || matches!(state, State::MainMenu | State::FaqAnswer) =>
            {
                self.say("YOU_ARE_WELCOME", []).end()
            }
            (_, Said(Thanks)) => self.say("YOU_ARE_WELCOME", []).ask(),

            // ── The menu, and its buttons wherever they are pressed ──
            (_, Said(Answer::Option(Schedule))) => self.enter(State::ScheduleMenu).ask(),
            (_, Said(Answer::Option(Reschedule))) => self.find_appointments(Intent::Reschedule),
            (_, Said(Answer::Option(Faq))) => self.wait(Effect::FindFaq),
            (State::MainMenu | State::Booked | State::Rescheduled | State::Cancelled, Said(Leave)) => {
                self.find_appointments(Intent::Cancel)
            }

            // ── Prices and services ──
            (_, Said(Answer::Option(AvailableDays))) => {
                self.wait(Effect::FindServices(ServicesFor::Choosing))
            }
            (_, Said(Answer::Option(PriceTable))) => self.wait(Effect::FindServices(ServicesFor::Prices)),
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
            (State::SelectService { services, .. }, Said(Answer::Option(Service(id))))
                if services.iter().any(|service| service.id == id) =>
            {
                let found = Event::ServicesFound { services, wanted: ServicesFor::Chosen(id) };
                self.respond(Found(found))
            }
            (state, Said(Answer::Option(Service(id)))) if !state.is_about_an_appointment() => {
                self.wait(Effect::FindServices(ServicesFor::Chosen(id)))
            }

            // ── Areas: before the day, so that the appointment's length is known ──
            (State::InputAreas { service, services }, Said(Text(areas))) => {
                self.find_first_days(Purpose::Book { plan: booking_plan(&service, &services, Some(areas)) })
            }
            (State::InputAreas { service, services }, Said(Answer::Option(SkipAreas))) => {
                self.find_first_days(Purpose::Book { plan: booking_plan(&service, &services, None) })
            }

            // ── Days, for a new appointment and for one that moves ──
            (_, Found(Event::DaysFound { too_long: true, .. })) => self.say("TOO_LONG", []).hand_over(),
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
                    Purpose::Move { appointment } => State::ShowCurrentAppointment { appointment, days },
                })
                .ask()
            }
            (state, Said(Answer::Option(More))) => self.turn_page(state),
            (state, Said(When { day: Some(day), hour })) if state.purpose().is_some() => {
                let Moment { local, horizon, .. } = self.chat.memory.moment;
                if day < local.date() {
                    return self.say("DAY_PAST", [("date", written_date(day))]).ask();
                }
                if day > horizon {
                    let values = [("date", written_date(day)), ("until", written_date(horizon))];
                    return self.say("DAY_TOO_FAR", values).ask();
                }
                self.find_times(day, hour.map(|time| Slot { date: day, time }))
            }
            (state, Said(Answer::Option(Day(date)))) if state.is_booking() => self.find_times(date, None),
            (state, Said(Answer::Option(NewDay(date)))) if state.is_about_an_appointment() => {
                self.find_times(date, None)
            }

            // ── Times ──
            (mut state, Found(Event::TimesFound { date, slots, .. })) if slots.is_empty() => {
                state.forget_day(date);
                self.chat.state = state;
                let nothing_left = self.chat.state.days().is_some_and(|list| list.days.is_empty());
                let step = self.say("NO_TIMES", [("date", written_day(date))]);
                match step.chat.state.purpose().filter(|_| nothing_left) {
                    Some(purpose) => step.find_first_days(purpose),
                    None => step.ask(),
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
                    (several, ..) => self.ask_which(several.iter().copied().map(written_slot).collect()),
                }
            }
            // Another hour, said at a later question: the same day again, with that hour wanted.
            (state, Said(When { day: None, hour: Some(time) })) if state.chosen().is_some() => {
                let date =
                    state.chosen().map_or_else(|| self.chat.memory.moment.local.date(), |slot| slot.date);
                self.find_times(date, Some(Slot { date, time }))
            }
            (state, Said(Answer::Option(Time(slot)))) if state.is_booking() => self.pick_time(&state, slot),
            (state, Said(Answer::Option(NewTime(slot)))) if state.is_about_an_appointment() => {
                self.pick_time(&state, slot)
            }

            // ── The name, where none is on record ──
            (State::AskName { plan, slot, .. }, Said(Answer::Option(UseProfileName)))
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
                (Some(name), Some(first)) if !name.contains(' ') && !phrases::same_text(&name, &first) => {
                    self.take_name(Some(format!("{first} {name}")), plan, slot)
                }
                (Some(name), _) => self.take_name(Some(name), plan, slot),
            },

            // ── Yes or no to the booking ──
            (State::ConfirmBooking { plan, slot, prompt }, Said(Answer::Option(Book(pressed))))
                if pressed == prompt =>
            {
                let name = self.chat.memory.given_name.clone();
                self.wait(Effect::Book { plan, slot, name })
            }
            (State::ConfirmBooking { .. }, Said(No)) => self.say("NOTHING_BOOKED", []).back_to_times().ask(),
            (_, Found(Event::Booked { appointment })) => {
                let [_, time, service, areas] = appointment_values(&appointment);
                let date = written_date_and_weekday(appointment.slot.date);
                let name = self.chat.memory.patient_name.clone().unwrap_or_default();
                let values = [("date", date), time, service, areas, ("patient_name", name)];
                self.finish(State::Booked, "BOOKED", values)
            }
            (_, Found(Event::SlotTaken { purpose, lost, nearest })) => {
                let step = self.say("SLOT_TAKEN", [("date", written_day(lost.date)), ("time", hour(lost))]);
                match nearest.is_empty() {
                    true => step.find_first_days(purpose),
                    false => step.offer_times(purpose, nearest).ask(),
                }
            }

            // ── An appointment that stands: which one? ──
            (
                State::ShowCurrentAppointment { appointment, .. } | State::SelectNewDate { appointment, .. },
                Said(Leave),
            ) => self.confirm_cancel(appointment),
            (State::ConfirmCancel { .. }, Said(Answer::Option(CancelAppointment))) => self.ask(),
            (state, Said(Answer::Option(CancelAppointment))) => match state.purpose() {
                Some(Purpose::Move { appointment }) => self.confirm_cancel(appointment),
                _ => self.find_appointments(Intent::Cancel),
            },
            (_, Found(Event::AppointmentsFound { appointments, intent, wanted })) => {
                let found = wanted
                    .and_then(|id| appointments.iter().find(|appointment| appointment.id == id).cloned());
                let step =
                    if wanted.is_some() && found.is_none() { self.say("VISIT_GONE", []) } else { self };
                match (found, appointments.as_slice()) {
                    (None, []) if wanted.is_some() => step.menu().ask(),
                    (None, []) => step.say("RESCHEDULE_NOT_FOUND", []).menu().ask(),
                    (Some(appointment), _) => step.start_change(appointment, intent),
                    (None, [only]) => step.start_change(only.clone(), intent),
                    (None, _) => step.enter(State::SelectAppointment { appointments, intent, from: 0 }).ask(),
                }
            }
            (
                State::SelectAppointment { appointments, intent, .. },
                Said(Answer::Option(OptionId::Appointment(id))),
            ) => match appointments.into_iter().find(|appointment| appointment.id == id) {
                Some(appointment) => self.start_change(appointment, intent),
                None => self.wait(Effect::FindAppointments { intent, wanted: Some(id) }),
            },
            (_, Said(Answer::Option(OptionId::Appointment(id)))) => {
                self.wait(Effect::FindAppointments { intent: Intent::Reschedule, wanted: Some(id) })
            }

            // ── Yes or no to the move ──
            (State::ConfirmReschedule { appointment, slot, prompt }, Said(Answer::Option(Move(pressed))))
                if pressed == prompt =>
            {
                self.wait(Effect::Move { appointment, slot })
            }
            (State::ConfirmReschedule { .. }, Said(No)) => {
                self.say("NOTHING_MOVED", []).back_to_times().ask()
            }
            (_, Found(Event::Moved { appointment })) => {
                self.finish(State::Rescheduled, "RESCHEDULED", appointment_values(&appointment))
            }

            // ── Yes or no to the cancellation ──
            (State::ConfirmCancel { appointment, prompt }, Said(Answer::Option(Cancel(pressed))))
                if pressed == prompt =>
            {
                self.wait(Effect::Cancel { appointment })
            }
            (State::ConfirmCancel { appointment, .. }, Said(No | Answer::Option(Keep))) => {
                self.say("KEPT", appointment_values(&appointment)).menu().ask()
            }
            // "Cancelar" may mean yes or no here: neither is guessed.
            (State::ConfirmCancel { .. }, Said(Leave)) => self.say("CANCEL_YES_OR_NO", []).ask(),
            (_, Found(Event::AppointmentCancelled { appointment })) => {
                self.finish(State::Cancelled, "CANCELLED", appointment_values(&appointment))
            }
            (_, Found(Event::AppointmentGone)) => self.say("VISIT_GONE", []).menu().ask(),

            // ── Questions ──
            (_, Found(Event::FaqFound { items })) if items.is_empty() => self.say("NO_FAQ", []).menu().ask(),
            (_, Found(Event::FaqFound { items })) => self.enter(State::FaqMenu { items, from: 0 }).ask(),
            (_, Said(Answer::Option(Question(key)))) => self.wait(Effect::FindAnswer { key }),
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
            (_, Found(Event::HandedOver { open, opens_at })) => {
                let step = self.say("HUMAN_HANDOFF", []);
                match (open, opens_at) {
                    (true, _) => step.say("HANDOFF_OPEN", []),
                    (false, Some(at)) => {
                        let opens_at = written_slot(Slot { date: at.date(), time: at.time() });
                        step.say("HANDOFF_CLOSED", [("opens_at", opens_at)])
                    }
                    (false, None) => step.say("HANDOFF_LATER", []),
                }
                .end()
            }

            // ── "Cancelar" anywhere else leaves what was begun ──
            (_, Said(Leave)) => self.say("LEFT", []).menu().ask(),

            // ── Buttons of prompts that are over ──
            (_, Said(Answer::Option(Book(_) | Move(_) | Cancel(_) | Keep))) => {
                self.say("OLD_CONFIRMATION", []).ask()
            }
            (state, Said(Answer::Option(Day(_) | Time(_)))) if state.reads_intents() => {
                self.say("START_OVER", []).wait(Effect::FindServices(ServicesFor::Choosing))
            }
            (state, Said(Answer::Option(NewDay(_) | NewTime(_)))) if state.reads_intents() => {
                self.say("START_OVER", []).find_appointments(Intent::Reschedule)
            }
            (_, Said(Answer::Option(_))) => self.say("OLD_BUTTON", []).ask(),

            // ── Not understood ──
            (_, Said(Ambiguous(labels))) => self.ask_which(labels),
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
                    Event::MessageReceived(_)
                    | Event::PatientIdentified { .. }
                    | Event::StaffWrote { .. }
                    | Event::ReminderFound { .. }
                    | Event::AppointmentConfirmed { .. },
                ),
            ) => self.ask(),
        }
    }
}
