//! Visits. The database itself refuses two at the same time (`appointments_no_overlap`).

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::Db;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::ids::{AppointmentId, ClinicId, ProfessionalId, ServiceId};
use crate::domain::phone::{Address, MatchKey};
use crate::domain::time::Slot;
use crate::error::StoreError;

/// Who the visit is for: enough to find the person or make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// By which the person is found.
    pub match_key: MatchKey,
    /// Canonical digits, if a phone is known.
    pub phone: Option<String>,
    /// Where WhatsApp delivers, if the person wrote.
    pub wa_id: Option<Address>,
    /// WhatsApp's stable id of the chat.
    pub chat_lid: Option<String>,
    /// A name given in the chat or by reception: wins over the one on record.
    pub given_name: Option<String>,
    /// The profile's name: taken only where none is on record.
    pub profile_name: Option<String>,
}

/// A visit to be made.
#[derive(Debug, Clone)]
pub struct NewAppointment {
    /// For whom.
    pub person: Person,
    /// What; must be an active service of the clinic.
    pub service_id: ServiceId,
    /// Who treats; must be of the clinic.
    pub professional_id: Option<ProfessionalId>,
    /// When.
    pub slot: Slot,
    /// Its end, the same day.
    pub end_time: NaiveTime,
    /// The patient's words.
    pub areas: Option<String>,
    /// Reception's words.
    pub notes: Option<String>,
    /// Key and hash of the body: the same again gives the same visit.
    pub idempotency: Option<Idempotency>,
}

/// A key under which a booking is made once, and a hash of what was asked under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique per clinic.
    pub key: String,
    /// Of the request.
    pub hash: String,
}

/// What became of an insert.
#[derive(Debug)]
pub enum Inserted {
    /// It stands.
    Made(Box<Appointment>),
    /// It stood already: the same key and hash.
    Again(Box<Appointment>),
    /// The time is taken.
    SlotTaken,
    /// The key was used for something else.
    KeyReused,
    /// No such clinic, service or professional of it (or not active): which, by the API's field
    /// name (`clinicId`, `serviceId`, `professionalId`).
    Unknown(&'static str),
}

/// A change of a visit: only what is present.
#[derive(Debug, Clone, Default)]
pub struct AppointmentChange {
    /// The version the client saw; a stale one is refused.
    pub version: Option<i32>,
    /// A new time, with the end the visit then has.
    pub slot: Option<(Slot, NaiveTime)>,
    /// A new status.
    pub status: Option<AppointmentStatus>,
    /// Reception's words; `Some(None)` clears.
    pub notes: Option<Option<String>>,
    /// The patient's words; `Some(None)` clears.
    pub areas: Option<Option<String>>,
    /// The patient's name.
    pub patient_name: Option<String>,
}

/// What became of a change.
#[derive(Debug)]
pub enum Changed {
    /// It stands so now (also when nothing differed).
    Done(Box<Appointment>),
    /// No such visit of this clinic.
    NotFound,
    /// The new time is taken; nothing was changed.
    SlotTaken,
    /// The version is stale; here is the visit as it is.
    Stale(Box<Appointment>),
    /// The status cannot follow; here is the visit as it is.
    NotAllowed(Box<Appointment>),
}

/// Which visits to list.
#[derive(Debug, Clone, Default)]
pub struct AppointmentFilter {
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to and including this day.
    pub until: Option<NaiveDate>,
    /// Of this status alone.
    pub status: Option<AppointmentStatus>,
    /// After this one in the order of the list (date, time, id).
    pub after: Option<(NaiveDate, NaiveTime, AppointmentId)>,
    /// At most so many, 1–100.
    pub limit: i64,
}

impl Db {
    /// Books: tenant check, patient and visit in one statement, a second only when nothing was
    /// inserted.
    pub async fn insert_appointment(
        &self,
        _clinic: &ClinicId,
        _new: &NewAppointment,
    ) -> Result<Inserted, StoreError> {
        todo!()
    }

    /// Changes a visit in one statement, under the clinic's lock where it moves. `clinic`: `None`
    /// only for a key that may touch every clinic. A move clears `patient_confirmed_at`; every
    /// change bumps `version`.
    pub async fn change_appointment(
        &self,
        _clinic: Option<&ClinicId>,
        _id: AppointmentId,
        _change: &AppointmentChange,
    ) -> Result<Changed, StoreError> {
        todo!()
    }

    /// A visit. `clinic` as above.
    pub async fn find_appointment(
        &self,
        _clinic: Option<&ClinicId>,
        _id: AppointmentId,
    ) -> Result<Option<Appointment>, StoreError> {
        todo!()
    }

    /// Visits by date, time, id; `None`: no such clinic.
    pub async fn list_appointments(
        &self,
        _clinic: &ClinicId,
        _filter: &AppointmentFilter,
    ) -> Result<Option<Vec<Appointment>>, StoreError> {
        todo!()
    }

    /// A person's CONFIRMED visits that start after `local_now`, by start.
    pub async fn list_future_visits(
        &self,
        _clinic: &ClinicId,
        _person: &MatchKey,
        _local_now: chrono::NaiveDateTime,
    ) -> Result<Vec<Appointment>, StoreError> {
        todo!()
    }

    /// The patient will come: sets the mark once.
    pub async fn confirm_by_patient(
        &self,
        _clinic: &ClinicId,
        _id: AppointmentId,
        _at: DateTime<Utc>,
    ) -> Result<Changed, StoreError> {
        todo!()
    }
}
