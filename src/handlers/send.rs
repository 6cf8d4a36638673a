//! The route that sends a message from reception to a patient (docs/rules/api.md#send).

use scheduler_core::app::send_message::{DirectMessage, MessageOptions, ProviderStatus};
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::message::{Choice, MAX_BUTTONS};
use scheduler_core::domain::phone::Phone;
use serde_json::{Map, Value, json};

use super::choices::{List, buttons, sections};
use crate::context::Sender;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, MAX_LINE_CHARS, MAX_TEXT_CHARS, one_of, phone, text};
use crate::request::ApiRequest;

/// The kind of options that a message has.
#[derive(Clone, Copy, Default, PartialEq)]
enum MessageKind {
    #[default]
    Text,
    Buttons,
    List,
}

const KINDS: &[(&str, MessageKind)] =
    &[("text", MessageKind::Text), ("buttons", MessageKind::Buttons), ("list", MessageKind::List)];

/// The body of `POST /send`.
pub(crate) struct SendInput {
    clinic: ClinicId,
    phone: String,
    kind: MessageKind,
    content: String,
    buttons: Option<Vec<Choice>>,
    sections: Option<List>,
}

pub(crate) fn send_input(fields: &mut Fields) -> SendInput {
    fields.rule(options_by_type);
    SendInput {
        clinic: ClinicId(fields.required("clinicId", text(MAX_LINE_CHARS))),
        phone: fields.required("phone", phone()),
        kind: fields.required("type", one_of(KINDS)),
        content: fields.required("content", text(MAX_TEXT_CHARS)),
        buttons: fields.optional("buttons", buttons(1, MAX_BUTTONS)),
        sections: fields.optional("sections", sections()),
    }
}

pub(crate) async fn send(context: &Sender, request: ApiRequest) -> Result<Reply, ApiError> {
    let mut fields = Fields::of_body(&request)?;
    let input = send_input(&mut fields);
    if fields.has_no_errors() {
        check_options(&mut fields, "buttons", input.buttons.is_some(), input.kind == MessageKind::Buttons);
        check_options(&mut fields, "sections", input.sections.is_some(), input.kind == MessageKind::List);
    }
    let input = fields.finish(input)?;
    request.require_scope(&input.clinic)?;
    let to = Phone::with_country_code(&input.phone).map_err(|error| ApiError::internal(error.to_string()))?;
    let options = match (input.buttons, input.sections) {
        (Some(buttons), _) => MessageOptions::Buttons(buttons),
        (None, Some(List { title, rows })) => MessageOptions::List { button_label: title, rows },
        (None, None) => MessageOptions::None,
    };
    let message = DirectMessage { to, text: input.content, options };
    let handled = context.chats.send_message(&input.clinic, &message, context.limits).await?;
    let reply = match handled.status {
        ProviderStatus::Sent | ProviderStatus::Blocked => Reply::ok("Mensagem processada."),
        ProviderStatus::Unknown => {
            Reply::accepted("A Z-API não respondeu: a mensagem pode ter sido enviada.")
        }
    };
    reply.with("messageId", handled.message_id)?.with("providerStatus", handled.status)
}

/// The rule of [`check_options`] as JSON Schema.
fn options_by_type() -> Value {
    let of = |kind: &str, own: &[&str], others: &[&str]| {
        let others = others.iter().map(|name| ((*name).to_owned(), json!({"type": "null"})));
        let required_types = own.iter().map(|name| ((*name).to_owned(), json!({"type": "array"})));
        let mut properties: Map<String, Value> = others.chain(required_types).collect();
        properties.insert("type".into(), json!({"const": kind}));
        json!({"properties": properties, "required": own})
    };
    json!({"oneOf": [
        of("text", &[], &["buttons", "sections"]),
        of("buttons", &["buttons"], &["sections"]),
        of("list", &["sections"], &["buttons"]),
    ]})
}

/// Options are required for their kind of message and refused for every other kind.
fn check_options(fields: &mut Fields, name: &str, is_present: bool, is_its_kind: bool) {
    match (is_present, is_its_kind) {
        (false, true) => fields.error(name, "Obrigatório para este type."),
        (true, false) => fields.error(name, "Não combina com este type."),
        _ => {}
    }
}
