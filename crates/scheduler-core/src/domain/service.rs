//! What a clinic sells and who does it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, ProfessionalId, ServiceId};

/// A service with its length and price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Service {
    /// Its id.
    #[serde(rename = "service_id")]
    pub id: ServiceId,
    /// The clinic that sells it.
    pub clinic_id: ClinicId,
    /// As patients know it.
    pub name: String,
    /// Length of an appointment in minutes, 1–720.
    pub duration_minutes: i32,
    /// Price in centavos; none means "sob consulta".
    pub price_cents: Option<i32>,
    /// Free text for reception.
    pub description: Option<String>,
    /// Whether it can be booked.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A person who treats patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Professional {
    /// Its id.
    #[serde(rename = "professional_id")]
    pub id: ProfessionalId,
    /// The clinic where they work.
    pub clinic_id: ClinicId,
    /// Their name.
    pub name: String,
    /// Such as "Biomédica esteta".
    pub role: Option<String>,
    /// Whether they still work there.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
