//! A person who visits a clinic.

use chrono::{DateTime, Utc};

use super::ids::{ClinicId, PatientId};
use super::phone::{Address, MatchKey};

/// A patient of one clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Its id.
    pub id: PatientId,
    /// The clinic that knows this person.
    pub clinic_id: ClinicId,
    /// Canonical digits; empty while only a lid is known.
    pub phone: Option<String>,
    /// Where messages go, as the last webhook brought it.
    pub wa_id: Option<Address>,
    /// By which the person is found.
    pub match_key: MatchKey,
    /// As told in the chat or by reception, else the profile's.
    pub name: Option<String>,
    /// WhatsApp's stable id of the chat.
    pub chat_lid: Option<String>,
    /// No proactive messages since.
    pub opted_out_at: Option<DateTime<Utc>>,
}
