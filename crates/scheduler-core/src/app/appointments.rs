//! Books, moves and cancels appointments, for the chat and for reception.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::availability::{get_calendar, slot_request};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::appointments::change::ChangeOutcome;
use crate::adapters::postgres::appointments::insert::BookingOutcome;
use crate::domain::appointment::{Appointment, AppointmentChange, Booking, Missing};
use crate::domain::clinic::Clinic;
use crate::domain::date_limits::last_appointment_date;
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::time::{Slot, wall_clock_at};
use crate::error::StoreError;

/// Who books or changes. Nobody can overlap another appointment, or book a start in the past or more than five
/// years ahead. Patients are also bound to opening hours, exceptions, notice and horizon
/// (docs/rules/agenda.md#booking).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A patient, in the chat.
    Patient,
    /// Reception, through the API.
    Staff,
}

/// Why an appointment was not booked or changed.
#[derive(Debug, thiserror::Error)]
pub enum AppointmentError {
    /// Another appointment occupies that time.
    #[error("the time is taken")]
    SlotTaken,
    /// Outside opening hours, inside a blocked part, too soon or too far ahead (patients only).
    #[error("the time is not offered to patients")]
    NotOffered,
    /// It would start in the past.
    #[error("the start is in the past")]
    InThePast,
    /// It would start more than five years ahead.
    #[error("the start is more than five years ahead")]
    TooFarAhead,
    /// It would end after 23:59 of its day.
    #[error("the end is after 23:59")]
    PastMidnight,
    /// The clinic, the service or the professional does not exist, or is not active.
    #[error("unknown {0:?}")]
    Missing(Missing),
    /// The appointment does not exist, or belongs to another clinic.
    #[error("no such appointment")]
    NotFound,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The change names an older version of the appointment.
    #[error("the appointment was changed since the given version")]
    Stale,
    /// The current status does not allow the change (docs/rules/agenda.md#appointment-status).
    #[error("the appointment's status does not allow the change")]
    NotAllowed,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Books an appointment. With known minutes: one SQL statement for staff, two for patients (the day's
/// calendar, the insert).
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
    let refusal = match actor {
        Actor::Staff => start_error(clinic, booking.slot, now),
        Actor::Patient => {
            let minutes = booking_minutes(db, clinic, booking).await?;
            patient_slot_error(db, clinic, booking.slot, minutes, None, now).await?
        }
    };
    if let Some(refusal) = refusal {
        // A repeated request gets the appointment that it booked before, even if that time is taken now.
        return match db.find_previous_booking(&clinic.id, booking).await? {
            Some(appointment) => Ok(appointment),
            None => Err(refusal),
        };
    }
    match db.book_appointment(&clinic.id, booking, now).await? {
        BookingOutcome::Created(appointment) | BookingOutcome::AlreadyBooked(appointment) => Ok(*appointment),
        BookingOutcome::SlotTaken => Err(AppointmentError::SlotTaken),
        BookingOutcome::PastMidnight => Err(AppointmentError::PastMidnight),
        BookingOutcome::KeyReused => Err(AppointmentError::KeyReused),
        BookingOutcome::Missing(missing) => Err(AppointmentError::Missing(missing)),
    }
}

/// Moves an appointment or changes its status or notes. A change that is already in effect succeeds.
/// `clinic` limits the change to the appointments of one clinic; `None` allows those of every clinic.
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
            let refusal = match actor {
                Actor::Staff => start_error(&clinic.clinic, slot, now),
                Actor::Patient => {
                    patient_slot_error(db, &clinic.clinic, slot, minutes, Some(id), now).await?
                }
            };
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
        }
    }
    match db.change_appointment(clinic, id, change, now).await? {
        ChangeOutcome::Applied(appointment) => Ok(*appointment),
        ChangeOutcome::NotFound => Err(AppointmentError::NotFound),
        ChangeOutcome::SlotTaken => Err(AppointmentError::SlotTaken),
        ChangeOutcome::Stale(_) => Err(AppointmentError::Stale),
        ChangeOutcome::NotAllowed(_) => Err(AppointmentError::NotAllowed),
        ChangeOutcome::PastMidnight => Err(AppointmentError::PastMidnight),
    }
}

/// The error for a start that neither patients nor staff can book: it is in the past or too far ahead.
fn start_error(clinic: &Clinic, slot: Slot, now: DateTime<Utc>) -> Option<AppointmentError> {
    let local_now = wall_clock_at(now, clinic.timezone);
    if slot.at() < local_now {
        Some(AppointmentError::InThePast)
    } else if slot.date > last_appointment_date(local_now.date()) {
        Some(AppointmentError::TooFarAhead)
    } else {
        None
    }
}

async fn booking_minutes(db: &Db, clinic: &Clinic, booking: &Booking) -> Result<i32, AppointmentError> {
    if let Some(minutes) = booking.minutes {
        return Ok(minutes);
    }
    let service = db.find_service(&clinic.id, booking.service_id).await?;
    Ok(service.ok_or(AppointmentError::Missing(Missing::Service))?.duration_minutes)
}

/// The error for a slot that is not offered to patients now, or `None` if it is.
async fn patient_slot_error(
    db: &Db,
    clinic: &Clinic,
    slot: Slot,
    minutes: i32,
    exclude: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<Option<AppointmentError>, StoreError> {
    if slot.at() < wall_clock_at(now, clinic.timezone) {
        return Ok(Some(AppointmentError::InThePast));
    }
    if slot.date > clinic.last_bookable_day(now) {
        return Ok(Some(AppointmentError::NotOffered));
    }
    let calendar = get_calendar(db, clinic, slot.date, slot.date, exclude).await?;
    let slot_request = slot_request(clinic, minutes, now);
    if calendar.fits(slot, slot_request) {
        return Ok(None);
    }
    // Inside the opening windows and after the minimum notice, only another appointment can make the slot
    // unavailable.
    let open = end_of(slot, minutes).is_some_and(|end| {
        calendar.windows(slot.date).iter().any(|window| window.start <= slot.at() && end <= window.end)
    });
    let taken = open && slot.at() >= slot_request.not_before;
    Ok(Some(if taken { AppointmentError::SlotTaken } else { AppointmentError::NotOffered }))
}

/// An appointment must end by 23:59 of the day on which it starts.
fn check_same_day(slot: Slot, minutes: i32) -> Result<(), AppointmentError> {
    let ends_on_that_day = end_of(slot, minutes).is_some_and(|end| end.date() == slot.date);
    if ends_on_that_day { Ok(()) } else { Err(AppointmentError::PastMidnight) }
}

fn end_of(slot: Slot, minutes: i32) -> Option<NaiveDateTime> {
    slot.at().checked_add_signed(TimeDelta::minutes(i64::from(minutes)))
}
