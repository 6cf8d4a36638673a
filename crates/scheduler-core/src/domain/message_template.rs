//! A clinic's wording of a message, which replaces the default one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, TemplateId};
use super::message::Choice;

/// A clinic's template. The API returns it in its serialised form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct MessageTemplate {
    #[serde(rename = "template_id")]
    pub id: TemplateId,
    pub clinic_id: ClinicId,
    /// Key of the message that it replaces.
    pub template_key: String,
    /// Text with placeholders, such as `{{patient_name}}`.
    pub content: String,
    /// Labels that replace the default ones. Each `id` is an option id, or a kind: `book` for `book_<n>`.
    pub buttons: Vec<Choice>,
    /// If false, the default wording is used.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
