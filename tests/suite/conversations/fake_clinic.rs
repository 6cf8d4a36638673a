//! An in-memory clinic that runs the effects of a conversation.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use scheduler_core::availability::{Calendar, SlotRequest};
use scheduler_core::conversation::machine::event::{Effect, Event, PatientMessage, Step, Utterance};
use scheduler_core::conversation::machine::state::{
    AppointmentSummary, BookingPlan, Chat, FaqChoice, Purpose, RemindedAppointment, ServiceChoice, Wish,
};
use scheduler_core::conversation::machine::transition::transition;
use scheduler_core::domain::clinic::{BusinessHours, Clinic, DayHours, DayName};
use scheduler_core::domain::ids::{AppointmentId, ClinicId, ServiceId};
use scheduler_core::domain::interval::Interval;
use scheduler_core::domain::message::Content;
use scheduler_core::domain::same_name::is_same_name;
use scheduler_core::domain::time::{Slot, wall_clock_at};

/// Minutes kept free after each appointment.
const BUFFER: i32 = 10;

/// The clinic, its agenda, one patient's chat, and a clock that only the test moves.
#[derive(Clone)]
pub struct FakeClinic {
    pub clinic: Clinic,
    pub now: DateTime<Utc>,
    pub services: Vec<ServiceChoice>,
    pub faq: Vec<(FaqChoice, String)>,
    /// The patient's appointments.
    pub appointments: Vec<AppointmentSummary>,
    /// What other patients booked, with the buffer.
    pub taken: Vec<Interval<NaiveDateTime>>,
    pub patient_name: Option<String>,
    /// The patient on the number's record, if that is somebody else.
    pub other_owner: Option<OtherOwner>,
    pub profile_name: Option<String>,
    pub opted_out: bool,
    /// Appointments whose reminder was sent.
    pub reminded: Vec<AppointmentId>,
    /// Appointments that the patient confirmed, in order.
    pub confirmed: Vec<AppointmentId>,
    pub chat: Chat,
    pub last_heard: Option<DateTime<Utc>>,
    /// What the patient booked, in order.
    pub booked: Vec<(Slot, BookingPlan, Option<String>)>,
    pub cancelled: usize,
    pub moved: usize,
}

/// Another patient, on whose record the number stands.
#[derive(Clone)]
pub struct OtherOwner {
    pub name: Option<String>,
    pub appointments: Vec<AppointmentSummary>,
}

pub fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a wall clock")
}

impl FakeClinic {
    /// It is Saturday, 14 February 2026, 09:00. The clinic is open Monday to Friday, 09:00 to 18:00.
    pub fn new() -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
        let open = DayHours { start: hour(9), end: hour(18) };
        let days = [DayName::Mon, DayName::Tue, DayName::Wed, DayName::Thu, DayName::Fri];
        let now = at("2026-02-14 12:00").and_utc();
        let mut clinic = Self {
            clinic: Clinic {
                id: ClinicId("laser-beauty-sp".to_owned()),
                name: "Laser Beauty".to_owned(),
                phone: None,
                address: Some("Rua das Flores, 10".to_owned()),
                timezone: chrono_tz::America::Sao_Paulo,
                business_hours: BusinessHours(days.into_iter().map(|day| (day, open)).collect()),
                buffer_minutes: BUFFER,
                min_notice_minutes: 0,
                max_days_ahead: 60,
                welcome_message: None,
                pre_session_instructions: Some("Venha com a pele limpa.".to_owned()),
                zapi: None,
                google_spreadsheet_id: None,
                google_sheet_name: "Agenda".to_owned(),
                active: true,
                created_at: now,
                updated_at: now,
            },
            now,
            services: Vec::new(),
            faq: Vec::new(),
            appointments: Vec::new(),
            taken: Vec::new(),
            patient_name: None,
            other_owner: None,
            profile_name: None,
            opted_out: false,
            reminded: Vec::new(),
            confirmed: Vec::new(),
            chat: Chat::new(),
            last_heard: None,
            booked: Vec::new(),
            cancelled: 0,
            moved: 0,
        };
        clinic.add_service("Depilação a laser", 45, Some(15_000));
        clinic
    }

    pub fn add_service(&mut self, name: &str, minutes: i32, price_cents: Option<i32>) {
        let id = ServiceId(numbered_id(0xa, self.services.len()));
        self.services.push(ServiceChoice { id, name: name.to_owned(), minutes, price_cents });
    }

    pub fn add_question(&mut self, key: &str, label: &str, answer: &str) {
        self.faq.push((FaqChoice { key: key.to_owned(), label: label.to_owned() }, answer.to_owned()));
    }

    pub fn add_appointment(&mut self, slot: Slot, minutes: i32, service: &str) {
        let id = AppointmentId(numbered_id(0xb, self.appointments.len()));
        let service_name = service.to_owned();
        self.appointments.push(AppointmentSummary {
            id,
            slot,
            minutes,
            service_name,
            areas: None,
            version: 1,
        });
        self.appointments.sort_by_key(|appointment| appointment.slot);
    }

    /// Notes that the reminder of the appointment at `slot` was sent.
    pub fn remind(&mut self, slot: Slot) {
        let appointment = self
            .appointments
            .iter()
            .find(|appointment| appointment.slot == slot)
            .expect("an appointment at this time");
        self.reminded.push(appointment.id);
    }

    /// The number goes to somebody else: what is on record is of its other owner.
    pub fn recycle(&mut self) {
        let appointments = std::mem::take(&mut self.appointments);
        self.other_owner = Some(OtherOwner { name: self.patient_name.take(), appointments });
        self.chat = self.chat.new_session();
    }

    pub fn take(&mut self, start: NaiveDateTime, minutes: i32) {
        self.taken.push(Interval { start, end: start + TimeDelta::minutes((minutes + BUFFER).into()) });
    }

    /// Handles a message of the patient and returns what the bot says.
    pub fn hear(&mut self, content: Content) -> Vec<Utterance> {
        let session_is_over = self.last_heard.is_some_and(|last| self.now - last >= TimeDelta::minutes(30));
        if session_is_over {
            self.chat = self.chat.new_session();
        }
        self.last_heard = Some(self.now);
        let message = PatientMessage {
            content,
            profile_name: self.profile_name.clone(),
            now: self.now,
            local: self.local(),
            horizon: self.horizon(),
        };
        self.happen(Event::MessageReceived(message))
    }

    /// Runs an event and the effects that follow from it. Returns what the bot says.
    pub fn happen(&mut self, event: Event) -> Vec<Utterance> {
        let mut utterances = Vec::new();
        let mut next = Some(event);
        for _ in 0..8 {
            let Some(event) = next.take() else { return utterances };
            let Step { chat, effects } = transition(self.chat.clone(), event);
            self.chat = chat;
            for effect in effects {
                assert!(next.is_none(), "an effect follows one that returns an event");
                match effect {
                    Effect::Say(utterance) => utterances.push(utterance),
                    effect => next = self.perform(effect),
                }
            }
        }
        panic!("the conversation does not finish within 8 events");
    }

    fn perform(&mut self, effect: Effect) -> Option<Event> {
        Some(match effect {
            Effect::Say(_) => return None,
            Effect::SetOptOut { out } => {
                self.opted_out = out;
                Event::OptOutSet { out, patient_name: self.patient_name.clone() }
            }
            Effect::IdentifyPatient(message) => Event::PatientIdentified {
                message,
                patient_name: self.patient_name.clone(),
                known: self.patient_name.is_some(),
                faq: self.questions(),
            },
            Effect::FindServices(wanted) => Event::ServicesFound { services: self.services.clone(), wanted },
            Effect::FindDays { purpose, from, until } => {
                let slot_request = self.slot_request(&purpose);
                let calendar = self.calendar(&purpose);
                let days = calendar.days(from, until.min(self.horizon()), slot_request);
                let too_long = !calendar.has_room_for(slot_request.minutes);
                Event::DaysFound { purpose, from, until, days, horizon: self.horizon(), too_long }
            }
            Effect::FindTimes { purpose, date, wanted } => {
                let slots = self.calendar(&purpose).slots(date, self.slot_request(&purpose));
                Event::TimesFound { purpose, date, slots, wanted }
            }
            Effect::Book { plan, slot, name, may_verify } => {
                if may_verify && name.as_deref().is_some_and(|name| self.is_other_owners(name)) {
                    self.take_over_record();
                    return Some(self.book(plan, slot, None));
                }
                self.book(plan, slot, name)
            }
            Effect::FindAppointments { intent, wanted } => {
                let (own, others) =
                    (self.future(&self.appointments), self.future(self.others_appointments()));
                let is_own = match wanted {
                    Some(id) => own.iter().any(|appointment| appointment.id == id),
                    None => !own.is_empty(),
                };
                if !is_own && !others.is_empty() {
                    let wish = Wish::Change { intent, wanted };
                    return Some(Event::NameRequired { wish, has_name: self.has_others_name() });
                }
                Event::AppointmentsFound { appointments: own, intent, wanted }
            }
            Effect::CheckName { name, wish } => {
                let confirmed = self.is_other_owners(&name);
                if confirmed {
                    self.take_over_record();
                }
                let patient_name = self.patient_name.clone().filter(|_| confirmed);
                Event::NameChecked { wish, confirmed, patient_name }
            }
            Effect::FindReminder(message) => {
                let own = self.reminded_of(&self.appointments);
                match (own, self.reminded_of(self.others_appointments())) {
                    (None, Some(appointment)) => {
                        let has_name = self.has_others_name();
                        Event::AnothersReminderFound { message, appointment, has_name }
                    }
                    (own, _) => {
                        let patient_name = self.patient_name.clone();
                        let reminded =
                            own.map(|appointment| RemindedAppointment { appointment, patient_name });
                        Event::ReminderFound { message, reminded }
                    }
                }
            }
            Effect::ConfirmAppointment { appointment } => {
                let unchanged = self.appointments.contains(&appointment);
                if unchanged && !self.confirmed.contains(&appointment.id) {
                    self.confirmed.push(appointment.id);
                }
                Event::AppointmentConfirmed { appointment: unchanged.then_some(appointment) }
            }
            Effect::Move { appointment, slot } => self.move_appointment(appointment, slot),
            Effect::Cancel { appointment } => {
                let before = self.appointments.len();
                self.appointments.retain(|known| known.id != appointment.id);
                if self.appointments.len() == before {
                    return Some(Event::AppointmentGone);
                }
                self.confirmed.retain(|known| *known != appointment.id);
                self.cancelled += 1;
                Event::AppointmentCancelled { appointment }
            }
            Effect::FindFaq => Event::FaqFound { items: self.questions() },
            Effect::FindAnswer { key } => {
                let found = self.faq.iter().find(|(item, _)| item.key == key);
                Event::AnswerFound { answer: found.map(|(_, answer)| answer.clone()) }
            }
            Effect::FindOpening => {
                let empty_calendar = Calendar::new(
                    self.clinic.timezone,
                    Vec::new(),
                    self.clinic.business_hours.clone(),
                    Vec::new(),
                    Vec::new(),
                );
                let opening = empty_calendar.opening(self.local(), self.horizon());
                Event::OpeningFound { open: opening.open, opens_at: opening.next }
            }
        })
    }

    fn future(&self, appointments: &[AppointmentSummary]) -> Vec<AppointmentSummary> {
        let now = self.local();
        appointments.iter().filter(|appointment| appointment.slot.at() > now).cloned().collect()
    }

    /// The appointment whose reminder waits for an answer: the nearest one without an answer, else the nearest.
    fn reminded_of(&self, appointments: &[AppointmentSummary]) -> Option<AppointmentSummary> {
        let mut waiting = self.future(appointments);
        waiting.retain(|appointment| self.reminded.contains(&appointment.id));
        let unconfirmed = waiting.iter().find(|appointment| !self.confirmed.contains(&appointment.id));
        unconfirmed.or(waiting.first()).cloned()
    }

    fn others_appointments(&self) -> &[AppointmentSummary] {
        self.other_owner.as_ref().map_or(&[][..], |owner| &owner.appointments)
    }

    fn has_others_name(&self) -> bool {
        self.other_owner.as_ref().is_some_and(|owner| owner.name.is_some())
    }

    fn is_other_owners(&self, name: &str) -> bool {
        let on_record = self.other_owner.as_ref().and_then(|owner| owner.name.as_deref());
        on_record.is_some_and(|on_record| is_same_name(name, on_record))
    }

    fn take_over_record(&mut self) {
        if let Some(OtherOwner { name, appointments }) = self.other_owner.take() {
            self.appointments.extend(appointments);
            self.appointments.sort_by_key(|appointment| appointment.slot);
            self.patient_name = name;
        }
    }

    fn book(&mut self, plan: BookingPlan, slot: Slot, name: Option<String>) -> Event {
        let purpose = Purpose::Book { plan: plan.clone() };
        if !self.calendar(&purpose).fits(slot, self.slot_request(&purpose)) {
            return self.slot_taken(purpose, slot);
        }
        if name.is_some() {
            self.patient_name.clone_from(&name);
        }
        let id = AppointmentId(numbered_id(0xc, self.booked.len()));
        let (minutes, areas) = (plan.minutes, plan.areas.clone());
        let appointment = AppointmentSummary {
            id,
            slot,
            minutes,
            service_name: plan.service_name.clone(),
            areas,
            version: 1,
        };
        self.appointments.push(appointment.clone());
        self.appointments.sort_by_key(|appointment| appointment.slot);
        self.booked.push((slot, plan, name));
        Event::Booked { appointment }
    }

    fn move_appointment(&mut self, appointment: AppointmentSummary, slot: Slot) -> Event {
        let purpose = Purpose::Move { appointment: appointment.clone() };
        if !self.appointments.iter().any(|known| known.id == appointment.id) {
            return Event::AppointmentGone;
        }
        if !self.calendar(&purpose).fits(slot, self.slot_request(&purpose)) {
            return self.slot_taken(purpose, slot);
        }
        let moved = AppointmentSummary { slot, version: appointment.version + 1, ..appointment };
        self.appointments.retain(|known| known.id != moved.id);
        self.appointments.push(moved.clone());
        self.appointments.sort_by_key(|appointment| appointment.slot);
        // The reminder was for the old time.
        self.reminded.retain(|known| *known != moved.id);
        self.confirmed.retain(|known| *known != moved.id);
        self.moved += 1;
        Event::Moved { appointment: moved }
    }

    fn slot_taken(&self, purpose: Purpose, lost: Slot) -> Event {
        let nearest = self.calendar(&purpose).nearest(lost, self.horizon(), self.slot_request(&purpose), 3);
        Event::SlotTaken { purpose, lost, nearest }
    }

    fn calendar(&self, purpose: &Purpose) -> Calendar {
        let own = match purpose {
            Purpose::Book { .. } => None,
            Purpose::Move { appointment } => Some(appointment.id),
        };
        let everybodys = self.appointments.iter().chain(self.others_appointments());
        let appointments =
            everybodys.filter(|appointment| Some(appointment.id) != own).map(|appointment| Interval {
                start: appointment.slot.at(),
                end: appointment.slot.at() + TimeDelta::minutes((appointment.minutes + BUFFER).into()),
            });
        let busy = self.taken.iter().copied().chain(appointments).collect();
        Calendar::new(self.clinic.timezone, Vec::new(), self.clinic.business_hours.clone(), Vec::new(), busy)
    }

    fn slot_request(&self, purpose: &Purpose) -> SlotRequest {
        let minutes = match purpose {
            Purpose::Book { plan } => plan.minutes,
            Purpose::Move { appointment } => appointment.minutes,
        };
        SlotRequest { minutes, buffer_minutes: BUFFER, not_before: self.local() }
    }

    fn questions(&self) -> Vec<FaqChoice> {
        self.faq.iter().map(|(item, _)| item.clone()).collect()
    }

    fn local(&self) -> NaiveDateTime {
        wall_clock_at(self.now, self.clinic.timezone)
    }

    pub fn horizon(&self) -> NaiveDate {
        let ahead = u64::try_from(self.clinic.max_days_ahead).expect("days ahead");
        self.local().date().checked_add_days(Days::new(ahead)).expect("a horizon")
    }
}

fn numbered_id(kind: u128, index: usize) -> uuid::Uuid {
    uuid::Uuid::from_u128((kind << 120) | (u128::try_from(index).expect("an index") + 1))
}
