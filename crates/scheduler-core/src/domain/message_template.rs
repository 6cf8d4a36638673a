//! A clinic's own wording of a message.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, TemplateId};
use super::message::Choice;

/// The row of a clinic's template, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct MessageTemplate {
    #[serde(rename = "template_id")]
    pub id: TemplateId,
    pub clinic_id: ClinicId,
    /// Which of the bot's messages it replaces.
    pub template_key: String,
    /// Text with placeholders, such as `{{patient_name}}`.
    pub content: String,
    /// New labels of the message's options; each `id` is an option id or its kind.
    pub buttons: Vec<Choice>,
    /// Where false, the default wording is used.
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
