//! Appointments, and the requests that book or change them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{AppointmentId, ClinicId, PatientId, ProfessionalId, ServiceId};
use super::patient::Person;
use super::time::Slot;

/// Status of an appointment; see `docs/rules/agenda.md#appointment-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppointmentStatus {
    /// It will take place; its time is occupied.
    Confirmed,
    /// It will not take place; its time is free.
    Cancelled,
    /// It took place; its time is occupied.
    Completed,
    /// The patient did not come; its time is free.
    NoShow,
}

impl AppointmentStatus {
    /// Name of the status in the database, the API and the sheet.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::NoShow => "NO_SHOW",
        }
    }
}

impl std::str::FromStr for AppointmentStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "CONFIRMED" => Self::Confirmed,
            "CANCELLED" => Self::Cancelled,
            "COMPLETED" => Self::Completed,
            "NO_SHOW" => Self::NoShow,
            _ => return Err(UnknownStatus),
        })
    }
}

/// The text is not a status of an appointment.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("unknown appointment status")]
pub struct UnknownStatus;

/// An appointment with the names of its patient, service and professional. The API returns it in its
/// serialised form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct Appointment {
    #[serde(rename = "appointment_id")]
    pub id: AppointmentId,
    pub clinic_id: ClinicId,
    pub patient_id: PatientId,
    pub professional_id: Option<ProfessionalId>,
    pub service_id: ServiceId,
    /// Date on the clinic's wall clock.
    pub appointment_date: NaiveDate,
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub start_time: NaiveTime,
    /// On the same date, at most 23:59.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub end_time: NaiveTime,
    /// Minutes kept free after the appointment: the clinic's buffer at the time of booking.
    pub buffer_minutes: i32,
    /// The areas to treat, in the patient's words.
    pub areas: Option<String>,
    pub status: AppointmentStatus,
    /// Notes by the clinic's staff.
    pub notes: Option<String>,
    /// When the patient confirmed in answer to the reminder.
    pub patient_confirmed_at: Option<DateTime<Utc>>,
    /// Rises by one with every change.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub patient_name: Option<String>,
    /// Canonical digits.
    pub patient_phone: Option<String>,
    pub service_name: String,
    pub professional_name: Option<String>,
}

impl Appointment {
    /// Date and time of its start.
    pub fn slot(&self) -> Slot {
        Slot { date: self.appointment_date, time: self.start_time }
    }

    /// Duration in minutes, without the buffer.
    pub fn minutes(&self) -> i32 {
        // Both times are on the same day, so there are at most 1,439 minutes.
        i32::try_from((self.end_time - self.start_time).num_minutes()).unwrap_or_default()
    }
}

/// A request to book an appointment.
#[derive(Debug, Clone)]
pub struct Booking {
    /// The patient, who is created if the clinic does not know them yet.
    pub person: Person,
    /// Must be an active service of the clinic.
    pub service_id: ServiceId,
    /// Must be an active professional of the clinic.
    pub professional_id: Option<ProfessionalId>,
    /// Date and time of the start.
    pub slot: Slot,
    /// Duration in minutes; `None` means the service's. Several areas take longer.
    pub minutes: Option<i32>,
    /// The areas to treat, in the patient's words.
    pub areas: Option<String>,
    /// Notes by the clinic's staff.
    pub notes: Option<String>,
    /// Allows the same booking to be repeated without booking twice.
    pub idempotency: Option<Idempotency>,
}

/// The idempotency key of a booking, and a hash of the request. The same key and hash return the same
/// appointment again; the same key with another hash is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique per clinic.
    pub key: String,
    /// The key that the previous release would have used for the same request of the same person.
    pub former_key: Option<String>,
    /// Hash of the request.
    pub hash: String,
}

/// A request to change an appointment. Only the fields that are present change.
#[derive(Debug, Clone, Default)]
pub struct AppointmentChange {
    /// The version that the client saw. The change is refused if the appointment has another version, unless
    /// it already has the requested values.
    pub version: Option<i32>,
    /// A new start; the duration does not change.
    pub slot: Option<Slot>,
    /// A new status.
    pub status: Option<AppointmentStatus>,
    /// `Some(None)` clears the notes.
    pub notes: Option<Option<String>>,
    /// `Some(None)` clears the areas.
    pub areas: Option<Option<String>>,
    /// A new name of the patient.
    pub patient_name: Option<String>,
}

impl AppointmentChange {
    /// Whether the appointment already has all the requested values. Then the request is a repetition, not a
    /// conflict. A start without a status is requested of a confirmed appointment: one that was cancelled at
    /// that start has not been moved there.
    pub fn is_applied_to(&self, appointment: &Appointment) -> bool {
        let status = self.status.or(self.slot.map(|_| AppointmentStatus::Confirmed));
        self.slot.is_none_or(|slot| slot == appointment.slot())
            && status.is_none_or(|status| status == appointment.status)
            && self.notes.as_ref().is_none_or(|notes| *notes == appointment.notes)
            && self.areas.as_ref().is_none_or(|areas| *areas == appointment.areas)
            && self.patient_name.as_ref().is_none_or(|name| Some(name) == appointment.patient_name.as_ref())
    }
}

/// What a booking names but the clinic does not have, or has deactivated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names explain themselves")]
pub enum Missing {
    Clinic,
    Service,
    Professional,
}
