//! Recognises a text that equals a label in the clinic's own wording.

use super::phrases;
use crate::conversation::machine::state::Chat;
use crate::conversation::say::render::{ClinicWording, own_label};
use crate::domain::message::{Choice, Content};
use crate::domain::text_normalize::normalize;

/// Turns a text that equals the clinic's own label of an offered option into a press of that option, because
/// the conversation knows only the default labels.
pub fn as_pressed_option(content: &Content, chat: &Chat, wording: &dyn ClinicWording) -> Content {
    let Content::Text { text } = content else { return content.clone() };
    // Opt-out words come first, even if a clinic uses one of them as a label.
    if phrases::opt_out(text).is_some() {
        return content.clone();
    }
    let normalized = normalize(text);
    let question = chat.state.question(&chat.memory).utterance();
    let label = |choice: &Choice| own_label(choice, question.template, wording).map(normalize);
    let has_this_label = |choice: &&Choice| label(choice).is_some_and(|label| label == normalized);
    match question.choices.iter().find(has_this_label).filter(|_| !normalized.is_empty()) {
        Some(choice) => Content::Pressed { id: choice.id.clone(), label: text.clone() },
        None => content.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::machine::state::State;

    struct Relabelled(Vec<Choice>);

    impl ClinicWording for Relabelled {
        fn text(&self, _key: &str) -> Option<&str> {
            None
        }

        fn labels(&self, _key: &str) -> &[Choice] {
            &self.0
        }
    }

    fn in_menu() -> Chat {
        Chat { state: State::MainMenu, ..Chat::new() }
    }

    #[test]
    fn a_relabelled_option_can_be_written_as_text() {
        let wording = Relabelled(vec![Choice::new("schedule", "Quero um horário!")]);
        let check = |text: &str, expected: Option<&str>| {
            let read = as_pressed_option(&Content::Text { text: text.to_owned() }, &in_menu(), &wording);
            let pressed = match read {
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
    fn an_opt_out_comes_before_any_label() {
        let wording = Relabelled(vec![Choice::new("faq", "Sair")]);
        let content = Content::Text { text: "SAIR".to_owned() };
        assert_eq!(as_pressed_option(&content, &in_menu(), &wording), content);
    }
}
