//! Frequently asked questions of a clinic's patients.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, FaqId};

/// A question with its answer. The API returns it in its serialised form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct FaqEntry {
    #[serde(rename = "faq_id", alias = "id")]
    pub id: FaqId,
    pub clinic_id: ClinicId,
    /// The option id of the question is `faq_<KEY>`.
    pub question_key: String,
    pub question_label: String,
    pub answer: String,
    /// Position among the questions, lowest first.
    pub display_order: i32,
    /// An inactive question is not shown to patients.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
