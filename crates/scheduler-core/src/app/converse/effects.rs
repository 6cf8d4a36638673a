//! Runs the effects of a conversation and returns their results as events.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, NaiveDateTime, Utc};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::UnboundedSender;

use super::batch::MessageBatch;
use super::worker::ChatWorker;
use crate::app::appointments::{self, Actor, AppointmentError};
use crate::app::availability::{self, get_calendar};
use crate::app::chats::Chats;
use crate::conversation::machine::event::{Effect, Event, PatientMessage, ServicesFor};
use crate::conversation::machine::state::{
    AppointmentSummary, BookingPlan, FaqChoice, Purpose, ServiceChoice,
};
use crate::digest::sha256_hex;
use crate::domain::appointment::{Appointment, AppointmentChange, AppointmentStatus, Booking, Idempotency};
use crate::domain::clinic::Clinic;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::AppointmentId;
use crate::domain::message::IncomingMessage;
use crate::domain::patient::{Patient, Person};
use crate::domain::time::{Slot, wall_clock_at};
use crate::error::StoreError;
use crate::failpoints;

impl ChatWorker<'_> {
    /// The sender of a message, as the patients table stores people.
    pub(super) fn person(&self, message: &IncomingMessage) -> Person {
        let key = &self.session.key.person;
        let phone = (!key.0.contains('@')).then(|| key.0.clone());
        Person {
            match_key: key.clone(),
            phone,
            wa_id: Some(message.address.clone()),
            chat_lid: self.sender_lid(message),
            stated_name: None,
            profile_name: message.profile_name.clone(),
        }
    }
}

/// Runs the effects of one turn.
pub(super) struct EffectRunner<'a> {
    pub(super) chats: &'a Chats,
    profile: &'a ClinicProfile,
    pub(super) person: &'a Person,
    /// The messages that are worked on. With the person their key is the idempotency key of a booking.
    pub(super) batch: &'a MessageBatch,
    now: DateTime<Utc>,
    /// Whether the person's address needs no saving: the patients table has it, or has no such patient.
    pub(super) address_saved: AtomicBool,
    /// Whether the phone's record is known to have the person's lid, or the person to have none.
    pub(super) is_known: bool,
    /// The phone's patient, if that is somebody else; set when it is first asked for.
    pub(super) other_owner: OnceCell<Option<Patient>>,
    /// Whether the person has shown in this turn that the phone's record is theirs.
    pub(super) verified: AtomicBool,
    /// Receives booked and changed appointments; their reminders are projected in parallel with the turn.
    changed: &'a UnboundedSender<Appointment>,
}

impl<'a> EffectRunner<'a> {
    pub(super) fn new(
        chats: &'a Chats,
        profile: &'a ClinicProfile,
        person: &'a Person,
        batch: &'a MessageBatch,
        is_known: bool,
        changed: &'a UnboundedSender<Appointment>,
    ) -> Self {
        Self {
            chats,
            profile,
            person,
            batch,
            now: chats.clock.now(),
            address_saved: AtomicBool::new(false),
            is_known,
            other_owner: OnceCell::new(),
            verified: AtomicBool::new(false),
            changed,
        }
    }

    /// Passes a committed appointment on to the projection of its reminder.
    fn appointment_committed(&self, appointment: &Appointment) {
        failpoints::hit("visit_committed");
        // If the receiver is gone, the Reconciler projects the reminder.
        let _ = self.changed.send(appointment.clone());
    }

    /// Whether the person's address needs no saving: the patients table has it, or has no such patient.
    pub(super) fn has_saved_address(&self) -> bool {
        self.address_saved.load(Ordering::Relaxed)
    }

    pub(super) fn clinic(&self) -> &Clinic {
        &self.profile.clinic
    }

    pub(super) fn local_now(&self) -> NaiveDateTime {
        wall_clock_at(self.now, self.clinic().timezone)
    }

    /// Loads the patient and the clinic's FAQ. Saves the patient's address if it changed.
    async fn identify_patient(&self, message: PatientMessage) -> Result<Event, StoreError> {
        let db = &self.chats.db;
        let (id, person) = (&self.clinic().id, self.person);
        let (mut patient, faq) = db.identify_patient(id, &person.match_key).await?;
        if self.note_owner(patient.as_ref()) {
            patient = self.find_own_record().await?;
        } else {
            if let Some(patient) = &patient {
                let lid_is_new = person.chat_lid.is_some() && person.chat_lid != patient.chat_lid;
                if person.wa_id != patient.wa_id || lid_is_new {
                    db.save_address(id, person).await?;
                }
            }
            self.address_saved.store(true, Ordering::Relaxed);
        }
        Ok(Event::PatientIdentified {
            message,
            known: patient.is_some(),
            patient_name: patient.and_then(|patient| patient.name),
            faq: faq.into_iter().map(FaqChoice::from).collect(),
        })
    }

    /// Runs an effect. Returns its result, if it has one.
    pub(super) async fn perform(&self, effect: Effect) -> Result<Option<Event>, StoreError> {
        Ok(Some(match effect {
            Effect::Say(_) => return Ok(None),
            Effect::SetOptOut { out } => {
                let patient_name = self.set_opt_out(out.then_some(self.now)).await?;
                Event::OptOutSet { out, patient_name }
            }
            Effect::IdentifyPatient(message) => self.identify_patient(message).await?,
            Effect::FindServices(wanted) => self.find_services(wanted).await?,
            Effect::FindDays { purpose, from, until } => {
                let (minutes, exclude) = search_parameters(&purpose);
                let db = &self.chats.db;
                let found = availability::get_available_days(
                    db,
                    self.clinic(),
                    from,
                    until,
                    minutes,
                    exclude,
                    self.now,
                )
                .await?;
                let horizon = self.clinic().last_bookable_day(self.now);
                Event::DaysFound { purpose, from, until, days: found.days, horizon, too_long: found.too_long }
            }
            Effect::FindTimes { purpose, date, wanted } => {
                let (minutes, exclude) = search_parameters(&purpose);
                let db = &self.chats.db;
                let slots =
                    availability::get_available_slots(db, self.clinic(), date, minutes, exclude, self.now)
                        .await?;
                Event::TimesFound { purpose, date, slots, wanted }
            }
            Effect::Book { plan, slot, name, may_verify } => {
                let person = self.person_who_books(name, may_verify).await?;
                self.book(plan, slot, person).await?
            }
            Effect::FindAppointments { intent, wanted } => self.find_appointments(intent, wanted).await?,
            Effect::CheckName { name, wish } => self.check_name(&name, wish).await?,
            Effect::FindReminder(message) => self.find_reminder(message).await?,
            Effect::ConfirmAppointment { appointment } => self.confirm(appointment).await?,
            Effect::Move { appointment, slot } => self.move_appointment(appointment, slot).await?,
            Effect::Cancel { appointment } => self.cancel(appointment).await?,
            Effect::FindFaq => {
                let items = self.chats.db.list_faq(&self.clinic().id).await?;
                let items = items.ok_or_else(|| {
                    StoreError::internal("list the questions", "the clinic no longer exists")
                })?;
                Event::FaqFound { items: items.into_iter().map(FaqChoice::from).collect() }
            }
            Effect::FindAnswer { key } => {
                let found = self.chats.db.find_faq(&self.clinic().id, &key).await?;
                Event::AnswerFound { answer: found.map(|item| item.answer) }
            }
            Effect::FindOpening => self.find_opening().await?,
        }))
    }

    async fn find_services(&self, wanted: ServicesFor) -> Result<Event, StoreError> {
        let services = self.chats.db.list_services(&self.clinic().id).await?;
        let services = services
            .ok_or_else(|| StoreError::internal("list the services", "the clinic no longer exists"))?;
        Ok(Event::ServicesFound { services: services.into_iter().map(ServiceChoice::from).collect(), wanted })
    }

    async fn book(&self, plan: BookingPlan, slot: Slot, person: Person) -> Result<Event, StoreError> {
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
        let booked =
            appointments::book(&self.chats.db, self.clinic(), &booking, Actor::Patient, self.now).await;
        match booked {
            Ok(appointment) => {
                self.appointment_committed(&appointment);
                Ok(Event::Booked { appointment: AppointmentSummary::from(&appointment) })
            }
            // The service is no longer offered: ask for another one.
            Err(AppointmentError::Missing(_)) => self.find_services(ServicesFor::Choosing).await,
            Err(error) => self.find_nearest_times(error, Purpose::Book { plan }, slot).await,
        }
    }

    async fn move_appointment(&self, current: AppointmentSummary, slot: Slot) -> Result<Event, StoreError> {
        let change = AppointmentChange {
            version: Some(current.version),
            slot: Some(slot),
            ..AppointmentChange::default()
        };
        match self.change(&current, &change).await {
            Ok(moved) => {
                self.appointment_committed(&moved);
                Ok(Event::Moved { appointment: AppointmentSummary::from(&moved) })
            }
            Err(AppointmentError::NotFound | AppointmentError::NotAllowed) => Ok(Event::AppointmentGone),
            Err(AppointmentError::Stale) => {
                // If the message is run again after a crash, the move may already be in effect.
                let already_moved = |now: &Appointment| {
                    now.status == AppointmentStatus::Confirmed
                        && now.slot() == slot
                        && now.slot() != current.slot
                };
                Ok(self
                    .reload(current.id)
                    .await?
                    .filter(already_moved)
                    .map_or(Event::AppointmentGone, |now| Event::Moved {
                        appointment: AppointmentSummary::from(&now),
                    }))
            }
            Err(error) => self.find_nearest_times(error, Purpose::Move { appointment: current }, slot).await,
        }
    }

    async fn cancel(&self, current: AppointmentSummary) -> Result<Event, StoreError> {
        let change = AppointmentChange {
            version: Some(current.version),
            status: Some(AppointmentStatus::Cancelled),
            ..AppointmentChange::default()
        };
        match self.change(&current, &change).await {
            Ok(cancelled) => {
                self.appointment_committed(&cancelled);
                Ok(Event::AppointmentCancelled { appointment: current })
            }
            Err(AppointmentError::Stale) => {
                let cancelled = |now: &Appointment| now.status == AppointmentStatus::Cancelled;
                let now = self.reload(current.id).await?;
                Ok(if now.is_some_and(|now| cancelled(&now)) {
                    Event::AppointmentCancelled { appointment: current }
                } else {
                    Event::AppointmentGone
                })
            }
            Err(AppointmentError::Store(error)) => Err(error),
            Err(_) => Ok(Event::AppointmentGone),
        }
    }

    async fn change(
        &self,
        appointment: &AppointmentSummary,
        change: &AppointmentChange,
    ) -> Result<Appointment, AppointmentError> {
        let clinic = Some(&self.clinic().id);
        appointments::change(&self.chats.db, clinic, appointment.id, change, Actor::Patient, self.now).await
    }

    async fn reload(&self, id: AppointmentId) -> Result<Option<Appointment>, StoreError> {
        self.chats.db.find_appointment(Some(&self.clinic().id), id).await
    }

    /// Finds the nearest free times if a slot is not available; other errors are passed on.
    async fn find_nearest_times(
        &self,
        error: AppointmentError,
        purpose: Purpose,
        lost: Slot,
    ) -> Result<Event, StoreError> {
        match error {
            AppointmentError::Store(error) => return Err(error),
            AppointmentError::SlotTaken
            | AppointmentError::NotOffered
            | AppointmentError::InThePast
            | AppointmentError::PastMidnight => {}
            other => return Err(StoreError::internal("book or move an appointment", other)),
        }
        let (minutes, exclude) = search_parameters(&purpose);
        let db = &self.chats.db;
        let nearest =
            availability::get_nearest_slots(db, self.clinic(), lost, minutes, exclude, self.now).await?;
        Ok(Event::SlotTaken { purpose, lost, nearest })
    }

    async fn find_opening(&self) -> Result<Event, StoreError> {
        let clinic = self.clinic();
        let (now, horizon) = (self.local_now(), self.clinic().last_bookable_day(self.now));
        let calendar = get_calendar(&self.chats.db, clinic, now.date(), horizon, None).await?;
        let opening = calendar.opening(now, horizon);
        Ok(Event::OpeningFound { open: opening.open, opens_at: opening.next })
    }

    fn idempotency(&self, plan: &BookingPlan, slot: Slot) -> Idempotency {
        let request = format!("{}|{}|{}|{:?}", plan.service, slot.at(), plan.minutes, plan.areas);
        Idempotency {
            key: format!("chat:{}:{}", self.person.match_key, self.batch.key()),
            former_key: Some(format!("chat:{}", self.batch.key())),
            hash: sha256_hex(request),
        }
    }
}

/// Length in minutes of the slots that are searched, and the appointment whose current time counts as free.
fn search_parameters(purpose: &Purpose) -> (i32, Option<AppointmentId>) {
    match purpose {
        Purpose::Book { plan } => (plan.minutes, None),
        Purpose::Move { appointment } => (appointment.minutes, Some(appointment.id)),
    }
}
