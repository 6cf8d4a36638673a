//! WhatsApp messages, independent of the provider.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::phone::Address;

/// Maximum number of choices that WhatsApp shows as buttons. More are sent as a list.
pub const MAX_BUTTONS: usize = 3;
/// Maximum number of rows of a WhatsApp list. More choices are shown page by page.
pub const MAX_ROWS: usize = 10;
/// Maximum characters of a button's label. WhatsApp cuts off the rest.
pub const MAX_BUTTON_LABEL: usize = 20;
/// Maximum characters of the title of a list row. WhatsApp cuts off the rest.
pub const MAX_ROW_LABEL: usize = 24;

/// How WhatsApp shows a message. It depends on the number of choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// No choices.
    Text,
    /// Up to [`MAX_BUTTONS`] choices.
    Buttons,
    /// More than [`MAX_BUTTONS`] choices.
    List,
}

impl MessageType {
    /// The type of a message with `choices` choices.
    pub fn with_choices(choices: usize) -> Self {
        match choices {
            0 => Self::Text,
            1..=MAX_BUTTONS => Self::Buttons,
            _ => Self::List,
        }
    }

    /// Maximum characters of a choice's label.
    pub fn max_label(self) -> usize {
        match self {
            Self::Text | Self::Buttons => MAX_BUTTON_LABEL,
            Self::List => MAX_ROW_LABEL,
        }
    }

    /// Value of the attribute `messageType` in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Buttons => "buttons",
            Self::List => "list",
        }
    }
}

/// Shortens a label to at most `max` characters. A shortened label ends in `…`.
pub fn shorten(label: &str, max: usize) -> String {
    if label.chars().count() <= max {
        return label.to_owned();
    }
    let kept: String = label.chars().take(max - 1).collect();
    format!("{}…", kept.trim_end())
}

/// An option of a message. A patient presses it, or writes its number or label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Choice {
    /// Option id; see `docs/rules/conversation.md#option-ids`.
    pub id: String,
    /// Text that the patient sees.
    pub label: String,
}

impl Choice {
    /// Creates a choice from its option id and label.
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self { id: id.into(), label: label.into() }
    }
}

/// A message that is ready to send: a text with up to [`MAX_ROWS`] choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// The text, already rendered.
    pub text: String,
    /// Options that the patient can choose; none for a plain text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Number of the first choice if the message is sent as numbered text. It is above 1 on the second and
    /// later pages of a list, because numbers continue over the pages.
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

    /// How WhatsApp shows the message.
    pub fn message_type(&self) -> MessageType {
        MessageType::with_choices(self.choices.len())
    }

    /// The message as text only, for when WhatsApp refuses buttons or lists.
    pub fn as_numbered_text(&self) -> String {
        numbered_text(&self.text, &self.choices, self.first_number)
    }

    /// The two texts under which WhatsApp may show the message: its own, and with numbered choices.
    pub fn texts(&self) -> [String; 2] {
        [self.text.clone(), self.as_numbered_text()]
    }
}

/// The text followed by its choices, one per line: `1. Agendar`. If a line of the text already is the label
/// of a choice, that line is numbered instead.
pub fn numbered_text(text: &str, choices: &[Choice], first_number: usize) -> String {
    let mut remaining: Vec<(usize, &Choice)> = (first_number..).zip(choices).collect();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let spelled_out = remaining.iter().position(|(_, choice)| choice.label == line.trim());
        let number = spelled_out.map(|index| remaining.remove(index).0);
        lines.push(number.map_or_else(|| line.to_owned(), |number| format!("{number}. {}", line.trim())));
    }
    let below: Vec<String> =
        remaining.iter().map(|(number, choice)| format!("{number}. {}", choice.label)).collect();
    let text = lines.join("\n");
    match (below.is_empty(), below.len() < choices.len()) {
        (true, _) => text,
        (false, true) => format!("{text}\n{}", below.join("\n")),
        (false, false) => format!("{text}\n\n{}", below.join("\n")),
    }
}

/// Content of an incoming message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Written text.
    Text {
        /// Cut at 4,096 characters.
        text: String,
    },
    /// A pressed button or list row.
    Pressed {
        /// Option id.
        id: String,
        /// Label, as the patient saw it.
        label: String,
    },
    /// Content that the bot cannot read: audio, image, video, document, sticker, location, contact, a vote, a
    /// click on an advert, and every kind that is not known.
    Unreadable {
        /// Kind of content, such as `audio`; `unknown` if it is not known.
        what: String,
    },
}

/// Who wrote a message, which decides how the chat worker treats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The patient: the message is answered.
    Patient,
    /// Staff, on the clinic's own phone: the message silences the bot.
    Staff,
    /// The message is only recorded, never answered: an edit, a reaction or a status reply.
    #[serde(rename = "record")]
    RecordOnly,
}

/// An incoming message in a form that does not depend on the provider. It is stored in the chat's inbox
/// until the chat worker processes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// Id of the message at the provider. An edit or reaction can have the id of an earlier message.
    pub message_id: String,
    /// Distinguishes events with the same `message_id`: `message`, `edit:<momment>`, … (`momment` is z-api's
    /// field for the time of an event.)
    pub event_kind: String,
    /// Who wrote the message.
    pub author: Author,
    /// Address of the patient, verbatim from the webhook. Answers go there.
    pub address: Address,
    /// WhatsApp's stable id of the chat (`…@lid`), if the webhook contains one.
    pub chat_lid: Option<String>,
    /// Name of the WhatsApp profile, cleaned and cut to 80 characters.
    pub profile_name: Option<String>,
    /// What the message contains.
    pub content: Content,
    /// When it was sent, by the provider's clock, if that is plausible.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the webhook arrived, by the product's clock.
    pub received_at: DateTime<Utc>,
    /// Id of the message that it answers, if WhatsApp reports one.
    pub reference_message_id: Option<String>,
}

impl IncomingMessage {
    /// Deduplication key of the event, `<messageId>#<kind>`. An event is processed once per key.
    pub fn key(&self) -> String {
        format!("{}#{}", self.message_id, self.event_kind)
    }

    /// Whether it was written before `moment`, a time of the product's clock: it arrived before, or was sent
    /// more than five seconds before by the provider's clock, which counts seconds and is not ours. A time of
    /// sending that is more than a week old is not trusted.
    pub fn was_written_before(&self, moment: DateTime<Utc>) -> bool {
        const CLOCK_DIFFERENCE: TimeDelta = TimeDelta::seconds(5);
        const MAX_AGE: TimeDelta = TimeDelta::days(7);
        let by_sender = self.sent_at.is_some_and(|sent_at| {
            moment - sent_at > CLOCK_DIFFERENCE && self.received_at - sent_at < MAX_AGE
        });
        self.received_at < moment || by_sender
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
