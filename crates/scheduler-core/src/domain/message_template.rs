//! What a clinic says in its own words: templates of messages, questions with their answers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ClinicId, FaqId, TemplateId};
use super::message::Choice;

/// A clinic's own wording of a message, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MessageTemplate {
    /// Its id.
    #[serde(rename = "template_id")]
    pub id: TemplateId,
    /// Whose words they are.
    pub clinic_id: ClinicId,
    /// Which message it is.
    pub template_key: String,
    /// The text, with placeholders.
    pub content: String,
    /// Labels by option id.
    pub buttons: Vec<Choice>,
    /// Whether it is used: the default wording is, where it is not.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A question of a clinic's patients and its answer, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FaqEntry {
    /// Its id.
    #[serde(rename = "faq_id")]
    pub id: FaqId,
    /// The clinic that answers.
    pub clinic_id: ClinicId,
    /// Its key: the option is `faq_<KEY>`.
    pub question_key: String,
    /// The question.
    pub question_label: String,
    /// The answer.
    pub answer: String,
    /// Its place among the questions, smallest first.
    pub display_order: i32,
    /// Whether it is offered.
    pub active: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
