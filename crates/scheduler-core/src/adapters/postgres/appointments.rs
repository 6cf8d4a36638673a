//! Visits. The database itself refuses two at the same time (`appointments_no_overlap`).

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use uuid::Uuid;

use super::Db;
use super::connection::{Failure, constraint, failed, is_race, run};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::ids::{AppointmentId, ClinicId, PatientId, ProfessionalId, ServiceId};
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
    /// Length in minutes where it differs from the service's.
    pub minutes: Option<i32>,
    /// The patient's words.
    pub areas: Option<String>,
    /// Reception's words.
    pub notes: Option<String>,
    /// Key and hash of the body: the same again gives the same visit.
    pub idempotency: Option<Idempotency>,
    /// When it is asked for.
    pub asked_at: DateTime<Utc>,
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
    /// It would end after its day.
    PastMidnight,
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
    /// A new time; the visit keeps its length.
    pub slot: Option<Slot>,
    /// A new status.
    pub status: Option<AppointmentStatus>,
    /// Reception's words; `Some(None)` clears.
    pub notes: Option<Option<String>>,
    /// The patient's words; `Some(None)` clears.
    pub areas: Option<Option<String>>,
    /// The patient's name.
    pub patient_name: Option<String>,
    /// When it is asked for.
    pub asked_at: DateTime<Utc>,
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
    /// The status cannot follow, or a visit that is not CONFIRMED cannot move; here it is.
    NotAllowed(Box<Appointment>),
    /// It would end after its day.
    PastMidnight,
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
    /// At most so many.
    pub limit: i64,
}

/// How often a statement that met another one is tried again.
const RACES: usize = 3;

impl Db {
    /// Books: tenant check, patient and visit in one statement, a second only when nothing was
    /// inserted. The patient is made, or takes the given name, only where the visit is made.
    pub async fn insert_appointment(
        &self,
        clinic: &ClinicId,
        new: &NewAppointment,
    ) -> Result<Inserted, StoreError> {
        const DOING: &str = "book an appointment";
        let mut races = 0;
        let row = loop {
            match self.insert_once(clinic, new).await? {
                Ok(row) => break row,
                // Two first bookings of one person at once: the other one has made the patient.
                Err(failure)
                    if races < RACES
                        && (is_race(&failure)
                            || constraint(&failure) == Some("appointments_patient_fkey")) =>
                {
                    races += 1;
                }
                Err(failure) if constraint(&failure) == Some("appointments_times_check") => {
                    return Ok(Inserted::PastMidnight);
                }
                Err(failure) => return Err(failed(DOING, failure)),
            }
        };
        match row {
            Some(row) => Ok(Inserted::Made(Box::new(row.try_into()?))),
            None => self.why_not_inserted(clinic, new).await,
        }
    }

    /// The visit that was made under the same key and hash, if one was.
    pub async fn find_booked(
        &self,
        clinic: &ClinicId,
        new: &NewAppointment,
    ) -> Result<Option<Appointment>, StoreError> {
        if new.idempotency.is_none() {
            return Ok(None);
        }
        match self.why_not_inserted(clinic, new).await? {
            Inserted::Again(visit) => Ok(Some(*visit)),
            _ => Ok(None),
        }
    }

    /// Changes a visit in one statement, under the clinic's lock where it moves (without it, moves
    /// into one another's slots end in deadlocks). A move clears `patient_confirmed_at`; every
    /// change bumps `version`. `clinic`: `None` only for a key that may touch every clinic.
    pub async fn change_appointment(
        &self,
        clinic: Option<&ClinicId>,
        id: AppointmentId,
        change: &AppointmentChange,
    ) -> Result<Changed, StoreError> {
        const DOING: &str = "change an appointment";
        let mut races = 0;
        let row = loop {
            match self.change_once(clinic, id, change).await? {
                Ok(row) => break row,
                Err(failure) if is_race(&failure) && races < RACES => races += 1,
                Err(failure) => {
                    return match constraint(&failure) {
                        Some("appointments_no_overlap") => Ok(Changed::SlotTaken),
                        Some("appointments_times_check") => Ok(Changed::PastMidnight),
                        _ => Err(failed(DOING, failure)),
                    };
                }
            }
        };
        if let Some(row) = row {
            return Ok(Changed::Done(Box::new(row.try_into()?)));
        }
        let Some(visit) = self.find_appointment(clinic, id).await? else { return Ok(Changed::NotFound) };
        let visit = Box::new(visit);
        Ok(if stands_already(&visit, change) {
            Changed::Done(visit)
        } else if change.version.is_some_and(|version| version != visit.version) {
            Changed::Stale(visit)
        } else {
            Changed::NotAllowed(visit)
        })
    }

    /// A visit. `clinic`: `None` only for a key that may touch every clinic.
    pub async fn find_appointment(
        &self,
        clinic: Option<&ClinicId>,
        id: AppointmentId,
    ) -> Result<Option<Appointment>, StoreError> {
        const DOING: &str = "find an appointment";
        let row = run!(self, DOING, again, |connection| sqlx::query_file_as!(
            AppointmentRow,
            "src/adapters/postgres/find_appointment.sql",
            id.0,
            clinic.map(ClinicId::as_str),
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))?;
        row.map(Appointment::try_from).transpose()
    }

    /// Visits by date, time, id; `None`: no such clinic.
    pub async fn list_appointments(
        &self,
        clinic: &ClinicId,
        filter: &AppointmentFilter,
    ) -> Result<Option<Vec<Appointment>>, StoreError> {
        const DOING: &str = "list appointments";
        let (after_date, after_time, after_id) = match filter.after {
            Some((date, time, id)) => (Some(date), Some(time), Some(id.0)),
            None => (None, None, None),
        };
        let rows = run!(self, DOING, again, |connection| sqlx::query_file_as!(
            AppointmentRow,
            "src/adapters/postgres/list_appointments.sql",
            clinic.as_str(),
            filter.from,
            filter.until,
            filter.status.map(AppointmentStatus::as_str),
            after_date,
            after_time,
            after_id,
            filter.limit,
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))?;
        if rows.is_empty() && self.find_clinic(clinic).await?.is_none() {
            return Ok(None);
        }
        rows.into_iter().map(Appointment::try_from).collect::<Result<_, _>>().map(Some)
    }

    /// A person's CONFIRMED visits that start at `local_now` or later, by start.
    pub async fn list_future_visits(
        &self,
        clinic: &ClinicId,
        person: &MatchKey,
        local_now: NaiveDateTime,
    ) -> Result<Vec<Appointment>, StoreError> {
        const DOING: &str = "list a patient's visits";
        let rows = run!(self, DOING, again, |connection| sqlx::query_file_as!(
            AppointmentRow,
            "src/adapters/postgres/list_future_visits.sql",
            clinic.as_str(),
            person.0,
            local_now,
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))?;
        rows.into_iter().map(Appointment::try_from).collect()
    }

    async fn insert_once(
        &self,
        clinic: &ClinicId,
        new: &NewAppointment,
    ) -> Result<Result<Option<AppointmentRow>, Failure>, StoreError> {
        let person = &new.person;
        let idempotency = new.idempotency.as_ref();
        let tries = if idempotency.is_some() { 2 } else { 1 };
        Ok(run!(@tries tries, self, "book an appointment", |connection| sqlx::query_file_as!(
            AppointmentRow,
            "src/adapters/postgres/insert_appointment.sql",
            clinic.as_str(),
            new.service_id.0,
            new.professional_id.map(|id| id.0),
            person.match_key.0,
            person.phone,
            person.wa_id.as_ref().map(|address| address.0.as_str()),
            person.chat_lid,
            person.given_name,
            person.profile_name,
            new.slot.date,
            new.slot.time,
            new.minutes,
            new.areas,
            new.notes,
            idempotency.map(|idempotency| idempotency.key.as_str()),
            idempotency.map(|idempotency| idempotency.hash.as_str()),
            Uuid::new_v4(),
            new.asked_at,
        )
        .fetch_optional(connection)))
    }

    async fn change_once(
        &self,
        clinic: Option<&ClinicId>,
        id: AppointmentId,
        change: &AppointmentChange,
    ) -> Result<Result<Option<AppointmentRow>, Failure>, StoreError> {
        let clears = |field: &Option<Option<String>>| matches!(field, Some(None));
        Ok(run!(self, "change an appointment", |connection| sqlx::query_file_as!(
            AppointmentRow,
            "src/adapters/postgres/change_appointment.sql",
            id.0,
            clinic.map(ClinicId::as_str),
            change.version,
            change.slot.map(|slot| slot.date),
            change.slot.map(|slot| slot.time),
            change.status.map(AppointmentStatus::as_str),
            change.notes.clone().flatten(),
            clears(&change.notes),
            change.areas.clone().flatten(),
            clears(&change.areas),
            change.patient_name,
            change.asked_at,
        )
        .fetch_optional(connection)))
    }

    /// Nothing was inserted: a repeat, a key used for something else, something unknown, or else
    /// the time is taken.
    async fn why_not_inserted(
        &self,
        clinic: &ClinicId,
        new: &NewAppointment,
    ) -> Result<Inserted, StoreError> {
        const DOING: &str = "find out why a booking failed";
        let why = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select
                exists (select from scheduler.clinics where clinic_id = $1 and active) as "clinic!",
                exists (
                    select from scheduler.services where clinic_id = $1 and id = $2 and active
                ) as "service!",
                $3::uuid is null or exists (
                    select from scheduler.professionals where clinic_id = $1 and id = $3 and active
                ) as "professional!",
                (select id from scheduler.appointments where clinic_id = $1 and idempotency_key = $4)
                    as "earlier?",
                (select idempotency_hash from scheduler.appointments
                    where clinic_id = $1 and idempotency_key = $4) as "hash?""#,
            clinic.as_str(),
            new.service_id.0,
            new.professional_id.map(|id| id.0),
            new.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()),
        )
        .fetch_one(connection))
        .map_err(|failure| failed(DOING, failure))?;
        if let Some((earlier, idempotency)) = why.earlier.zip(new.idempotency.as_ref()) {
            if why.hash.as_deref() != Some(idempotency.hash.as_str()) {
                return Ok(Inserted::KeyReused);
            }
            let visit = self.find_appointment(Some(clinic), earlier.into()).await?;
            let visit = visit.ok_or_else(|| StoreError::internal(DOING, "a visit vanished"))?;
            return Ok(Inserted::Again(Box::new(visit)));
        }
        Ok(match (why.clinic, why.service, why.professional) {
            (false, ..) => Inserted::Unknown("clinicId"),
            (_, false, _) => Inserted::Unknown("serviceId"),
            (_, _, false) => Inserted::Unknown("professionalId"),
            _ => Inserted::SlotTaken,
        })
    }
}

/// Whether the visit is already as it was to become: a repeat, not a conflict.
fn stands_already(visit: &Appointment, change: &AppointmentChange) -> bool {
    change.slot.is_none_or(|slot| (slot.date, slot.time) == (visit.appointment_date, visit.start_time))
        && change.status.is_none_or(|status| status == visit.status)
        && change.notes.as_ref().is_none_or(|notes| *notes == visit.notes)
        && change.areas.as_ref().is_none_or(|areas| *areas == visit.areas)
        && change.patient_name.as_ref().is_none_or(|name| Some(name) == visit.patient_name.as_ref())
        && (change.slot.is_none() || visit.status == AppointmentStatus::Confirmed)
}

struct AppointmentRow {
    id: AppointmentId,
    clinic_id: ClinicId,
    patient_id: PatientId,
    professional_id: Option<Uuid>,
    service_id: ServiceId,
    appointment_date: NaiveDate,
    start_time: NaiveTime,
    end_time: NaiveTime,
    buffer_minutes: i32,
    areas: Option<String>,
    status: String,
    notes: Option<String>,
    patient_confirmed_at: Option<DateTime<Utc>>,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    patient_name: Option<String>,
    patient_phone: Option<String>,
    service_name: String,
    professional_name: Option<String>,
}

impl TryFrom<AppointmentRow> for Appointment {
    type Error = StoreError;

    fn try_from(row: AppointmentRow) -> Result<Self, StoreError> {
        let status =
            row.status.parse().map_err(|error| StoreError::internal("read an appointment", error))?;
        Ok(Self {
            id: row.id,
            clinic_id: row.clinic_id,
            patient_id: row.patient_id,
            professional_id: row.professional_id.map(ProfessionalId),
            service_id: row.service_id,
            appointment_date: row.appointment_date,
            start_time: row.start_time,
            end_time: row.end_time,
            buffer_minutes: row.buffer_minutes,
            areas: row.areas,
            status,
            notes: row.notes,
            patient_confirmed_at: row.patient_confirmed_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            patient_name: row.patient_name,
            patient_phone: row.patient_phone,
            service_name: row.service_name,
            professional_name: row.professional_name,
        })
    }
}
