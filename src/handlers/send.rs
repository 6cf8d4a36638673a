//! A message to a patient, in reception's words.

use scheduler_core::app::send_message::{DirectMessage, MessageOptions};
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::message::{Choice, MAX_BUTTONS};
use scheduler_core::domain::phone::Phone;
use serde_json::{Map, Value, json};

use super::choices::{List, buttons, sections};
use crate::context::Messenger;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, TEXT, phone, text, word};
use crate::request::ApiRequest;

/// What a message has to press.
#[derive(Clone, Copy, Default, PartialEq)]
enum Kind {
    #[default]
    Text,
    Buttons,
    List,
}

const KINDS: &[(&str, Kind)] = &[("text", Kind::Text), ("buttons", Kind::Buttons), ("list", Kind::List)];

/// What reception asks for.
pub(crate) struct SendInput {
    clinic: ClinicId,
    phone: String,
    kind: Kind,
    content: String,
    buttons: Option<Vec<Choice>>,
    sections: Option<List>,
}

pub(crate) fn send_input(fields: &mut Fields) -> SendInput {
    fields.rule(options_by_type);
    SendInput {
        clinic: ClinicId(fields.required("clinicId", text(LINE))),
        phone: fields.required("phone", phone()),
        kind: fields.required("type", word(KINDS)),
        content: fields.required("content", text(TEXT)),
        buttons: fields.optional("buttons", buttons(1, MAX_BUTTONS)),
        sections: fields.optional("sections", sections()),
    }
}

pub(crate) async fn send(context: &Messenger, request: ApiRequest) -> Result<Reply, ApiError> {
    let mut fields = Fields::of_body(&request)?;
    let input = send_input(&mut fields);
    if fields.is_sound() {
        belongs(&mut fields, "buttons", input.buttons.is_some(), input.kind == Kind::Buttons);
        belongs(&mut fields, "sections", input.sections.is_some(), input.kind == Kind::List);
    }
    let input = fields.finish(input)?;
    request.in_scope(&input.clinic)?;
    let to = Phone::with_country_code(&input.phone).map_err(|error| ApiError::internal(error.to_string()))?;
    let options = match (input.buttons, input.sections) {
        (Some(buttons), _) => MessageOptions::Buttons(buttons),
        (None, Some(List { title, rows })) => MessageOptions::List { opened_by: title, rows },
        (None, None) => MessageOptions::None,
    };
    let message = DirectMessage { to, text: input.content, options };
    let handled = context.chats.send_message(&input.clinic, &message).await?;
    Reply::ok("Mensagem processada.")
        .with("messageId", handled.message_id)?
        .with("providerStatus", handled.status)
}

/// What [`belongs`] keeps, as JSON Schema.
fn options_by_type() -> Value {
    let of = |kind: &str, own: &[&str], others: &[&str]| {
        let others = others.iter().map(|name| ((*name).to_owned(), json!({"type": "null"})));
        let own_ones = own.iter().map(|name| ((*name).to_owned(), json!({"type": "array"})));
        let mut properties: Map<String, Value> = others.chain(own_ones).collect();
        properties.insert("type".into(), json!({"const": kind}));
        json!({"properties": properties, "required": own})
    };
    json!({"oneOf": [
        of("text", &[], &["buttons", "sections"]),
        of("buttons", &["buttons"], &["sections"]),
        of("list", &["sections"], &["buttons"]),
    ]})
}

/// Options belong to one kind of message, and are all of it.
fn belongs(fields: &mut Fields, name: &str, is_there: bool, is_its_kind: bool) {
    match (is_there, is_its_kind) {
        (false, true) => fields.error(name, "Obrigatório para este type."),
        (true, false) => fields.error(name, "Não combina com este type."),
        _ => {}
    }
}
