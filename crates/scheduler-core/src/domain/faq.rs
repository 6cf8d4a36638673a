//! Frequent questions of a clinic's patients.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, FaqId};

/// The row of a question with its answer, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct FaqEntry {
    #[serde(rename = "faq_id", alias = "id")]
    pub id: FaqId,
    pub clinic_id: ClinicId,
    /// The chat's option for this question is `faq_<KEY>`.
    pub question_key: String,
    pub question_label: String,
    pub answer: String,
    /// Position among the questions, smallest first.
    pub display_order: i32,
    /// Whether patients see it.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
