//! A clinic's own templates, as the conversation's renderer asks for them.

use std::collections::BTreeMap;

use crate::adapters::postgres::profiles::OwnTemplate;
use crate::conversation::copy::OwnWordings;
use crate::domain::message::Choice;

impl OwnWordings for BTreeMap<String, OwnTemplate> {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|template| template.content.as_str())
    }

    fn labels(&self, key: &str) -> &[Choice] {
        self.get(key).map_or(&[], |template| &template.buttons)
    }
}
