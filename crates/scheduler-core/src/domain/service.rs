//! Services of a clinic, and the professionals who perform them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, ProfessionalId, ServiceId};

/// A service with its duration and price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct Service {
    #[serde(rename = "service_id")]
    pub id: ServiceId,
    pub clinic_id: ClinicId,
    /// Shown to patients.
    pub name: String,
    /// Duration of an appointment in minutes, 1 to 720.
    pub duration_minutes: i32,
    /// Price in centavos. `None` is shown as "sob consulta" (on request).
    pub price_cents: Option<i32>,
    /// Free text for the clinic's staff.
    pub description: Option<String>,
    /// An inactive service cannot be booked.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A person who treats patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct Professional {
    #[serde(rename = "professional_id")]
    pub id: ProfessionalId,
    pub clinic_id: ClinicId,
    pub name: String,
    /// Profession, such as "Biomédica esteta".
    pub role: Option<String>,
    /// False when the person no longer works for the clinic.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
