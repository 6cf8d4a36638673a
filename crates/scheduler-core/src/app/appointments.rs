//! Booking, moving, cancelling: the one way in for the chat and for reception.

use chrono::{DateTime, TimeDelta, Utc};

use super::availability::{get_calendar, slot_request};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::appointments::change::ChangeOutcome;
use crate::adapters::postgres::appointments::insert::InsertOutcome;
use crate::domain::appointment::{Appointment, AppointmentChange, Booking, Missing};
use crate::domain::clinic::Clinic;
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::time::{Slot, local};
use crate::error::StoreError;

/// Who is asking, and so what is checked: nobody may overlap or book the past; patients keep to
/// hours, exceptions, notice and horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// From the chat.
    Patient,
    /// Over REST.
    Staff,
}

/// Why an appointment was not booked or changed.
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
    /// The clinic, the service or the professional does not exist, or is not active.
    #[error("unknown {0:?}")]
    Missing(Missing),
    /// No such appointment.
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

/// Books an appointment. One statement for staff, two (the day's calendar, the insert) for patients.
pub async fn book(
    db: &Db,
    clinic: &Clinic,
    booking: &Booking,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<Appointment, AppointmentError> {
    if let Some(minutes) = booking.minutes {
        check_same_day(booking.slot, minutes)?;
    }
    let fault = match actor {
        Actor::Staff => in_the_past(clinic, booking.slot, now),
        Actor::Patient => {
            let minutes = length_of(db, clinic, booking).await?;
            not_offered(db, clinic, booking.slot, minutes, None, now).await?
        }
    };
    if let Some(fault) = fault {
        // What was refused now may have been booked under this key a moment ago.
        return match db.find_booked(&clinic.id, booking).await? {
            Some(appointment) => Ok(appointment),
            None => Err(fault),
        };
    }
    match db.insert_appointment(&clinic.id, booking, now).await? {
        InsertOutcome::Made(appointment) | InsertOutcome::Again(appointment) => Ok(*appointment),
        InsertOutcome::SlotTaken => Err(AppointmentError::SlotTaken),
        InsertOutcome::PastMidnight => Err(AppointmentError::PastMidnight),
        InsertOutcome::KeyReused => Err(AppointmentError::KeyReused),
        InsertOutcome::Missing(missing) => Err(AppointmentError::Missing(missing)),
    }
}

/// Changes an appointment: moves, cancels, notes. A move or a cancellation that stands already succeeds.
/// `clinic`: the only one whose appointments may be touched; none for a key that may touch every clinic.
pub async fn change(
    db: &Db,
    clinic: Option<&ClinicId>,
    id: AppointmentId,
    change: &AppointmentChange,
    actor: Actor,
    now: DateTime<Utc>,
) -> Result<Appointment, AppointmentError> {
    if let Some(slot) = change.slot {
        let appointment = db.find_appointment(clinic, id).await?.ok_or(AppointmentError::NotFound)?;
        if appointment.slot() != slot {
            let clinic = db.find_profile(&appointment.clinic_id).await?.ok_or(AppointmentError::NotFound)?;
            let minutes = appointment.minutes();
            check_same_day(slot, minutes)?;
            let fault = match actor {
                Actor::Staff => in_the_past(&clinic.clinic, slot, now),
                Actor::Patient => not_offered(db, &clinic.clinic, slot, minutes, Some(id), now).await?,
            };
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
    }
    match db.change_appointment(clinic, id, change, now).await? {
        ChangeOutcome::Done(appointment) => Ok(*appointment),
        ChangeOutcome::NotFound => Err(AppointmentError::NotFound),
        ChangeOutcome::SlotTaken => Err(AppointmentError::SlotTaken),
        ChangeOutcome::Stale(_) => Err(AppointmentError::Stale),
        ChangeOutcome::NotAllowed(_) => Err(AppointmentError::NotAllowed),
        ChangeOutcome::PastMidnight => Err(AppointmentError::PastMidnight),
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
    Ok(service.ok_or(AppointmentError::Missing(Missing::Service))?.duration_minutes)
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
    if slot.date > clinic.last_bookable_day(now) {
        return Ok(Some(AppointmentError::NotOffered));
    }
    let calendar = get_calendar(db, clinic, slot.date, slot.date, leaving_out).await?;
    let slot_request = slot_request(clinic, minutes, now);
    if calendar.fits(slot, slot_request) {
        return Ok(None);
    }
    // A time that is open but taken is somebody's luck; one that is not open was never theirs.
    let open = calendar.windows(slot.date).iter().any(|window| {
        window.start <= slot.at() && slot.at() + TimeDelta::minutes(i64::from(minutes)) <= window.end
    });
    let taken = open && slot.at() >= slot_request.not_before;
    Ok(Some(if taken { AppointmentError::SlotTaken } else { AppointmentError::NotOffered }))
}

/// An appointment must end by 23:59 of the day on which it starts.
fn check_same_day(slot: Slot, minutes: i32) -> Result<(), AppointmentError> {
    let end = slot.at() + TimeDelta::minutes(i64::from(minutes));
    if end.date() == slot.date { Ok(()) } else { Err(AppointmentError::PastMidnight) }
}
