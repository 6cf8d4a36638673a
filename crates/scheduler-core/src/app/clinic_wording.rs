//! Lets the conversation's renderer read a clinic's own templates.

use std::collections::BTreeMap;

use crate::conversation::say::render::ClinicWording;
use crate::domain::clinic_profile::ClinicTemplate;
use crate::domain::message::Choice;

impl ClinicWording for BTreeMap<String, ClinicTemplate> {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|template| template.content.as_str())
    }

    fn labels(&self, key: &str) -> &[Choice] {
        self.get(key).map_or(&[], |template| &template.buttons)
    }
}
