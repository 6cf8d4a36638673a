//! Booking, moving, cancelling: the one way in for the chat and for reception.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::availability::{demand, horizon};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::appointments::{
    AppointmentChange, Changed, Idempotency, Inserted, NewAppointment, Person,
};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::Clinic;
use crate::domain::ids::{AppointmentId, ClinicId, ProfessionalId, ServiceId};
use crate::domain::time::{Slot, local};
use crate::error::StoreError;

/// Who is asking, and so what is checked: nobody may overlap or book the past; patients keep to
/// hours, exceptions, notice and horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// From the chat.
    Patient,
    /// Over REST.
    Staff,
}

/// A visit somebody wants.
#[derive(Debug, Clone)]
pub struct Booking {
    /// For whom.
    pub person: Person,
    /// What.
    pub service_id: ServiceId,
    /// Who treats.
    pub professional_id: Option<ProfessionalId>,
    /// When.
    pub slot: Slot,
    /// Length in minutes where it differs from the service's (several areas).
    pub minutes: Option<i32>,
    /// The patient's words.
    pub areas: Option<String>,
    /// Reception's words.
    pub notes: Option<String>,
    /// The same key and hash again give the same visit.
    pub idempotency: Option<Idempotency>,
}

/// Why a visit was not booked or changed.
#[derive(Debug, thiserror::Error)]
pub enum AppointmentError {
    /// Somebody has that time.
    #[error("the time is taken")]
    SlotTaken,
    /// Outside opening hours, inside a blocked part, too soon or too far ahead (patients only).
    #[error("not offered")]
    NotOffered,
    /// It would start in the past.
    #[error("in the past")]
    InThePast,
    /// It would end after 23:59 of its day.
    #[error("past midnight")]
    PastMidnight,
    /// No such clinic, service or professional; the API's field name.
    #[error("unknown {0}")]
    Unknown(&'static str),
    /// No such visit.
    #[error("no such appointment")]
    NotFound,
    /// The idempotency key was used for something else.
    #[error("idempotency key reused")]
    KeyReused,
    /// The version is stale.
    #[error("stale version")]
    Stale,
    /// The status cannot follow.
    #[error("the status cannot follow")]
    NotAllowed,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change reception or a patient wants; only what is present.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The version seen.
    pub version: Option<i32>,
    /// A new time; the visit keeps its length.
    pub slot: Option<Slot>,
    /// A new status.
    pub status: Option<AppointmentStatus>,
    /// `Some(None)` clears.
    pub notes: Option<Option<String>>,
    /// `Some(None)` clears.
    pub areas: Option<Option<String>>,
    /// The patient's name.
    pub patient_name: Option<String>,
}

/// Books a visit. One statement for staff, two (the day's calendar, the insert) for patients.
pub async fn book(
    db: &Db,
    clinic: &Clinic,
    booking: &Booking,
    by: By,
    now: DateTime<Utc>,
) -> Result<Appointment, AppointmentError> {
    if let Some(minutes) = booking.minutes {
        end_of(booking.slot, minutes)?;
    }
    let fault = match by {
        By::Staff => in_the_past(clinic, booking.slot, now),
        By::Patient => {
            let minutes = length_of(db, clinic, booking).await?;
            not_offered(db, clinic, booking.slot, minutes, None, now).await?
        }
    };
    let new = NewAppointment {
        person: booking.person.clone(),
        service_id: booking.service_id,
        professional_id: booking.professional_id,
        slot: booking.slot,
        minutes: booking.minutes,
        areas: booking.areas.clone(),
        notes: booking.notes.clone(),
        idempotency: booking.idempotency.clone(),
        asked_at: now,
    };
    if let Some(fault) = fault {
        // What was refused now may have been booked under this key a moment ago.
        return match db.find_booked(&clinic.id, &new).await? {
            Some(visit) => Ok(visit),
            None => Err(fault),
        };
    }
    match db.insert_appointment(&clinic.id, &new).await? {
        Inserted::Made(visit) | Inserted::Again(visit) => Ok(*visit),
        Inserted::SlotTaken => Err(AppointmentError::SlotTaken),
        Inserted::PastMidnight => Err(AppointmentError::PastMidnight),
        Inserted::KeyReused => Err(AppointmentError::KeyReused),
        Inserted::Unknown(field) => Err(AppointmentError::Unknown(field)),
    }
}

/// Changes a visit: moves, cancels, notes. A move or a cancellation that stands already succeeds.
/// `clinic`: the only one whose visits may be touched; none for a key that may touch every clinic.
pub async fn change(
    db: &Db,
    clinic: Option<&ClinicId>,
    id: AppointmentId,
    change: &Change,
    by: By,
    now: DateTime<Utc>,
) -> Result<Appointment, AppointmentError> {
    if let Some(slot) = change.slot {
        let visit = db.find_appointment(clinic, id).await?.ok_or(AppointmentError::NotFound)?;
        let stands = (visit.appointment_date, visit.start_time) == (slot.date, slot.time);
        if !stands {
            let clinic = db.find_profile(&visit.clinic_id).await?.ok_or(AppointmentError::NotFound)?;
            let minutes = i32::try_from((visit.end_time - visit.start_time).num_minutes())
                .map_err(|error| StoreError::internal("read a visit's length", error))?;
            end_of(slot, minutes)?;
            let fault = match by {
                By::Staff => in_the_past(&clinic.clinic, slot, now),
                By::Patient => not_offered(db, &clinic.clinic, slot, minutes, Some(id), now).await?,
            };
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
    }
    let wanted = AppointmentChange {
        version: change.version,
        slot: change.slot,
        status: change.status,
        notes: change.notes.clone(),
        areas: change.areas.clone(),
        patient_name: change.patient_name.clone(),
        asked_at: now,
    };
    match db.change_appointment(clinic, id, &wanted).await? {
        Changed::Done(visit) => Ok(*visit),
        Changed::NotFound => Err(AppointmentError::NotFound),
        Changed::SlotTaken => Err(AppointmentError::SlotTaken),
        Changed::Stale(_) => Err(AppointmentError::Stale),
        Changed::NotAllowed(_) => Err(AppointmentError::NotAllowed),
        Changed::PastMidnight => Err(AppointmentError::PastMidnight),
    }
}

/// Nobody gets the past.
fn in_the_past(clinic: &Clinic, slot: Slot, now: DateTime<Utc>) -> Option<AppointmentError> {
    (slot.at() < local(now, clinic.timezone)).then_some(AppointmentError::InThePast)
}

async fn length_of(db: &Db, clinic: &Clinic, booking: &Booking) -> Result<i32, AppointmentError> {
    if let Some(minutes) = booking.minutes {
        return Ok(minutes);
    }
    let service = db.find_service(&clinic.id, booking.service_id).await?;
    Ok(service.ok_or(AppointmentError::Unknown("serviceId"))?.duration_minutes)
}

/// Why a patient may not have this time, if so: they get what is offered now, and nothing else.
async fn not_offered(
    db: &Db,
    clinic: &Clinic,
    slot: Slot,
    minutes: i32,
    leaving_out: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<Option<AppointmentError>, StoreError> {
    if let Some(past) = in_the_past(clinic, slot, now) {
        return Ok(Some(past));
    }
    if slot.date > horizon(clinic, now) {
        return Ok(Some(AppointmentError::NotOffered));
    }
    let calendar = db.find_calendar(&clinic.id, slot.date, slot.date, leaving_out).await?;
    let calendar =
        calendar.ok_or_else(|| StoreError::internal("find free time", "the clinic has vanished"))?;
    let demand = demand(clinic, minutes, now);
    if calendar.fits(slot, demand) {
        return Ok(None);
    }
    // A time that is open but taken is somebody's luck; one that is not open was never theirs.
    let open = calendar.windows(slot.date).iter().any(|window| {
        window.start <= slot.at() && slot.at() + TimeDelta::minutes(i64::from(minutes)) <= window.end
    });
    let taken = open && slot.at() >= demand.not_before;
    Ok(Some(if taken { AppointmentError::SlotTaken } else { AppointmentError::NotOffered }))
}

/// The end of a visit on the day it starts, 23:59 at the latest.
fn end_of(slot: Slot, minutes: i32) -> Result<NaiveTime, AppointmentError> {
    let end = slot.at() + TimeDelta::minutes(i64::from(minutes));
    if end.date() == slot.date { Ok(end.time()) } else { Err(AppointmentError::PastMidnight) }
}
