//! Whether a clinic's own wording fits the message it stands for.

use super::catalog::{COMMON_PLACEHOLDERS, Template};
use super::placeholder::next_placeholder;
use crate::domain::message::Choice;

/// Why a wording cannot be kept: the bot would say something that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError<'a> {
    /// A placeholder that the message has no value for.
    Placeholder {
        /// Its name.
        name: &'a str,
        /// Those it has.
        known: Vec<&'a str>,
    },
    /// A label of an option that the message does not offer.
    Option {
        /// Its id.
        id: &'a str,
        /// Those it offers.
        known: &'a [String],
    },
}

impl Template {
    /// The placeholders of a text that this message does not know, each once.
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

    /// The labels that belong to no option of this message.
    pub fn unknown_options<'a>(&'a self, labels: &'a [Choice]) -> Vec<TemplateError<'a>> {
        let strange = labels.iter().filter(|label| !self.buttons.contains(&label.id));
        strange.map(|label| TemplateError::Option { id: &label.id, known: &self.buttons }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::say::catalog::templates;

    #[test]
    fn the_placeholders_of_its_message_and_the_common_ones_fit_a_text() {
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
        // Filled line by line: this is no placeholder, and stays as it is written.
        check("{{da\nte}}", &[]);
    }

    #[test]
    fn the_defaults_fit_themselves() {
        for (key, template) in templates() {
            assert_eq!(template.unknown_placeholders(&template.text), [], "{key}");
        }
    }

    #[test]
    fn the_options_of_its_message_fit() {
        let template = &templates()["CONFIRM_BOOKING"];
        let labels = ["book", "back", "faq"].map(|id| Choice::new(id, "x"));
        let errors = template.unknown_options(&labels);
        assert_eq!(errors, [TemplateError::Option { id: "faq", known: &template.buttons }]);
    }
}
