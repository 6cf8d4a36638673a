//! What the bot says: the default wording, and how a saying becomes a message.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::event::Saying;
use super::press::Press;
use super::state::Chat;
use super::words;
use crate::domain::clinic::Clinic;
use crate::domain::fold::fold;
use crate::domain::message::{Choice, Content, OutgoingMessage};

/// WhatsApp cuts a button's label here.
pub const BUTTON_LABEL: usize = 20;
/// WhatsApp cuts a list row's title here.
pub const ROW_LABEL: usize = 24;
/// More choices than this are a list.
pub const MOST_BUTTONS: usize = 3;
/// More choices than this are paged.
pub const MOST_ROWS: usize = 10;

/// Placeholders that every template may use.
pub const EVERYWHERE: [&str; 2] = ["clinic_name", "address"];

/// What the bot says first.
const GREETINGS: [&str; 2] = ["WELCOME_NEW", "WELCOME_RETURNING"];

/// A message the bot knows how to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Template {
    /// The default wording, the specification's where it gives one.
    pub text: String,
    /// Placeholders it may use besides [`EVERYWHERE`].
    #[serde(default)]
    pub placeholders: Vec<String>,
    /// Options a clinic may relabel with it, by kind (`book` for `book_3`).
    #[serde(default)]
    pub buttons: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Copy {
    labels: BTreeMap<String, String>,
    templates: BTreeMap<String, Template>,
}

static COPY: LazyLock<Copy> =
    LazyLock::new(|| toml::from_str(include_str!("../../copy/pt_br.toml")).unwrap_or_default());

/// Every known template by its key.
pub fn templates() -> &'static BTreeMap<String, Template> {
    &COPY.templates
}

/// The label of an option, by its key in the copy.
pub fn label(key: &str) -> &'static str {
    COPY.labels.get(key).map_or("", String::as_str)
}

/// A clinic's own wording, by template key.
pub trait OwnWordings {
    /// The clinic's text, with placeholders.
    fn text(&self, key: &str) -> Option<&str>;
    /// The clinic's labels by option id, or by its kind.
    fn labels(&self, key: &str) -> &[Choice];
}

/// A clinic without a wording of its own.
pub struct NoWordings;

impl OwnWordings for NoWordings {
    fn text(&self, _key: &str) -> Option<&str> {
        None
    }

    fn labels(&self, _key: &str) -> &[Choice] {
        &[]
    }
}

/// The messages of one turn: at most two, an answer and then a question. Whatever was said before
/// the last saying goes out as one message.
pub fn render_turn(sayings: &[Saying], clinic: &Clinic, own: &dyn OwnWordings) -> Vec<OutgoingMessage> {
    let mut messages: Vec<OutgoingMessage> = sayings
        .iter()
        .map(|saying| render(saying, clinic, own))
        .filter(|message| !message.text.is_empty())
        .collect();
    let Some(question) = messages.pop() else { return messages };
    let answers: Vec<String> = messages.into_iter().map(|message| message.text).collect();
    let answer = (!answers.is_empty()).then(|| OutgoingMessage {
        text: answers.join("\n\n"),
        choices: Vec::new(),
        first_number: 1,
    });
    answer.into_iter().chain([question]).collect()
}

/// One saying as a message, in the clinic's own words where it has them.
pub fn render(saying: &Saying, clinic: &Clinic, own: &dyn OwnWordings) -> OutgoingMessage {
    let key = saying.template;
    let standing_in = GREETINGS.contains(&key).then_some(clinic.welcome_message.as_deref()).flatten();
    let default = COPY.templates.get(key).map_or("", |template| &template.text);
    let template = standing_in.or(own.text(key)).filter(|text| !text.trim().is_empty()).unwrap_or(default);
    let value = |name: &str| match name {
        "clinic_name" => Some(clinic.name.as_str()),
        "address" => clinic.address.as_deref(),
        "pre_session_instructions" => clinic.pre_session_instructions.as_deref(),
        _ => saying.values.get(name).map(String::as_str),
    };
    let mut text = fill(template, value);
    if text.is_empty() {
        text = fill(default, value);
    }
    let most = if saying.choices.len() <= MOST_BUTTONS { BUTTON_LABEL } else { ROW_LABEL };
    let relabelled = |choice: &Choice| own_label(choice, key, own).unwrap_or(&choice.label).to_owned();
    let choices: Vec<Choice> = saying
        .choices
        .iter()
        .map(|choice| Choice { id: choice.id.clone(), label: cut(&relabelled(choice), most) })
        .collect();
    OutgoingMessage { text, choices, first_number: saying.first_number.max(1) }
}

/// The label a clinic gave to an option, by its id or its kind. The menu comes with the greeting:
/// where it has no label of its own for an option, the greeting's counts.
fn own_label<'a>(choice: &Choice, key: &str, own: &'a dyn OwnWordings) -> Option<&'a str> {
    let kind = Press::kind(&choice.id);
    let greetings = GREETINGS.iter().filter(|_| key == "MAIN_MENU").flat_map(|key| own.labels(key));
    own.labels(key)
        .iter()
        .chain(greetings)
        .find(|own| own.id == choice.id || own.id == kind)
        .map(|own| own.label.as_str())
        .filter(|label| !label.trim().is_empty())
}

/// What a patient wrote, as a press where it is exactly the clinic's own label of an option that is
/// asked for: the conversation itself knows the default labels only.
pub fn hear(content: &Content, chat: &Chat, own: &dyn OwnWordings) -> Content {
    let Content::Text { text } = content else { return content.clone() };
    // Opting out comes before anything else, whatever a clinic calls its options.
    if words::opt_out(text).is_some() {
        return content.clone();
    }
    let written = fold(text);
    let question = chat.state.question(&chat.memory).saying();
    let label = |choice: &Choice| own_label(choice, question.template, own).map(fold);
    let says_so = |choice: &&Choice| label(choice).is_some_and(|label| label == written);
    match question.choices.iter().find(says_so).filter(|_| !written.is_empty()) {
        Some(choice) => Content::Pressed { id: choice.id.clone(), label: text.clone() },
        None => content.clone(),
    }
}

/// Fills placeholders in one pass: a value is never read for placeholders. A line whose
/// placeholders are all empty is left out; a separator that an empty value leaves at a line's end
/// goes with it.
fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut text = String::with_capacity(template.len());
    for line in template.lines() {
        let (mut filled, mut rest, mut placeholders, mut empty) = (String::new(), line, 0, 0);
        while let Some((before, name, after)) = next_placeholder(rest) {
            filled.push_str(before);
            let found = value(name).unwrap_or_default().trim();
            filled.push_str(found);
            placeholders += 1;
            empty += usize::from(found.is_empty());
            rest = after;
        }
        filled.push_str(rest);
        if placeholders > 0 && placeholders == empty {
            continue;
        }
        let kept = if empty > 0 {
            filled.trim_end_matches([' ', '-', '–', ':', ',', '|'])
        } else {
            filled.trim_end()
        };
        text.push_str(kept);
        text.push('\n');
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text.trim().to_owned()
}

pub(super) fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

/// A label of at most so many characters, its end replaced by `…` where it is longer.
pub fn cut(label: &str, most: usize) -> String {
    if label.chars().count() <= most {
        return label.to_owned();
    }
    let kept: String = label.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
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

    struct Own(&'static str, Vec<Choice>);

    impl OwnWordings for Own {
        fn text(&self, _key: &str) -> Option<&str> {
            Some(self.0)
        }

        fn labels(&self, _key: &str) -> &[Choice] {
            &self.1
        }
    }

    fn saying(template: &'static str, values: &[(&'static str, &str)]) -> Saying {
        let values = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Saying { template, values, ..Saying::default() }
    }

    #[test]
    fn the_copy_is_complete() {
        assert!(templates().len() > 50, "the copy did not parse");
        for (key, template) in templates() {
            let mut rest = template.text.as_str();
            while let Some((_, name, after)) = next_placeholder(rest) {
                let known =
                    EVERYWHERE.contains(&name) || template.placeholders.iter().any(|known| known == name);
                assert!(known, "{key} uses {name}");
                rest = after;
            }
            for button in &template.buttons {
                let known = COPY.labels.contains_key(button) || Press::parse(button).is_some();
                assert!(known, "{key} relabels {button}");
            }
        }
        for (key, label) in &COPY.labels {
            assert!(label.chars().count() <= BUTTON_LABEL, "{key}");
        }
    }

    #[test]
    fn empty_values_leave_no_gap() {
        let check = |template: &'static str, values: &[(&'static str, &str)], expected: &str| {
            assert_eq!(render(&saying("X", values), &clinic(), &Own(template, vec![])).text, expected);
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
    fn a_value_is_not_expanded() {
        let text = render(
            &saying("FAQ_ANSWER", &[("answer", "{{clinic_name}} {{answer}}")]),
            &clinic(),
            &NoWordings,
        )
        .text;
        assert_eq!(text, "{{clinic_name}} {{answer}}");
    }

    #[test]
    fn the_welcome_message_stands_in_for_both_greetings() {
        let mut clinic = clinic();
        clinic.welcome_message = Some("Oi, aqui é a {{clinic_name}}.".to_owned());
        for key in ["WELCOME_NEW", "WELCOME_RETURNING"] {
            assert_eq!(render(&saying(key, &[]), &clinic, &NoWordings).text, "Oi, aqui é a Laser Beauty.");
        }
        assert!(render(&saying("FAQ_MENU", &[]), &clinic, &NoWordings).text.starts_with("Qual"));
    }

    #[test]
    fn a_template_relabels_options_by_id() {
        let own = Own("Confirma?", vec![Choice::new("book", "Quero!"), Choice::new("nothing", "x")]);
        let mut asked = saying("CONFIRM_BOOKING", &[]);
        asked.choices = vec![Choice::new("book_3", "Confirmar"), Choice::new("back", "Voltar")];
        let message = render(&asked, &clinic(), &own);
        assert_eq!(message.choices, [Choice::new("book_3", "Quero!"), Choice::new("back", "Voltar")]);
    }

    #[test]
    fn the_menu_takes_the_labels_of_the_greeting_it_comes_with() {
        struct Greeting;

        impl OwnWordings for Greeting {
            fn text(&self, _key: &str) -> Option<&str> {
                None
            }

            fn labels(&self, key: &str) -> &[Choice] {
                static OWN: LazyLock<[Choice; 1]> = LazyLock::new(|| [Choice::new("faq", "Dúvidas")]);
                if key == "WELCOME_RETURNING" { &*OWN } else { &[] }
            }
        }

        let mut menu = saying("MAIN_MENU", &[]);
        menu.choices = vec![Choice::new("schedule", "Agendar sessão"), Choice::new("faq", "Perguntas")];
        let check = |key: &'static str, expected: [&str; 2]| {
            let said = render(&Saying { template: key, ..menu.clone() }, &clinic(), &Greeting);
            let labels: Vec<String> = said.choices.into_iter().map(|choice| choice.label).collect();
            assert_eq!(labels, expected);
        };
        check("MAIN_MENU", ["Agendar sessão", "Dúvidas"]);
        check("FAQ_MORE", ["Agendar sessão", "Perguntas"]);
    }

    #[test]
    fn a_relabelled_option_may_be_written() {
        let own = Own("O que seria?", vec![Choice::new("schedule", "Quero um horário!")]);
        let mut chat = Chat::new();
        chat.state = crate::conversation::state::State::MainMenu;
        let check = |text: &str, expected: Option<&str>| {
            let heard = hear(&Content::Text { text: text.to_owned() }, &chat, &own);
            let pressed = match heard {
                Content::Pressed { id, .. } => Some(id),
                Content::Text { .. } | Content::Unreadable { .. } => None,
            };
            assert_eq!(pressed.as_deref(), expected, "{text:?}");
        };
        check("quero um horario", Some("schedule"));
        check("horário", None);
        check("Remarcar sessão", None);
        check("", None);
    }

    #[test]
    fn no_label_stands_before_opting_out() {
        let own = Own("O que seria?", vec![Choice::new("faq", "Sair")]);
        let chat = Chat { state: crate::conversation::state::State::MainMenu, ..Chat::new() };
        let content = Content::Text { text: "SAIR".to_owned() };
        assert_eq!(hear(&content, &chat, &own), content);
    }

    #[test]
    fn labels_are_cut_where_whatsapp_cuts_them() {
        let check = |label: &str, most: usize, expected: &str| assert_eq!(cut(label, most), expected);
        check("Dúvidas sobre sessão", 20, "Dúvidas sobre sessão");
        check("Depilação a laser pernas", 20, "Depilação a laser p…");
        check("Depilação a laser de axilas", 20, "Depilação a laser d…");
        check("Depilação a laser completa", 19, "Depilação a laser…");
    }

    #[test]
    fn a_turn_is_at_most_an_answer_and_a_question() {
        let turn =
            [saying("WELCOME_NEW", &[]), saying("RESCHEDULE_NOT_FOUND", &[]), saying("MAIN_MENU", &[])];
        let messages = render_turn(&turn, &clinic(), &NoWordings);
        assert_eq!(messages.len(), 2);
        assert!(
            messages[0].text.ends_with("hoje?\n\nNão encontramos um agendamento ativo para este número.")
        );
        assert_eq!(render_turn(&turn[..1], &clinic(), &NoWordings).len(), 1);
        assert!(render_turn(&[], &clinic(), &NoWordings).is_empty());
    }
}
