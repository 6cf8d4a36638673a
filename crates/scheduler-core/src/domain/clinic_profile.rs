//! A clinic together with its own wording: what the conversation needs of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::clinic::Clinic;
use super::message::Choice;

/// A clinic's own wording of one message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClinicTemplate {
    /// Text with placeholders.
    pub content: String,
    /// New labels of options; each `id` is an option id or its kind.
    pub buttons: Vec<Choice>,
}

/// A clinic and its own wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicProfile {
    /// The clinic.
    pub clinic: Clinic,
    /// Its active templates by key.
    pub templates: BTreeMap<String, ClinicTemplate>,
}
