//! The transition table of the conversation. Its rows are in the order of a typical conversation.
//!
//! [`transition`] prepares an event; `StepBuilder::respond` is the table: one `match` on the current state
//! and the input. A row names the next state, and `State::question` holds the question asked there.

use super::actions::{SILENCE_DURATION, booking_plan};
use super::before_question::CheckResult;
use super::event::{Effect, Event, ServicesFor, Step};
use super::state::{Chat, DayList, Intent, Moment, Purpose, State};
use super::step::{Input, StepBuilder};
use crate::conversation::say::format::{
    appointment_values, price_table, written_date_and_weekday, written_day, written_slot, written_time,
};
use crate::conversation::understand::answer::{self, Answer};
use crate::conversation::understand::name::read_name;
use crate::conversation::understand::option_id::OptionId;
use crate::conversation::understand::phrases;
use crate::conversation::understand::reminder_reply::read_reply;
use crate::domain::time::{Slot, format_date, later};

/// The next chat after an event, and the effects to perform. A pure function: it handles every event in every
/// state and never fails.
pub fn transition(chat: Chat, event: Event) -> Step {
    let mut step = StepBuilder::new(chat);
    match event {
        Event::StaffWrote { text, now } => {
            let ends_silence = text.is_some_and(|text| text.trim().eq_ignore_ascii_case("#bot"));
            step.chat.memory.silent_until = (!ends_silence).then_some(later(now, SILENCE_DURATION));
            if ends_silence {
                step.chat.memory.name_misses = 0;
            }
            match step.chat.state {
                State::Welcome if !ends_silence => step.chat.state = State::HumanHandoff,
                State::Welcome | State::HumanHandoff if ends_silence => step.chat.state = State::MainMenu,
                _ => {}
            }
            step.end()
        }
        Event::MessageReceived(message) => match step.check_first(&message) {
            CheckResult::Done(step) => step,
            CheckResult::Continue(step) if read_reply(&step.chat, &message).is_some() => {
                step.wait(Effect::FindReminder(message))
            }
            CheckResult::Continue(step) => step.read_and_respond(message),
        },
        Event::ReminderFound { message, reminded: Some(reminded) } => {
            step.respond_to_reminder_reply(&message, reminded)
        }
        Event::ReminderFound { reminded: None, .. } if step.is_silent() => step.end(),
        Event::ReminderFound { message, reminded: None } => step.read_and_respond(message),
        Event::AnothersReminderFound { .. } if step.is_silent() => step.end(),
        Event::AnothersReminderFound { message, appointment, has_name } => {
            step.verify_name_before_reply(&message, appointment, has_name)
        }
        result @ Event::AppointmentConfirmed { .. } => step.respond_to_confirmation(result),
        Event::PatientIdentified { message, patient_name, known, faq } => match step.check_first(&message) {
            CheckResult::Done(step) => step,
            CheckResult::Continue(step) if step.chat.state != State::Welcome => {
                step.respond(Input::Said(answer::read_sentence(&message, &faq)))
            }
            CheckResult::Continue(mut step) => {
                step.chat.memory.patient_name = patient_name;
                let answer = match answer::read(&step.chat, &message) {
                    Answer::Sentence | Answer::Ambiguous(_) => answer::read_sentence(&message, &faq),
                    answer => answer,
                };
                step.greet(known).respond(Input::First(answer))
            }
        },
        result => step.respond(Input::Found(result)),
    }
}

impl StepBuilder {
    /// The transition table. The first matching row wins.
    pub(super) fn respond(mut self, input: Input) -> Step {
        use Answer::{
            Ambiguous, BareCancel, Hello, No, OptionOrHour, Sentence, Text, Thanks, Unreadable, When,
        };
        use Input::{First, Found, Said};
        use OptionId::*;

        if !matches!(
            &input,
            Said(Answer::NotUnderstood | Sentence | Ambiguous(_) | OptionOrHour { .. }) | Found(_)
        ) {
            self.chat.memory.misunderstood = 0;
        }
        match (self.chat.state.clone(), input) {
            // ── The first message of a session, after the greeting: act on it if it asks for something ──
            (_, First(Answer::Option(Menu | Back | More | Keep | SkipAreas | UseProfileName))) => self.ask(),
            (
                _,
                First(
                    Hello
                    | Thanks
                    | Answer::NotUnderstood
                    | Sentence
                    | Text(_)
                    | When { .. }
                    | No
                    | OptionOrHour { .. },
                ),
            ) => self.ask(),
            (_, First(answer)) => self.respond(Said(answer)),

            // ── Any state: menu, back, a person, content that is not text, greetings and thanks ──
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

            // ── The options of the main menu, which work in any state ──
            (_, Said(Answer::Option(Schedule))) => self.enter(State::ScheduleMenu).ask(),
            (_, Said(Answer::Option(Reschedule))) => self.find_appointments(Intent::Reschedule),
            (_, Said(Answer::Option(Faq))) => self.wait(Effect::FindFaq),
            (State::MainMenu | State::Booked | State::Rescheduled | State::Cancelled, Said(BareCancel)) => {
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

            // ── Areas, asked before the day because they determine the appointment's length ──
            (State::InputAreas { service, services }, Said(Text(areas))) => {
                self.find_first_days(Purpose::Book { plan: booking_plan(&service, &services, Some(areas)) })
            }
            (State::InputAreas { service, services }, Said(Answer::Option(SkipAreas))) => {
                self.find_first_days(Purpose::Book { plan: booking_plan(&service, &services, None) })
            }

            // ── Days, for a new appointment or a move ──
            (_, Found(Event::DaysFound { too_long: true, .. })) => self.say("TOO_LONG", []).hand_over(),
            // The first days are full: search on to the last bookable day.
            (_, Found(Event::DaysFound { purpose, days, until, horizon, .. }))
                if days.is_empty() && until < horizon =>
            {
                self.find_days(purpose, until.succ_opt().unwrap_or(horizon), horizon)
            }
            // The patient asked for more days: show the new ones, or say that there are none.
            (mut state, Found(Event::DaysFound { days, from, horizon, .. }))
                if state.is_continued_by_search(from) =>
            {
                state.add_days(&days, horizon);
                if !days.is_empty() {
                    return self.show_page(state).ask();
                }
                self.chat.state = state;
                self.say("NO_MORE_DAYS", [("until", format_date(horizon))]).ask()
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
            // A written day, with or without an hour.
            (state, Said(When { day: Some(day), hour })) if state.purpose().is_some() => {
                let Moment { local, horizon, .. } = self.chat.memory.moment;
                if day < local.date() {
                    return self.say("DAY_PAST", [("date", format_date(day))]).ask();
                }
                if day > horizon {
                    let values = [("date", format_date(day)), ("until", format_date(horizon))];
                    return self.say("DAY_TOO_FAR", values).ask();
                }
                self.find_times(day, hour.map(|time| Slot { date: day, time }))
            }
            (state, Said(Answer::Option(Day(date)))) if state.is_booking() => self.find_times(date, None),
            (state, Said(Answer::Option(NewDay(date)))) if state.is_about_an_appointment() => {
                self.find_times(date, None)
            }

            // ── Times ──
            // The day has no free time left: no longer offer it, and search days if it was the last one.
            (mut state, Found(Event::TimesFound { date, slots, .. })) if slots.is_empty() => {
                state.forget_day(date);
                self.chat.state = state;
                let no_days_left = self.chat.state.days().is_some_and(|list| list.days.is_empty());
                let step = self.say("NO_TIMES", [("date", written_day(date))]);
                match step.chat.state.purpose().filter(|_| no_days_left) {
                    Some(purpose) => step.find_first_days(purpose),
                    None => step.ask(),
                }
            }
            // Choose the wanted time if it is free. Otherwise offer the times, naming the nearest ones.
            (_, Found(Event::TimesFound { purpose, slots, wanted, .. })) => match wanted {
                Some(slot) if slots.contains(&slot) => self.choose(purpose, slot),
                Some(slot) => self.say_nearest(slot, &slots).offer_times(purpose, slots).ask(),
                None => self.offer_times(purpose, slots).ask(),
            },
            // A written hour: choose the slot at that hour, or name the nearest ones.
            (
                state @ (State::SelectTime { .. } | State::SelectNewTime { .. }),
                Said(When { day: None, hour: Some(time) }),
            ) => {
                let slots = state.slots().unwrap_or_default();
                let matches: Vec<Slot> = slots.iter().copied().filter(|slot| slot.time == time).collect();
                match (matches.as_slice(), state.purpose(), slots.first()) {
                    ([slot], Some(purpose), _) => self.choose(purpose, *slot),
                    ([], _, Some(first)) => self.say_nearest(Slot { date: first.date, time }, slots).ask(),
                    (several, ..) => self.ask_which(several.iter().copied().map(written_slot).collect()),
                }
            }
            // Another hour, written after a time was chosen: look for it on the same day.
            (state, Said(When { day: None, hour: Some(time) })) if state.chosen_slot().is_some() => {
                let date = state
                    .chosen_slot()
                    .map_or_else(|| self.chat.memory.moment.local.date(), |slot| slot.date);
                self.find_times(date, Some(Slot { date, time }))
            }
            (state, Said(Answer::Option(Time(slot)))) if state.is_booking() => self.pick_time(&state, slot),
            (state, Said(Answer::Option(NewTime(slot)))) if state.is_about_an_appointment() => {
                self.pick_time(&state, slot)
            }

            // ── The patient's name, if none is on record ──
            (State::AskName { plan, slot, .. }, Said(Answer::Option(UseProfileName)))
                if self.chat.memory.profile_name.is_some() =>
            {
                let name = self.chat.memory.profile_name.clone();
                self.take_name(name, plan, slot)
            }
            // A single word: ask once for the surname. A second word is added to the first; the same word
            // again is accepted alone.
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

            // ── Confirm or decline the booking ──
            (State::ConfirmBooking { plan, slot, prompt }, Said(Answer::Option(Book(pressed))))
                if pressed == prompt =>
            {
                let name = self.chat.memory.stated_name.clone();
                let may_verify = self.may_verify_name();
                self.wait(Effect::Book { plan, slot, name, may_verify })
            }
            (State::ConfirmBooking { .. }, Said(No)) => self.say("NOTHING_BOOKED", []).back_to_times().ask(),
            (_, Found(Event::Booked { appointment })) => {
                let [_, time, service, areas] = appointment_values(&appointment);
                let date = written_date_and_weekday(appointment.slot.date);
                let name = self.chat.memory.patient_name.clone().unwrap_or_default();
                let values = [("date", date), time, service, areas, ("patient_name", name)];
                self.finish(State::Booked, "BOOKED", values)
            }
            // The slot is no longer free: offer the nearest free times. If there are none, offer days again.
            (_, Found(Event::SlotTaken { purpose, lost, nearest })) => {
                let step =
                    self.say("SLOT_TAKEN", [("date", written_day(lost.date)), ("time", written_time(lost))]);
                match nearest.is_empty() {
                    true => step.find_first_days(purpose),
                    false => step.offer_times(purpose, nearest).ask(),
                }
            }

            // ── The name on record, if the number has another WhatsApp id than the patient on record ──
            (_, Found(Event::NameRequired { wish, has_name })) => self.verify_name(wish, has_name),
            (State::VerifyName { wish }, Said(Text(text))) => {
                let name = read_name(&text).unwrap_or(text);
                self.wait(Effect::CheckName { name, wish })
            }
            (_, Found(Event::NameChecked { wish, confirmed, patient_name })) => {
                self.respond_to_name_check(wish, confirmed, patient_name)
            }

            // ── Choose an existing appointment, to move or cancel it ──
            (
                State::ShowCurrentAppointment { appointment, .. } | State::SelectNewDate { appointment, .. },
                Said(BareCancel),
            ) => self.confirm_cancel(appointment),
            (State::ConfirmCancel { .. }, Said(Answer::Option(CancelAppointment))) => self.ask(),
            (state, Said(Answer::Option(CancelAppointment))) => match state.purpose() {
                Some(Purpose::Move { appointment }) => self.confirm_cancel(appointment),
                _ => self.find_appointments(Intent::Cancel),
            },
            // Continue with the wanted or the only appointment; of several, ask which one.
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

            // ── Confirm or decline the move ──
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

            // ── Confirm or decline the cancellation ──
            (State::ConfirmCancel { appointment, prompt }, Said(Answer::Option(Cancel(pressed))))
                if pressed == prompt =>
            {
                self.wait(Effect::Cancel { appointment })
            }
            (State::ConfirmCancel { appointment, .. }, Said(No | Answer::Option(Keep))) => {
                self.say("KEPT", appointment_values(&appointment)).menu().ask()
            }
            // "Cancelar" can mean yes or no here, so ask for one of them.
            (State::ConfirmCancel { .. }, Said(BareCancel)) => self.say("CANCEL_YES_OR_NO", []).ask(),
            (_, Found(Event::AppointmentCancelled { appointment })) => {
                self.finish(State::Cancelled, "CANCELLED", appointment_values(&appointment))
            }
            (_, Found(Event::AppointmentGone)) => self.say("VISIT_GONE", []).menu().ask(),

            // ── Questions of the FAQ ──
            (_, Found(Event::FaqFound { items })) if items.is_empty() => self.say("NO_FAQ", []).menu().ask(),
            (_, Found(Event::FaqFound { items })) => self.enter(State::FaqMenu { items, from: 0 }).ask(),
            (_, Said(Answer::Option(Question(key)))) => self.wait(Effect::FindAnswer { key }),
            (_, Found(Event::AnswerFound { answer: Some(answer) })) => {
                self.say("FAQ_ANSWER", [("answer", answer)]).enter(State::FaqAnswer).ask()
            }
            (_, Found(Event::AnswerFound { answer: None })) => self.say("FAQ_GONE", []).ask(),

            // ── Opt-out and opt-in: confirmed, and the open question stays open ──
            (_, Found(Event::OptOutSet { out, patient_name })) => {
                let memory = &mut self.chat.memory;
                memory.patient_name = memory.patient_name.take().or(patient_name);
                self.say(if out { "OPTED_OUT" } else { "OPTED_IN" }, []).end()
            }

            // ── Hand-over to a person ──
            // Say whether the clinic is open, or when it opens next.
            (_, Found(Event::OpeningFound { open, opens_at })) => {
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

            // ── "Cancelar" in any other state: drop what was begun and show the menu ──
            (_, Said(BareCancel)) => self.say("LEFT", []).menu().ask(),

            // ── Options that no longer fit (docs/rules/conversation.md#old-buttons) ──
            (_, Said(Answer::Option(Book(_) | Move(_) | Cancel(_) | Keep))) => {
                self.say("OLD_CONFIRMATION", []).ask()
            }
            // The chat no longer knows what the day or time was for: start again.
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
            (_, Said(Answer::NotUnderstood | Sentence | Text(_) | When { .. } | No)) => {
                self.not_understood("UNRECOGNIZED", [])
            }

            // Events that `transition` handles itself. They never get here.
            (
                _,
                Found(
                    Event::MessageReceived(_)
                    | Event::PatientIdentified { .. }
                    | Event::StaffWrote { .. }
                    | Event::ReminderFound { .. }
                    | Event::AnothersReminderFound { .. }
                    | Event::AppointmentConfirmed { .. },
                ),
            ) => self.ask(),
        }
    }
}
