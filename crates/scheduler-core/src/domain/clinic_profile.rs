//! A clinic with its message templates, as the conversation uses them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::clinic::Clinic;
use super::message::Choice;

/// A clinic's wording of one message, which replaces the default one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClinicTemplate {
    /// Text with placeholders, such as `{{patient_name}}`.
    pub content: String,
    /// Labels that replace the default ones. Each `id` is an option id, or a kind: `book` for `book_<n>`.
    pub buttons: Vec<Choice>,
}

/// A clinic with its message templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicProfile {
    /// The clinic's settings.
    pub clinic: Clinic,
    /// Active templates by template key.
    pub templates: BTreeMap<String, ClinicTemplate>,
}
