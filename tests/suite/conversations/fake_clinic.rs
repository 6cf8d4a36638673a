//! A clinic in memory that answers what a conversation asks of the world.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use scheduler_core::availability::{Calendar, Demand};
use scheduler_core::conversation::event::{Effect, Event, Heard, Saying, Step};
use scheduler_core::conversation::state::{Chat, FaqChoice, Plan, Purpose, Reminded, ServiceChoice, Visit};
use scheduler_core::conversation::transition::transition;
use scheduler_core::domain::clinic::{BusinessHours, Clinic, DayHours, DayName};
use scheduler_core::domain::ids::{AppointmentId, ClinicId, ServiceId};
use scheduler_core::domain::message::Content;
use scheduler_core::domain::time::{Slot, Span, local};

/// Minutes kept free after each visit.
const BUFFER: i32 = 10;

/// The clinic, its agenda, one patient's chat, and a clock that stands still.
#[derive(Clone)]
pub struct World {
    pub clinic: Clinic,
    pub now: DateTime<Utc>,
    pub services: Vec<ServiceChoice>,
    pub faq: Vec<(FaqChoice, String)>,
    /// The patient's own visits.
    pub visits: Vec<Visit>,
    /// Other people's.
    pub taken: Vec<Span>,
    pub patient_name: Option<String>,
    pub profile_name: Option<String>,
    pub opted_out: bool,
    /// Visits whose reminder was sent.
    pub reminded: Vec<AppointmentId>,
    /// Visits that the patient confirmed, in order.
    pub confirmed: Vec<AppointmentId>,
    pub chat: Chat,
    pub last_heard: Option<DateTime<Utc>>,
    /// What the patient booked, in order.
    pub booked: Vec<(Slot, Plan, Option<String>)>,
    pub cancelled: usize,
    pub moved: usize,
}

pub fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a wall clock")
}

impl World {
    /// Saturday, 14 February 2026, nine in the morning; open Monday to Friday from nine to six.
    pub fn new() -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
        let open = DayHours { start: hour(9), end: hour(18) };
        let days = [DayName::Mon, DayName::Tue, DayName::Wed, DayName::Thu, DayName::Fri];
        let now = at("2026-02-14 12:00").and_utc();
        let mut world = Self {
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
            visits: Vec::new(),
            taken: Vec::new(),
            patient_name: None,
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
        world.add_service("Depilação a laser", 45, Some(15_000));
        world
    }

    pub fn add_service(&mut self, name: &str, minutes: i32, price_cents: Option<i32>) {
        let id = ServiceId(numbered_id(0xa, self.services.len()));
        self.services.push(ServiceChoice { id, name: name.to_owned(), minutes, price_cents });
    }

    pub fn add_question(&mut self, key: &str, label: &str, answer: &str) {
        self.faq.push((FaqChoice { key: key.to_owned(), label: label.to_owned() }, answer.to_owned()));
    }

    pub fn add_visit(&mut self, slot: Slot, minutes: i32, service: &str) {
        let id = AppointmentId(numbered_id(0xb, self.visits.len()));
        let service_name = service.to_owned();
        self.visits.push(Visit { id, slot, minutes, service_name, areas: None, version: 1 });
        self.visits.sort_by_key(|visit| visit.slot);
    }

    /// The reminder of the visit at that time was sent.
    pub fn remind(&mut self, slot: Slot) {
        let visit = self.visits.iter().find(|visit| visit.slot == slot).expect("a visit then");
        self.reminded.push(visit.id);
    }

    pub fn take(&mut self, start: NaiveDateTime, minutes: i32) {
        self.taken.push(Span { start, end: start + TimeDelta::minutes((minutes + BUFFER).into()) });
    }

    /// The patient writes; everything that was said and the chat's new state.
    pub fn hear(&mut self, content: Content) -> Vec<Saying> {
        let session_is_over = self.last_heard.is_some_and(|heard| self.now - heard >= TimeDelta::minutes(30));
        if session_is_over {
            self.chat = self.chat.renewed();
        }
        self.last_heard = Some(self.now);
        let heard = Heard {
            content,
            profile_name: self.profile_name.clone(),
            now: self.now,
            local: self.local(),
            horizon: self.horizon(),
        };
        self.happen(Event::Heard(heard))
    }

    /// Runs an event to its end.
    pub fn happen(&mut self, event: Event) -> Vec<Saying> {
        let mut sayings = Vec::new();
        let mut next = Some(event);
        for _ in 0..8 {
            let Some(event) = next.take() else { return sayings };
            let Step { chat, effects } = transition(self.chat.clone(), event);
            self.chat = chat;
            for effect in effects {
                assert!(next.is_none(), "an effect after one that has an answer");
                match effect {
                    Effect::Say(saying) => sayings.push(saying),
                    effect => next = self.perform(effect),
                }
            }
        }
        panic!("the conversation never stopped asking");
    }

    fn perform(&mut self, effect: Effect) -> Option<Event> {
        Some(match effect {
            Effect::Say(_) => return None,
            Effect::SetOptOut { out } => {
                self.opted_out = out;
                Event::OptOutSet { out, patient_name: self.patient_name.clone() }
            }
            Effect::Recognise(heard) => Event::Recognised {
                heard,
                patient_name: self.patient_name.clone(),
                known: self.patient_name.is_some(),
                faq: self.questions(),
            },
            Effect::FindServices(wanted) => Event::ServicesFound { services: self.services.clone(), wanted },
            Effect::FindDays { purpose, from, until } => {
                let demand = self.demand(&purpose);
                let calendar = self.calendar(&purpose);
                let days = calendar.days(from, until.min(self.horizon()), demand);
                let too_long = !calendar.has_room_for(demand.minutes);
                Event::DaysFound { purpose, from, until, days, horizon: self.horizon(), too_long }
            }
            Effect::FindTimes { purpose, date, wanted } => {
                let slots = self.calendar(&purpose).slots(date, self.demand(&purpose));
                Event::TimesFound { purpose, date, slots, wanted }
            }
            Effect::Book { plan, slot, name } => self.book(plan, slot, name),
            Effect::FindVisits { wish, wanted } => {
                let now = self.local();
                let visits = self.visits.iter().filter(|visit| visit.slot.at() > now).cloned().collect();
                Event::VisitsFound { visits, wish, wanted }
            }
            Effect::FindReminded(heard) => {
                let now = self.local();
                let waits = |visit: &&Visit| visit.slot.at() > now && self.reminded.contains(&visit.id);
                let open = |visit: &&Visit| !self.confirmed.contains(&visit.id);
                let nearest = self.visits.iter().filter(waits).find(open);
                let visit = nearest.or_else(|| self.visits.iter().find(waits)).cloned();
                let patient_name = self.patient_name.clone();
                Event::RemindedFound { heard, reminded: visit.map(|visit| Reminded { visit, patient_name }) }
            }
            Effect::ConfirmVisit { visit } => {
                let stands = self.visits.contains(&visit);
                if stands && !self.confirmed.contains(&visit.id) {
                    self.confirmed.push(visit.id);
                }
                Event::VisitConfirmed { visit: stands.then_some(visit) }
            }
            Effect::Move { visit, slot } => self.move_visit(visit, slot),
            Effect::Cancel { visit } => {
                let before = self.visits.len();
                self.visits.retain(|known| known.id != visit.id);
                if self.visits.len() == before {
                    return Some(Event::VisitGone);
                }
                self.confirmed.retain(|known| *known != visit.id);
                self.cancelled += 1;
                Event::VisitCancelled { visit }
            }
            Effect::FindFaq => Event::FaqFound { items: self.questions() },
            Effect::FindAnswer { key } => {
                let found = self.faq.iter().find(|(item, _)| item.key == key);
                Event::AnswerFound { answer: found.map(|(_, answer)| answer.clone()) }
            }
            Effect::CallPerson => {
                let nothing_booked = Calendar::new(
                    self.clinic.timezone,
                    Vec::new(),
                    self.clinic.business_hours.clone(),
                    Vec::new(),
                    Vec::new(),
                );
                let opening = nothing_booked.opening(self.local(), self.horizon());
                Event::PersonCalled { open: opening.open, opens_at: opening.next }
            }
        })
    }

    fn book(&mut self, plan: Plan, slot: Slot, name: Option<String>) -> Event {
        let purpose = Purpose::Book { plan: plan.clone() };
        if !self.calendar(&purpose).fits(slot, self.demand(&purpose)) {
            return self.lost(purpose, slot);
        }
        if name.is_some() {
            self.patient_name.clone_from(&name);
        }
        let id = AppointmentId(numbered_id(0xc, self.booked.len()));
        let (minutes, areas) = (plan.minutes, plan.areas.clone());
        let visit = Visit { id, slot, minutes, service_name: plan.service_name.clone(), areas, version: 1 };
        self.visits.push(visit.clone());
        self.visits.sort_by_key(|visit| visit.slot);
        self.booked.push((slot, plan, name));
        Event::Booked { visit }
    }

    fn move_visit(&mut self, visit: Visit, slot: Slot) -> Event {
        let purpose = Purpose::Move { visit: visit.clone() };
        if !self.visits.iter().any(|known| known.id == visit.id) {
            return Event::VisitGone;
        }
        if !self.calendar(&purpose).fits(slot, self.demand(&purpose)) {
            return self.lost(purpose, slot);
        }
        let moved = Visit { slot, version: visit.version + 1, ..visit };
        self.visits.retain(|known| known.id != moved.id);
        self.visits.push(moved.clone());
        self.visits.sort_by_key(|visit| visit.slot);
        // The reminder was about the time before.
        self.reminded.retain(|known| *known != moved.id);
        self.confirmed.retain(|known| *known != moved.id);
        self.moved += 1;
        Event::Moved { visit: moved }
    }

    fn lost(&self, purpose: Purpose, lost: Slot) -> Event {
        let nearest = self.calendar(&purpose).nearest(lost, self.horizon(), self.demand(&purpose), 3);
        Event::SlotTaken { purpose, lost, nearest }
    }

    fn calendar(&self, purpose: &Purpose) -> Calendar {
        let own = match purpose {
            Purpose::Book { .. } => None,
            Purpose::Move { visit } => Some(visit.id),
        };
        let visits = self.visits.iter().filter(|visit| Some(visit.id) != own).map(|visit| Span {
            start: visit.slot.at(),
            end: visit.slot.at() + TimeDelta::minutes((visit.minutes + BUFFER).into()),
        });
        let busy = self.taken.iter().copied().chain(visits).collect();
        Calendar::new(self.clinic.timezone, Vec::new(), self.clinic.business_hours.clone(), Vec::new(), busy)
    }

    fn demand(&self, purpose: &Purpose) -> Demand {
        let minutes = match purpose {
            Purpose::Book { plan } => plan.minutes,
            Purpose::Move { visit } => visit.minutes,
        };
        Demand { minutes, buffer_minutes: BUFFER, not_before: self.local() }
    }

    fn questions(&self) -> Vec<FaqChoice> {
        self.faq.iter().map(|(item, _)| item.clone()).collect()
    }

    fn local(&self) -> NaiveDateTime {
        local(self.now, self.clinic.timezone)
    }

    pub fn horizon(&self) -> NaiveDate {
        let ahead = u64::try_from(self.clinic.max_days_ahead).expect("days ahead");
        self.local().date().checked_add_days(Days::new(ahead)).expect("a horizon")
    }
}

fn numbered_id(kind: u128, index: usize) -> uuid::Uuid {
    uuid::Uuid::from_u128((kind << 120) | (u128::try_from(index).expect("an index") + 1))
}
