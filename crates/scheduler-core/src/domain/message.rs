//! What travels over WhatsApp, whoever carries it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::phone::Address;

/// Most choices that WhatsApp shows as buttons; more are sent as a list.
pub const MAX_BUTTONS: usize = 3;
/// Most rows of a WhatsApp list; more choices are shown page by page.
pub const MAX_ROWS: usize = 10;
/// WhatsApp cuts a button's label after this many characters.
pub const MAX_BUTTON_LABEL: usize = 20;
/// WhatsApp cuts the title of a list row after this many characters.
pub const MAX_ROW_LABEL: usize = 24;

/// How a message is shown, which depends on how many choices it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// No choices.
    Text,
    /// Up to [`MAX_BUTTONS`] choices.
    Buttons,
    /// More choices.
    List,
}

impl MessageType {
    /// The type of a message with this many choices.
    pub fn with_choices(choices: usize) -> Self {
        match choices {
            0 => Self::Text,
            1..=MAX_BUTTONS => Self::Buttons,
            _ => Self::List,
        }
    }

    /// The longest label of a choice, in characters.
    pub fn max_label(self) -> usize {
        match self {
            Self::Text | Self::Buttons => MAX_BUTTON_LABEL,
            Self::List => MAX_ROW_LABEL,
        }
    }

    /// The stored word (`messageType`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Buttons => "buttons",
            Self::List => "list",
        }
    }
}

/// Shortens a label to `max` characters; a label that was longer ends in `…`.
pub fn shorten(label: &str, max: usize) -> String {
    if label.chars().count() <= max {
        return label.to_owned();
    }
    let kept: String = label.chars().take(max - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Something a patient can press, or name by its number or label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Choice {
    /// What it means; contract 6.
    pub id: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    /// A choice of this meaning and wording.
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self { id: id.into(), label: label.into() }
    }
}

/// A message ready to send: text with no choices, up to three as buttons, up to ten as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// The text, already rendered.
    pub text: String,
    /// What can be pressed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Number of the first choice where the message must fall back to numbered text (numbers run
    /// on over pages).
    #[serde(default = "one")]
    pub first_number: usize,
}

fn one() -> usize {
    1
}

impl OutgoingMessage {
    /// A message without choices.
    pub fn text(text: String) -> Self {
        Self { text, choices: Vec::new(), first_number: 1 }
    }

    /// How WhatsApp shows it.
    pub fn message_type(&self) -> MessageType {
        MessageType::with_choices(self.choices.len())
    }

    /// The message as text alone: what is sent where nothing can be pressed.
    pub fn as_numbered_text(&self) -> String {
        numbered_text(&self.text, &self.choices, self.first_number)
    }
}

/// A text with its choices below it, one a line: `1. Agendar`. Where the text spells the choices
/// out already, a line each, those lines are numbered instead.
pub fn numbered_text(text: &str, choices: &[Choice], first_number: usize) -> String {
    let mut left: Vec<(usize, &Choice)> = (first_number..).zip(choices).collect();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let spelled_out = left.iter().position(|(_, choice)| choice.label == line.trim());
        let number = spelled_out.map(|index| left.remove(index).0);
        lines.push(number.map_or_else(|| line.to_owned(), |number| format!("{number}. {}", line.trim())));
    }
    let below: Vec<String> =
        left.iter().map(|(number, choice)| format!("{number}. {}", choice.label)).collect();
    let text = lines.join("\n");
    match (below.is_empty(), below.len() < choices.len()) {
        (true, _) => text,
        (false, true) => format!("{text}\n{}", below.join("\n")),
        (false, false) => format!("{text}\n\n{}", below.join("\n")),
    }
}

/// What a patient's message says, whatever it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Written words.
    Text {
        /// At most 4,096 characters are kept.
        text: String,
    },
    /// A pressed button or list row.
    Pressed {
        /// The option's id.
        id: String,
        /// Its label as the patient saw it.
        label: String,
    },
    /// Audio, picture, video, document, sticker, location, contact and the like, which the bot
    /// cannot read.
    Unreadable {
        /// Such as `audio`.
        what: String,
    },
}

/// Why a message is in the chat's inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The patient wrote: it is answered.
    Patient,
    /// Staff typed on the clinic's own phone: it silences the bot.
    Staff,
    /// Recorded, never answered: an edit, a reaction with words, our own echo and the like.
    Record,
}

/// A message that came in, in the words of the product. Parsed by the provider, stored in the
/// chat's inbox until it is worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// The provider's id.
    pub message_id: String,
    /// What tells two events of one id apart: `message`, `edit:<momment>`, …
    pub event_kind: String,
    /// Who wrote.
    pub author: Author,
    /// Where the answer goes: exactly what wrote.
    pub address: Address,
    /// WhatsApp's stable id of the chat, where it came with one.
    pub chat_lid: Option<String>,
    /// The profile's name, cleaned and cut to 80 characters.
    pub profile_name: Option<String>,
    /// What it says.
    pub content: Content,
    /// The provider's clock, if plausible.
    pub sent_at: Option<DateTime<Utc>>,
    /// Our clock on arrival.
    pub received_at: DateTime<Utc>,
    /// The prompt it answers, if WhatsApp says so.
    pub reference_message_id: Option<String>,
}

impl IncomingMessage {
    /// The key under which an event is worked on once: `<messageId>#<kind>`.
    pub fn key(&self) -> String {
        format!("{}#{}", self.message_id, self.event_kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_shortened_where_whatsapp_would_cut_them() {
        let check = |label: &str, max: usize, expected: &str| assert_eq!(shorten(label, max), expected);
        check("Dúvidas sobre sessão", 20, "Dúvidas sobre sessão");
        check("Depilação a laser pernas", 20, "Depilação a laser p…");
        check("Depilação a laser de axilas", 20, "Depilação a laser d…");
        check("Depilação a laser completa", 19, "Depilação a laser…");
    }

    #[test]
    fn the_number_of_choices_decides_how_a_message_is_shown() {
        let shown = |choices| MessageType::with_choices(choices).as_str();
        assert_eq!([0, 1, 3, 4, 10].map(shown), ["text", "buttons", "buttons", "list", "list"]);
    }

    #[test]
    fn choices_are_numbered_below_the_text_or_within_it() {
        let check = |text: &str, labels: &[&str], first: usize, expected: &str| {
            let choices: Vec<Choice> = labels.iter().map(|label| Choice::new("x", *label)).collect();
            assert_eq!(numbered_text(text, &choices, first), expected);
        };
        check("Olá", &[], 1, "Olá");
        check("O que?", &["Agendar", "Voltar"], 1, "O que?\n\n1. Agendar\n2. Voltar");
        check("Dias:\nsegunda\nterça", &["segunda", "terça"], 10, "Dias:\n10. segunda\n11. terça");
        check("Dias:\nsegunda", &["segunda", "Mais datas"], 1, "Dias:\n1. segunda\n2. Mais datas");
    }
}
