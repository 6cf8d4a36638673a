//! Renders an utterance as a message, in the clinic's own wording if there is one.

use super::catalog::{phrase, templates};
use super::placeholder::fill;
use crate::conversation::machine::event::Utterance;
use crate::conversation::understand::option_id::OptionId;
use crate::domain::clinic::Clinic;
use crate::domain::message::{Choice, MAX_BUTTON_LABEL, MessageType, OutgoingMessage, shorten};

/// Templates of the greeting that starts a session.
const GREETINGS: [&str; 2] = ["WELCOME_NEW", "WELCOME_RETURNING"];

/// The templates that a clinic has changed, by template key.
pub trait ClinicWording {
    /// The clinic's text for the template, with placeholders.
    fn text(&self, key: &str) -> Option<&str>;
    /// The clinic's labels for the template; each `id` is an option id or its kind.
    fn labels(&self, key: &str) -> &[Choice];
}

/// The wording of a clinic that has not changed any template.
pub struct DefaultWording;

impl ClinicWording for DefaultWording {
    fn text(&self, _key: &str) -> Option<&str> {
        None
    }

    fn labels(&self, _key: &str) -> &[Choice] {
        &[]
    }
}

/// The label of the button that opens a list.
pub fn list_button() -> String {
    shorten(phrase("list_button"), MAX_BUTTON_LABEL)
}

/// Renders the utterances of one turn as at most two messages. All utterances but the last are joined into
/// one message; the last one, usually a question, is sent separately.
pub fn render_all(
    utterances: &[Utterance],
    clinic: &Clinic,
    wording: &dyn ClinicWording,
) -> Vec<OutgoingMessage> {
    let mut messages: Vec<OutgoingMessage> = utterances
        .iter()
        .map(|utterance| render(utterance, clinic, wording))
        .filter(|message| !message.text.is_empty())
        .collect();
    let Some(question) = messages.pop() else { return messages };
    let answers: Vec<String> = messages.into_iter().map(|message| message.text).collect();
    let answer = (!answers.is_empty()).then(|| OutgoingMessage::text(answers.join("\n\n")));
    answer.into_iter().chain([question]).collect()
}

/// Renders one utterance, in the clinic's own wording if there is one.
pub fn render(utterance: &Utterance, clinic: &Clinic, wording: &dyn ClinicWording) -> OutgoingMessage {
    let key = utterance.template;
    let welcome_message = GREETINGS.contains(&key).then_some(clinic.welcome_message.as_deref()).flatten();
    let default = templates().get(key).map_or("", |template| &template.text);
    let template =
        welcome_message.or(wording.text(key)).filter(|text| !text.trim().is_empty()).unwrap_or(default);
    let value = |name: &str| match name {
        "clinic_name" => Some(clinic.name.as_str()),
        "address" => clinic.address.as_deref(),
        "pre_session_instructions" => clinic.pre_session_instructions.as_deref(),
        _ => utterance.values.get(name).map(String::as_str),
    };
    let mut text = fill(template, value);
    if text.is_empty() {
        text = fill(default, value);
    }
    let max_label = MessageType::with_choices(utterance.choices.len()).max_label();
    let relabelled = |choice: &Choice| own_label(choice, key, wording).unwrap_or(&choice.label).to_owned();
    let choices: Vec<Choice> = utterance
        .choices
        .iter()
        .map(|choice| Choice { id: choice.id.clone(), label: shorten(&relabelled(choice), max_label) })
        .collect();
    OutgoingMessage { text, choices, first_number: utterance.first_number.max(1) }
}

/// The clinic's label for an option, found by option id or kind. The main menu follows the greeting, so it
/// falls back to the greeting's labels.
pub fn own_label<'a>(choice: &Choice, key: &str, wording: &'a dyn ClinicWording) -> Option<&'a str> {
    let kind = OptionId::kind(&choice.id);
    let greetings = GREETINGS.iter().filter(|_| key == "MAIN_MENU").flat_map(|key| wording.labels(key));
    wording
        .labels(key)
        .iter()
        .chain(greetings)
        .find(|label| label.id == choice.id || label.id == kind)
        .map(|label| label.label.as_str())
        .filter(|label| !label.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use chrono::DateTime;

    use super::*;
    use crate::domain::clinic::BusinessHours;
    use crate::domain::ids::ClinicId;

    fn clinic() -> Clinic {
        Clinic {
            id: ClinicId("a-clinic".to_owned()),
            name: "Laser Beauty".to_owned(),
            phone: None,
            address: Some("Rua das Flores, 10".to_owned()),
            timezone: chrono_tz::America::Sao_Paulo,
            business_hours: BusinessHours::default(),
            buffer_minutes: 10,
            min_notice_minutes: 0,
            max_days_ahead: 60,
            welcome_message: None,
            pre_session_instructions: None,
            zapi: None,
            google_spreadsheet_id: None,
            google_sheet_name: "Agenda".to_owned(),
            active: true,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    struct OwnWording(&'static str, Vec<Choice>);

    impl ClinicWording for OwnWording {
        fn text(&self, _key: &str) -> Option<&str> {
            Some(self.0)
        }

        fn labels(&self, _key: &str) -> &[Choice] {
            &self.1
        }
    }

    fn utterance(template: &'static str, values: &[(&'static str, &str)]) -> Utterance {
        let values = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Utterance { template, values, ..Utterance::default() }
    }

    #[test]
    fn empty_values_leave_no_gap() {
        let check = |template: &'static str, values: &[(&'static str, &str)], expected: &str| {
            assert_eq!(
                render(&utterance("X", values), &clinic(), &OwnWording(template, vec![])).text,
                expected
            );
        };
        check(
            "📅 {{date}}\n📍 {{areas}}\n🏥 {{clinic_name}}",
            &[("date", "hoje")],
            "📅 hoje\n🏥 Laser Beauty",
        );
        check("{{clinic_name}} - {{nothing}}", &[], "Laser Beauty");
        check("Pronto!\n\n{{nothing}}", &[], "Pronto!");
        check("a\n\n{{nothing}}\n\nb", &[], "a\n\nb");
        check("{{ date }} às {{time}}", &[("date", "x"), ("time", "y")], "x às y");
        check("{{clinic_name}} {{", &[], "Laser Beauty {{");
    }

    #[test]
    fn placeholders_inside_a_value_are_not_expanded() {
        let text = render(
            &utterance("FAQ_ANSWER", &[("answer", "{{clinic_name}} {{answer}}")]),
            &clinic(),
            &DefaultWording,
        )
        .text;
        assert_eq!(text, "{{clinic_name}} {{answer}}");
    }

    #[test]
    fn the_welcome_message_replaces_both_greetings() {
        let mut clinic = clinic();
        clinic.welcome_message = Some("Oi, aqui é a {{clinic_name}}.".to_owned());
        for key in ["WELCOME_NEW", "WELCOME_RETURNING"] {
            assert_eq!(
                render(&utterance(key, &[]), &clinic, &DefaultWording).text,
                "Oi, aqui é a Laser Beauty."
            );
        }
        assert!(render(&utterance("FAQ_MENU", &[]), &clinic, &DefaultWording).text.starts_with("Qual"));
    }

    #[test]
    fn a_template_relabels_options_by_id() {
        let own = OwnWording("Confirma?", vec![Choice::new("book", "Quero!"), Choice::new("nothing", "x")]);
        let mut asked = utterance("CONFIRM_BOOKING", &[]);
        asked.choices = vec![Choice::new("book_3", "Confirmar"), Choice::new("back", "Voltar")];
        let message = render(&asked, &clinic(), &own);
        assert_eq!(message.choices, [Choice::new("book_3", "Quero!"), Choice::new("back", "Voltar")]);
    }

    #[test]
    fn the_menu_falls_back_to_the_labels_of_the_greeting() {
        struct Greeting;

        impl ClinicWording for Greeting {
            fn text(&self, _key: &str) -> Option<&str> {
                None
            }

            fn labels(&self, key: &str) -> &[Choice] {
                static OWN: LazyLock<[Choice; 1]> = LazyLock::new(|| [Choice::new("faq", "Dúvidas")]);
                if key == "WELCOME_RETURNING" { &*OWN } else { &[] }
            }
        }

        let mut menu = utterance("MAIN_MENU", &[]);
        menu.choices = vec![Choice::new("schedule", "Agendar sessão"), Choice::new("faq", "Perguntas")];
        let check = |key: &'static str, expected: [&str; 2]| {
            let said = render(&Utterance { template: key, ..menu.clone() }, &clinic(), &Greeting);
            let labels: Vec<String> = said.choices.into_iter().map(|choice| choice.label).collect();
            assert_eq!(labels, expected);
        };
        check("MAIN_MENU", ["Agendar sessão", "Dúvidas"]);
        check("FAQ_MORE", ["Agendar sessão", "Perguntas"]);
    }

    #[test]
    fn one_turn_is_at_most_two_messages() {
        let turn = [
            utterance("WELCOME_NEW", &[]),
            utterance("RESCHEDULE_NOT_FOUND", &[]),
            utterance("MAIN_MENU", &[]),
        ];
        let messages = render_all(&turn, &clinic(), &DefaultWording);
        assert_eq!(messages.len(), 2);
        assert!(
            messages[0].text.ends_with("hoje?\n\nNão encontramos um agendamento ativo para este número.")
        );
        assert_eq!(render_all(&turn[..1], &clinic(), &DefaultWording).len(), 1);
        assert!(render_all(&[], &clinic(), &DefaultWording).is_empty());
    }
}
