//! What a conversation asks of the world, and how the world answers.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::UnboundedSender;

use super::Chats;
use super::holder::Holder;
use crate::adapters::postgres::appointments::{Idempotency, Person};
use crate::adapters::postgres::profiles::ClinicProfile;
use crate::app::appointments::{self, AppointmentError, Booking, By, Change};
use crate::app::availability;
use crate::conversation::event::{Effect, Event, Heard, ServicesFor};
use crate::conversation::state::{FaqChoice, Plan, Purpose, ServiceChoice, Visit};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::Clinic;
use crate::domain::ids::AppointmentId;
use crate::domain::message::IncomingMessage;
use crate::domain::time::{Slot, local};
use crate::error::StoreError;
use crate::points;

impl Holder<'_> {
    /// The person who wrote, as the patients' table knows persons.
    pub(super) fn person(&self, message: &IncomingMessage) -> Person {
        let key = &self.session.key.person;
        let known = self.session.notes.known.as_ref();
        let phone = (!key.0.contains('@')).then(|| key.0.clone());
        Person {
            match_key: key.clone(),
            phone,
            wa_id: Some(message.address.clone()),
            chat_lid: message.chat_lid.clone().or_else(|| known.and_then(|known| known.chat_lid.clone())),
            given_name: None,
            profile_name: message.profile_name.clone(),
        }
    }
}

/// The world as one turn of one person sees it.
pub(super) struct World<'a> {
    pub(super) chats: &'a Chats,
    profile: &'a ClinicProfile,
    pub(super) person: &'a Person,
    /// The message that is worked on: a booking is made once for it.
    message_key: &'a str,
    /// When it came, however often it is run.
    pub(super) received_at: DateTime<Utc>,
    now: DateTime<Utc>,
    /// The patients' table was asked about the person, and told what it did not know.
    told: AtomicBool,
    /// Where visits go that were booked or changed: their reminders follow beside the turn.
    changed: &'a UnboundedSender<Appointment>,
}

impl<'a> World<'a> {
    pub(super) fn new(
        chats: &'a Chats,
        profile: &'a ClinicProfile,
        person: &'a Person,
        message_key: &'a str,
        received_at: DateTime<Utc>,
        changed: &'a UnboundedSender<Appointment>,
    ) -> Self {
        let (now, told) = (chats.clock.now(), AtomicBool::new(false));
        Self { chats, profile, person, message_key, received_at, now, told, changed }
    }

    /// A visit was committed.
    fn committed(&self, visit: &Appointment) {
        points::reach("visit_committed");
        // Nobody listens where the holder is about to end: the Reconciler looks after it.
        let _ = self.changed.send(visit.clone());
    }

    /// Whether the patients' table knows where the person writes from.
    pub(super) fn has_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    pub(super) fn clinic(&self) -> &Clinic {
        &self.profile.clinic
    }

    pub(super) fn local_now(&self) -> NaiveDateTime {
        local(self.now, self.clinic().timezone)
    }

    fn horizon(&self) -> chrono::NaiveDate {
        self.local_now().date() + TimeDelta::days(i64::from(self.clinic().max_days_ahead))
    }

    /// Who wrote, and the questions of the clinic. An address that changed is remembered with it.
    async fn recognise(&self, heard: Heard) -> Result<Event, StoreError> {
        let db = &self.chats.db;
        let (id, person) = (&self.clinic().id, self.person);
        let (patient, faq) = db.recognise(id, &person.match_key).await?;
        if let Some(patient) = &patient {
            let lid_is_new = person.chat_lid.is_some() && person.chat_lid != patient.chat_lid;
            if person.wa_id != patient.wa_id || lid_is_new {
                db.remember_address(id, person).await?;
            }
        }
        self.told.store(true, Ordering::Relaxed);
        Ok(Event::Recognised {
            heard,
            known: patient.is_some(),
            patient_name: patient.and_then(|patient| patient.name),
            faq: faq
                .into_iter()
                .map(|item| FaqChoice { key: item.question_key, label: item.question_label })
                .collect(),
        })
    }

    /// Does what is asked; the answer, if it has one.
    pub(super) async fn perform(&self, effect: Effect) -> Result<Option<Event>, StoreError> {
        Ok(Some(match effect {
            Effect::Say(_) => return Ok(None),
            Effect::SetOptOut { out } => {
                let at = out.then_some(self.now);
                let patient_name = self.chats.db.set_opt_out(&self.clinic().id, self.person, at).await?;
                Event::OptOutSet { out, patient_name }
            }
            Effect::Recognise(heard) => self.recognise(heard).await?,
            Effect::FindServices(wanted) => self.find_services(wanted).await?,
            Effect::FindDays { purpose, from, until } => {
                let (minutes, own) = demand(&purpose);
                let db = &self.chats.db;
                let found =
                    availability::get_available_days(db, self.clinic(), from, until, minutes, own, self.now)
                        .await?;
                let horizon = self.horizon();
                Event::DaysFound { purpose, from, until, days: found.days, horizon, too_long: found.too_long }
            }
            Effect::FindTimes { purpose, date, wanted } => {
                let (minutes, own) = demand(&purpose);
                let db = &self.chats.db;
                let slots =
                    availability::get_available_slots(db, self.clinic(), date, minutes, own, self.now)
                        .await?;
                Event::TimesFound { purpose, date, slots, wanted }
            }
            Effect::Book { plan, slot, name } => self.book(plan, slot, name).await?,
            Effect::FindVisits { wish, wanted } => {
                let (id, key) = (&self.clinic().id, &self.person.match_key);
                let visits = self.chats.db.list_future_visits(id, key, self.local_now()).await?;
                Event::VisitsFound { visits: visits.iter().map(visit).collect(), wish, wanted }
            }
            Effect::FindReminded(heard) => self.find_reminded(heard).await?,
            Effect::ConfirmVisit { visit } => self.confirm(visit).await?,
            Effect::Move { visit, slot } => self.move_visit(visit, slot).await?,
            Effect::Cancel { visit } => self.cancel(visit).await?,
            Effect::FindFaq => {
                let items = self.chats.db.list_faq(&self.clinic().id).await?;
                let choice = |item: crate::adapters::postgres::faq::FaqItem| FaqChoice {
                    key: item.question_key,
                    label: item.question_label,
                };
                Event::FaqFound { items: items.into_iter().map(choice).collect() }
            }
            Effect::FindAnswer { key } => {
                let found = self.chats.db.find_faq(&self.clinic().id, &key).await?;
                Event::AnswerFound { answer: found.map(|item| item.answer) }
            }
            Effect::CallPerson => self.call_person().await?,
        }))
    }

    async fn find_services(&self, wanted: ServicesFor) -> Result<Event, StoreError> {
        let services = self.chats.db.list_services(&self.clinic().id).await?;
        let services = services.ok_or_else(|| StoreError::internal("list services", "the clinic is gone"))?;
        let choice = |service: crate::domain::service::Service| ServiceChoice {
            id: service.id,
            name: service.name,
            minutes: service.duration_minutes,
            price_cents: service.price_cents,
        };
        Ok(Event::ServicesFound { services: services.into_iter().map(choice).collect(), wanted })
    }

    async fn book(&self, plan: Plan, slot: Slot, name: Option<String>) -> Result<Event, StoreError> {
        let mut person = self.person.clone();
        person.given_name = name;
        let booking = Booking {
            person,
            service_id: plan.service,
            professional_id: None,
            slot,
            minutes: Some(plan.minutes),
            areas: plan.areas.clone(),
            notes: None,
            idempotency: Some(self.idempotency(&plan, slot)),
        };
        let booked = appointments::book(&self.chats.db, self.clinic(), &booking, By::Patient, self.now).await;
        match booked {
            Ok(appointment) => {
                self.committed(&appointment);
                Ok(Event::Booked { visit: visit(&appointment) })
            }
            // The service is no longer sold: which of the others?
            Err(AppointmentError::Unknown(_)) => self.find_services(ServicesFor::Choosing).await,
            Err(error) => self.lost(error, Purpose::Book { plan }, slot).await,
        }
    }

    async fn move_visit(&self, visit_now: Visit, slot: Slot) -> Result<Event, StoreError> {
        let change = Change { version: Some(visit_now.version), slot: Some(slot), ..Change::default() };
        match self.change(&visit_now, &change).await {
            Ok(moved) => {
                self.committed(&moved);
                Ok(Event::Moved { visit: visit(&moved) })
            }
            Err(AppointmentError::NotFound | AppointmentError::NotAllowed) => Ok(Event::VisitGone),
            Err(AppointmentError::Stale) => {
                // Run again after a crash, the move stands already.
                let stands = |now: &Appointment| {
                    now.status == AppointmentStatus::Confirmed && at(now) == slot && at(now) != visit_now.slot
                };
                Ok(self
                    .look_again(visit_now.id)
                    .await?
                    .filter(stands)
                    .map_or(Event::VisitGone, |now| Event::Moved { visit: visit(&now) }))
            }
            Err(error) => self.lost(error, Purpose::Move { visit: visit_now }, slot).await,
        }
    }

    async fn cancel(&self, visit_now: Visit) -> Result<Event, StoreError> {
        let change = Change {
            version: Some(visit_now.version),
            status: Some(AppointmentStatus::Cancelled),
            ..Change::default()
        };
        match self.change(&visit_now, &change).await {
            Ok(cancelled) => {
                self.committed(&cancelled);
                Ok(Event::VisitCancelled { visit: visit_now })
            }
            Err(AppointmentError::Stale) => {
                let cancelled = |now: &Appointment| now.status == AppointmentStatus::Cancelled;
                let now = self.look_again(visit_now.id).await?;
                Ok(if now.is_some_and(|now| cancelled(&now)) {
                    Event::VisitCancelled { visit: visit_now }
                } else {
                    Event::VisitGone
                })
            }
            Err(AppointmentError::Store(error)) => Err(error),
            Err(_) => Ok(Event::VisitGone),
        }
    }

    async fn change(&self, visit: &Visit, change: &Change) -> Result<Appointment, AppointmentError> {
        let clinic = Some(&self.clinic().id);
        appointments::change(&self.chats.db, clinic, visit.id, change, By::Patient, self.now).await
    }

    async fn look_again(&self, id: AppointmentId) -> Result<Option<Appointment>, StoreError> {
        self.chats.db.find_appointment(Some(&self.clinic().id), id).await
    }

    /// The slot is not to be had: what is near it?
    async fn lost(&self, error: AppointmentError, purpose: Purpose, lost: Slot) -> Result<Event, StoreError> {
        match error {
            AppointmentError::Store(error) => return Err(error),
            AppointmentError::SlotTaken
            | AppointmentError::NotOffered
            | AppointmentError::InThePast
            | AppointmentError::PastMidnight => {}
            other => return Err(StoreError::internal("book or move a visit", other)),
        }
        let (minutes, own) = demand(&purpose);
        let db = &self.chats.db;
        let nearest =
            availability::get_nearest_slots(db, self.clinic(), lost, minutes, own, self.now).await?;
        Ok(Event::SlotTaken { purpose, lost, nearest })
    }

    async fn call_person(&self) -> Result<Event, StoreError> {
        let clinic = self.clinic();
        let (now, horizon) = (self.local_now(), self.horizon());
        let calendar = self.chats.db.find_calendar(&clinic.id, now.date(), horizon, None).await?;
        let calendar =
            calendar.ok_or_else(|| StoreError::internal("read opening hours", "the clinic is gone"))?;
        let opening = calendar.opening(now, horizon);
        Ok(Event::PersonCalled { open: opening.open, opens_at: opening.next })
    }

    fn idempotency(&self, plan: &Plan, slot: Slot) -> Idempotency {
        let asked = format!("{}|{}|{}|{:?}", plan.service, slot.at(), plan.minutes, plan.areas);
        let hash = Sha256::digest(asked.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Idempotency { key: format!("chat:{}", self.message_key), hash }
    }
}

/// Length of the visit that is looked for, and the visit whose own time counts as free.
fn demand(purpose: &Purpose) -> (i32, Option<AppointmentId>) {
    match purpose {
        Purpose::Book { plan } => (plan.minutes, None),
        Purpose::Move { visit } => (visit.minutes, Some(visit.id)),
    }
}

pub(super) fn at(appointment: &Appointment) -> Slot {
    Slot { date: appointment.appointment_date, time: appointment.start_time }
}

pub(super) fn visit(appointment: &Appointment) -> Visit {
    let minutes = (appointment.end_time - appointment.start_time).num_minutes();
    Visit {
        id: appointment.id,
        slot: at(appointment),
        minutes: i32::try_from(minutes).unwrap_or_default(),
        service_name: appointment.service_name.clone(),
        areas: appointment.areas.clone(),
        version: appointment.version,
    }
}
