//! The catalog of everything the bot says: `copy/pt_br.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// Placeholders that every template may use.
pub const COMMON_PLACEHOLDERS: [&str; 2] = ["clinic_name", "address"];

/// A message of the bot that a clinic may reword.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Template {
    /// The default wording.
    pub text: String,
    /// Placeholders it may use in addition to [`COMMON_PLACEHOLDERS`].
    #[serde(default)]
    pub placeholders: Vec<String>,
    /// Options whose labels a clinic may change, by kind (`book` for `book_3`).
    #[serde(default)]
    pub buttons: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Catalog {
    labels: BTreeMap<String, String>,
    phrases: BTreeMap<String, String>,
    weekdays: BTreeMap<String, String>,
    templates: BTreeMap<String, Template>,
}

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| toml::from_str(include_str!("../../../copy/pt_br.toml")).unwrap_or_default());

/// Every template by its key.
pub fn templates() -> &'static BTreeMap<String, Template> {
    &CATALOG.templates
}

/// The label of an option; empty for an unknown key.
pub fn label(key: &str) -> &'static str {
    text_of(&CATALOG.labels, key)
}

/// A phrase that is part of a message; empty for an unknown key.
pub fn phrase(key: &str) -> &'static str {
    text_of(&CATALOG.phrases, key)
}

/// The name of a weekday by chrono's abbreviation, such as `Mon`.
pub(super) fn weekday(key: &str) -> &'static str {
    text_of(&CATALOG.weekdays, key)
}

fn text_of(texts: &'static BTreeMap<String, String>, key: &str) -> &'static str {
    texts.get(key).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::say::placeholder::next_placeholder;
    use crate::conversation::understand::option_id::OptionId;
    use crate::domain::message::MAX_BUTTON_LABEL;

    #[test]
    fn the_catalog_is_complete() {
        assert!(templates().len() > 50, "pt_br.toml does not parse");
        for (key, template) in templates() {
            let mut rest = template.text.as_str();
            while let Some((_, name, after)) = next_placeholder(rest) {
                let known = COMMON_PLACEHOLDERS.contains(&name)
                    || template.placeholders.iter().any(|known| known == name);
                assert!(known, "{key} uses {name}");
                rest = after;
            }
            for button in &template.buttons {
                let known = CATALOG.labels.contains_key(button) || OptionId::parse(button).is_some();
                assert!(known, "{key} relabels {button}");
            }
        }
        for (key, label) in &CATALOG.labels {
            assert!(label.chars().count() <= MAX_BUTTON_LABEL, "{key}");
        }
    }
}
