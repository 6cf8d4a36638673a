//! Checks a clinic's own template against the message that it replaces.

use super::catalog::{COMMON_PLACEHOLDERS, Template};
use super::placeholder::next_placeholder;
use crate::domain::message::Choice;

/// Why a clinic's template is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError<'a> {
    /// A placeholder for which the message has no value.
    Placeholder {
        /// Name of the placeholder.
        name: &'a str,
        /// Placeholders that the message knows.
        known: Vec<&'a str>,
    },
    /// A label for an option that the message does not offer.
    Option {
        /// The label's `id`: an option id or its kind.
        id: &'a str,
        /// Options that the message offers, by kind.
        known: &'a [String],
    },
}

impl Template {
    /// Every placeholder in `text` that this message does not know, each once.
    pub fn unknown_placeholders<'a>(&'a self, text: &'a str) -> Vec<TemplateError<'a>> {
        let known: Vec<&str> =
            COMMON_PLACEHOLDERS.into_iter().chain(self.placeholders.iter().map(String::as_str)).collect();
        let mut unknown: Vec<&str> = Vec::new();
        for line in text.lines() {
            let mut rest = line;
            while let Some((_, name, after)) = next_placeholder(rest) {
                if !known.contains(&name) && !unknown.contains(&name) {
                    unknown.push(name);
                }
                rest = after;
            }
        }
        unknown.into_iter().map(|name| TemplateError::Placeholder { name, known: known.clone() }).collect()
    }

    /// Every label for an option that this message does not offer.
    pub fn unknown_options<'a>(&'a self, labels: &'a [Choice]) -> Vec<TemplateError<'a>> {
        let unknown = labels.iter().filter(|label| !self.buttons.contains(&label.id));
        unknown.map(|label| TemplateError::Option { id: &label.id, known: &self.buttons }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::say::catalog::templates;

    #[test]
    fn a_template_accepts_its_own_and_the_common_placeholders() {
        let template = &templates()["CANCELLED"];
        let check = |text: &str, expected: &[&str]| {
            let unknown: Vec<String> = template
                .unknown_placeholders(text)
                .into_iter()
                .map(|error| match error {
                    TemplateError::Placeholder { name, known } => {
                        assert_eq!(known, ["clinic_name", "address", "date", "time", "service", "areas"]);
                        name.to_owned()
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(unknown, expected, "{text:?}");
        };
        check("", &[]);
        check("Até {{date}} às {{ time }}, {{clinic_name}} - {{address}} {{", &[]);
        check("{{nome_errado}} {{date}} {{outro}}\n{{nome_errado}}", &["nome_errado", "outro"]);
        check("{{}}{{DATE}}", &["", "DATE"]);
        // A placeholder cannot contain a line break, so this one stays in the text.
        check("{{da\nte}}", &[]);
    }

    #[test]
    fn the_default_texts_use_only_known_placeholders() {
        for (key, template) in templates() {
            assert_eq!(template.unknown_placeholders(&template.text), [], "{key}");
        }
    }

    #[test]
    fn a_template_accepts_only_labels_of_its_own_options() {
        let template = &templates()["CONFIRM_BOOKING"];
        let labels = ["book", "back", "faq"].map(|id| Choice::new(id, "x"));
        let errors = template.unknown_options(&labels);
        assert_eq!(errors, [TemplateError::Option { id: "faq", known: &template.buttons }]);
    }
}
