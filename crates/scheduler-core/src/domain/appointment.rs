//! A visit and what may become of it.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{AppointmentId, ClinicId, PatientId, ProfessionalId, ServiceId};

/// Where a visit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppointmentStatus {
    /// It will happen; it occupies time.
    Confirmed,
    /// It will not; its time is free.
    Cancelled,
    /// It happened; it occupies time.
    Completed,
    /// The patient did not come.
    NoShow,
}

impl AppointmentStatus {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::NoShow => "NO_SHOW",
        }
    }

    /// Whether a visit may go from here to `next`. The same status again is always allowed.
    pub fn may_become(self, next: Self) -> bool {
        use AppointmentStatus::{Cancelled, Completed, Confirmed, NoShow};
        self == next
            || matches!(
                (self, next),
                (Confirmed, Cancelled | Completed | NoShow) | (Completed, NoShow) | (NoShow, Completed)
            )
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

/// The text is no status of a visit.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not a status of an appointment")]
pub struct UnknownStatus;

/// A visit as everybody reads it: its row with the names it points at. Serialised, it is the
/// API's appointment row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Appointment {
    /// Its id.
    #[serde(rename = "appointment_id")]
    pub id: AppointmentId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The patient.
    pub patient_id: PatientId,
    /// Who treats, if it was said.
    pub professional_id: Option<ProfessionalId>,
    /// The service booked.
    pub service_id: ServiceId,
    /// The day, the clinic's wall clock.
    pub appointment_date: NaiveDate,
    /// Start.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub start_time: NaiveTime,
    /// End, the same day, 23:59 at the latest.
    #[serde(with = "super::time::hour_minute")]
    #[cfg_attr(feature = "openapi", schemars(with = "super::time::HourMinute"))]
    pub end_time: NaiveTime,
    /// The clinic's buffer when it was booked, in minutes.
    pub buffer_minutes: i32,
    /// The patient's own words.
    pub areas: Option<String>,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Reception's words.
    pub notes: Option<String>,
    /// When the patient answered the reminder with OK.
    pub patient_confirmed_at: Option<DateTime<Utc>>,
    /// Grows with every change.
    pub version: i32,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The patient's name, if known.
    pub patient_name: Option<String>,
    /// The patient's phone in canonical digits, if known.
    pub patient_phone: Option<String>,
    /// The service's name.
    pub service_name: String,
    /// The professional's name, if one was said.
    pub professional_name: Option<String>,
}
