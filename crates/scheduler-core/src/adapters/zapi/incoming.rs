//! Parses a message that arrived in a chat. Its kind follows from the key that is present.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fields::{flag, has, id, momment, text};
use crate::domain::message::{Author, Content, IncomingMessage};
use crate::domain::patient::clean_name;
use crate::domain::phone::Address;
use crate::ports::whatsapp::Echo;

/// Maximum characters of a text (WhatsApp's own limit); the rest is cut off.
const MAX_TEXT_CHARS: usize = 4096;
/// Maximum characters of a label or an option id; the rest is cut off.
const MAX_OPTION_CHARS: usize = 256;

/// z-api's keys for kinds of messages that the bot cannot read.
const UNREADABLE: [&str; 17] = [
    "audio",
    "image",
    "video",
    "ptv",
    "gif",
    "document",
    "sticker",
    "location",
    "liveLocation",
    "contact",
    "contacts",
    "order",
    "product",
    "poll",
    "event",
    "requestPayment",
    "sendPayment",
];

/// Keys for messages that only business software sends: z-api's, and WhatsApp's names for such messages. They
/// are not answered: otherwise two bots could answer each other endlessly.
const WRITTEN_BY_SOFTWARE: [&str; 11] = [
    "buttonsMessage",
    "hydratedTemplate",
    "carouselMessage",
    "pixKeyMessage",
    "reviewOrder",
    "reviewAndPay",
    "listMessage",
    "buttonList",
    "optionList",
    "templateMessage",
    "interactiveMessage",
];

/// z-api's keys for objects and lists that accompany a message, and are not the message.
const CONTEXT: [&str; 9] = [
    "notificationParameters",
    "broadcastRecipients",
    "statusImage",
    "statusVideo",
    "statusAudio",
    "statusText",
    "referencedMessage",
    "quotedMessage",
    "mentioned",
];

/// Parses a message. The error says why the webhook is ignored.
pub(super) fn parse(payload: &Value, now: DateTime<Utc>) -> Result<IncomingMessage, &'static str> {
    if payload.get("type").and_then(Value::as_str) != Some("ReceivedCallback") {
        return Err("not a message");
    }
    if has(payload, "notification") {
        return Err("notification");
    }
    let phone = patient_address(payload)?;
    if flag(payload, "waitingMessage") == Some(true) {
        return Err("the content arrives later");
    }
    let message_id = id(payload, "messageId").ok_or("no message id")?;
    let from_clinic = flag(payload, "fromMe") == Some(true);
    if from_clinic && flag(payload, "fromApi") == Some(true) {
        return Err("echo of our own message");
    }
    let parsed = if from_clinic { parse_staff_message(payload)? } else { parse_patient_message(payload)? };
    Ok(IncomingMessage {
        message_id,
        event_kind: parsed.event_kind,
        author: parsed.author,
        chat_lid: chat_lid(payload, &phone, from_clinic),
        address: Address(phone),
        profile_name: if from_clinic { None } else { profile_name(payload) },
        content: parsed.content,
        sent_at: momment(payload, now),
        received_at: now,
        reference_message_id: parsed.reference,
    })
}

/// Parses the echo of a message that was sent through z-api's API. `None` if it is not one.
pub(super) fn parse_echo(payload: &Value) -> Option<Echo> {
    let is = |name| flag(payload, name) == Some(true);
    if !(is("fromMe") && is("fromApi")) || has(payload, "notification") {
        return None;
    }
    let text = match known_content(payload).or_else(|| software_text(payload)) {
        Some(Content::Text { text }) => Some(text),
        Some(Content::Pressed { .. } | Content::Unreadable { .. }) | None => None,
    };
    Some(Echo {
        provider_message_id: id(payload, "messageId")?,
        address: Address(patient_address(payload).ok()?),
        text,
    })
}

struct Parsed {
    author: Author,
    event_kind: String,
    content: Content,
    reference: Option<String>,
}

/// The address of the patient. An error if this is not a chat with one person.
fn patient_address(payload: &Value) -> Result<String, &'static str> {
    let phone = id(payload, "phone").ok_or("no phone")?;
    let is = |name| flag(payload, name) == Some(true);
    if is("isGroup") || phone.ends_with("-group") || phone.ends_with("@g.us") {
        return Err("group");
    }
    if is("isNewsletter") || phone.ends_with("@newsletter") {
        return Err("newsletter");
    }
    if is("broadcast") || phone.ends_with("broadcast") {
        return Err("broadcast");
    }
    let digits = phone.strip_suffix("@lid").unwrap_or(&phone);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not a person");
    }
    if id(payload, "connectedPhone").is_some_and(|own| own == phone) {
        return Err("the clinic's own number");
    }
    Ok(phone)
}

fn parse_staff_message(payload: &Value) -> Result<Parsed, &'static str> {
    if has(payload, "reaction") || has(payload, "pinMessage") {
        return Err("reaction or pin of staff");
    }
    if flag(payload, "isEdit") == Some(true) || flag(payload, "isStatusReply") == Some(true) {
        return Err("edit or status reply of staff");
    }
    if let Some(choice) = choice(payload, Author::Staff) {
        return choice;
    }
    let content =
        known_content(payload).or_else(|| software_text(payload)).or_else(|| other_content(payload));
    Ok(message(payload, Author::Staff, content.ok_or("no content")?))
}

fn parse_patient_message(payload: &Value) -> Result<Parsed, &'static str> {
    if let Some(reaction) = payload.get("reaction").filter(|reaction| !reaction.is_null()) {
        return self::reaction(payload, reaction);
    }
    if has(payload, "pinMessage") {
        return Err("pin");
    }
    if has(payload, "newsletterAdminInvite") {
        return Err("invitation to a newsletter");
    }
    if let Some(choice) = choice(payload, Author::Patient) {
        return choice;
    }
    if let Some(content) = software_text(payload) {
        return Ok(message(payload, Author::RecordOnly, content));
    }
    let content = known_content(payload).or_else(|| other_content(payload)).ok_or("no content")?;
    if flag(payload, "isEdit") == Some(true) {
        let edit = message(payload, Author::RecordOnly, content);
        return Ok(Parsed { event_kind: timed_event_kind("edit", payload), ..edit });
    }
    let is_status_reply = flag(payload, "isStatusReply") == Some(true);
    let author = if is_status_reply { Author::RecordOnly } else { Author::Patient };
    Ok(message(payload, author, content))
}

fn message(payload: &Value, author: Author, content: Content) -> Parsed {
    let reference = id(payload, "referenceMessageId");
    Parsed { author, event_kind: "message".to_owned(), content, reference }
}

/// Event kind of an edit, a reaction, a vote or an answer to an event. They share the id of a message and may
/// occur several times, so their time is added.
fn timed_event_kind(kind: &str, payload: &Value) -> String {
    let momment = payload.get("momment").and_then(Value::as_i64).unwrap_or_default();
    format!("{kind}:{momment}")
}

fn reaction(payload: &Value, reaction: &Value) -> Result<Parsed, &'static str> {
    let value = text(reaction, "value").filter(|value| !value.is_empty()).ok_or("removed reaction")?;
    let message_id = reaction.get("referencedMessage").and_then(|message| id(message, "messageId"));
    Ok(Parsed {
        author: Author::RecordOnly,
        event_kind: timed_event_kind("reaction", payload),
        content: Content::Text { text: truncate(&value, MAX_OPTION_CHARS) },
        reference: message_id,
    })
}

/// A vote in a poll, or an answer to an event, which staff sent by hand: the bot sends neither, so it cannot
/// read the choice. `None` if the message is neither.
fn choice(payload: &Value, author: Author) -> Option<Result<Parsed, &'static str>> {
    let present = |name: &str| payload.get(name).filter(|choice| !choice.is_null());
    let (what, kind, reference) = if let Some(vote) = present("pollVote") {
        let options = vote.get("options").and_then(Value::as_array);
        if options.is_some_and(Vec::is_empty) {
            return Some(Err("withdrawn vote"));
        }
        ("pollVote", "vote", id(vote, "pollMessageId"))
    } else {
        let answer = present("eventResponse")?;
        let event = answer.get("referencedMessage").and_then(|message| id(message, "messageId"));
        ("eventResponse", "event", event)
    };
    let content = Content::Unreadable { what: what.to_owned() };
    let event_kind = timed_event_kind(kind, payload);
    Some(Ok(Parsed { event_kind, reference, ..message(payload, author, content) }))
}

fn known_content(payload: &Value) -> Option<Content> {
    pressed(payload)
        .or_else(|| {
            let written = text(payload.get("text")?, "message").filter(|text| !text.trim().is_empty())?;
            Some(Content::Text { text: truncate(&written, MAX_TEXT_CHARS) })
        })
        .or_else(|| {
            let what = UNREADABLE.into_iter().find(|what| has(payload, what))?;
            Some(Content::Unreadable { what: what.to_owned() })
        })
}

/// Content of a message without a text and of no known kind: a click on an advert, something to be viewed once,
/// or a kind that z-api added since. A person sent it, so it is answered as something that the bot cannot read.
fn other_content(payload: &Value) -> Option<Content> {
    let is_content = |(name, value): (&String, &Value)| {
        let holds_something = value.is_object() || value.as_array().is_some_and(|items| !items.is_empty());
        holds_something && !CONTEXT.contains(&name.as_str())
    };
    let what = if has(payload, "externalAdReply") {
        "ad"
    } else if is_view_once(payload) {
        "viewOnce"
    } else if payload.as_object()?.iter().any(is_content) {
        "unknown"
    } else {
        return None;
    };
    Some(Content::Unreadable { what: what.to_owned() })
}

fn is_view_once(payload: &Value) -> bool {
    flag(payload, "viewOnce") == Some(true)
}

/// A pressed button or list row. Without an id it counts as a text with the words of its label.
fn pressed(payload: &Value) -> Option<Content> {
    let (id, label) = if let Some(button) = payload.get("buttonsResponseMessage").filter(|it| it.is_object())
    {
        (text(button, "buttonId"), text(button, "message"))
    } else {
        let row = payload.get("listResponseMessage").filter(|it| it.is_object())?;
        let label = text(row, "title").filter(|title| !title.is_empty()).or_else(|| text(row, "message"));
        (text(row, "selectedRowId"), label)
    };
    let label = truncate(&label.unwrap_or_default(), MAX_OPTION_CHARS);
    match id.map(|id| truncate(id.trim(), MAX_OPTION_CHARS)).filter(|id| !id.is_empty()) {
        Some(id) => Some(Content::Pressed { id, label }),
        None if label.is_empty() => None,
        None => Some(Content::Text { text: label }),
    }
}

fn software_text(payload: &Value) -> Option<Content> {
    let (what, message) = WRITTEN_BY_SOFTWARE
        .into_iter()
        .find_map(|what| payload.get(what).filter(|it| !it.is_null()).map(|it| (what, it)))?;
    Some(match text(message, "message").filter(|text| !text.is_empty()) {
        Some(text) => Content::Text { text: truncate(&text, MAX_TEXT_CHARS) },
        None => Content::Unreadable { what: what.to_owned() },
    })
}

fn chat_lid(payload: &Value, phone: &str, from_clinic: bool) -> Option<String> {
    // In messages from the clinic `senderLid` is the clinic's own lid.
    let sender = if from_clinic { None } else { id(payload, "senderLid") };
    let lids = [id(payload, "chatLid"), sender, Some(phone.to_owned())];
    lids.into_iter().flatten().find(|lid| lid.ends_with("@lid"))
}

/// The name of the WhatsApp profile, else the one in the clinic's address book. z-api sends the number if it
/// knows no name.
fn profile_name(payload: &Value) -> Option<String> {
    let names = ["senderName", "chatName"].into_iter().filter_map(|name| text(payload, name));
    names.filter(|name| name.chars().any(char::is_alphabetic)).find_map(|name| clean_name(&name))
}

fn truncate(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
