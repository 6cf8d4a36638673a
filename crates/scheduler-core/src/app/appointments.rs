//! Booking, moving, cancelling: the one way in for the chat and for reception.

use chrono::{DateTime, Utc};

use crate::adapters::postgres::Db;
use crate::adapters::postgres::appointments::{Idempotency, Person};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::Clinic;
use crate::domain::ids::{AppointmentId, ClinicId, ProfessionalId, ServiceId};
use crate::domain::time::Slot;
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

/// Books a visit. One statement for staff, two (day's calendar, insert) for patients.
pub async fn book(
    _db: &Db,
    _clinic: &Clinic,
    _booking: &Booking,
    _by: By,
    _now: DateTime<Utc>,
) -> Result<Appointment, AppointmentError> {
    todo!()
}

/// Changes a visit: moves, cancels, notes. `clinic`: `None` only for a key that may touch every
/// clinic. A repeated move or cancellation that already stands succeeds.
pub async fn change(
    _db: &Db,
    _clinic: Option<&ClinicId>,
    _id: AppointmentId,
    _change: &Change,
    _by: By,
    _now: DateTime<Utc>,
) -> Result<Appointment, AppointmentError> {
    todo!()
}
