//! Reads what arrived in a chat: which key is present says what it is.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fields::{flag, has, id, momment, text};
use crate::domain::message::{Author, Content, IncomingMessage};
use crate::domain::patient::clean_name;
use crate::domain::phone::Address;

/// Longest text that is kept, in characters (WhatsApp's own limit).
const TEXT: usize = 4096;
/// Longest label or option id that is kept, in characters.
const OPTION: usize = 256;

/// Kinds a bot cannot read, under the key z-api gives them.
const UNREADABLE: [&str; 13] = [
    "audio",
    "image",
    "video",
    "document",
    "sticker",
    "location",
    "contact",
    "order",
    "product",
    "poll",
    "event",
    "requestPayment",
    "sendPayment",
];

/// Messages that only a business' software writes. Answering them would have two bots talk.
const WRITTEN_BY_SOFTWARE: [&str; 6] =
    ["buttonsMessage", "hydratedTemplate", "carouselMessage", "pixKeyMessage", "reviewOrder", "reviewAndPay"];

/// Reads a message, or says why it is none.
pub(super) fn parse(payload: &Value, now: DateTime<Utc>) -> Result<IncomingMessage, &'static str> {
    if payload.get("type").and_then(Value::as_str) != Some("ReceivedCallback") {
        return Err("not a message");
    }
    if has(payload, "notification") {
        return Err("notification");
    }
    let phone = person(payload)?;
    if flag(payload, "waitingMessage") == Some(true) {
        return Err("waiting");
    }
    let message_id = id(payload, "messageId").ok_or("no message id")?;
    let from_clinic = flag(payload, "fromMe") == Some(true);
    if from_clinic && flag(payload, "fromApi") == Some(true) {
        return Err("own echo");
    }
    let read = if from_clinic { by_staff(payload)? } else { by_patient(payload)? };
    Ok(IncomingMessage {
        message_id,
        event_kind: read.event_kind,
        author: read.author,
        chat_lid: chat_lid(payload, &phone, from_clinic),
        address: Address(phone),
        profile_name: if from_clinic { None } else { profile_name(payload) },
        content: read.content,
        sent_at: momment(payload, now),
        received_at: now,
        reference_message_id: read.reference,
    })
}

struct Read {
    author: Author,
    event_kind: String,
    content: Content,
    reference: Option<String>,
}

/// The other party's address, if this is a chat with one person.
fn person(payload: &Value) -> Result<String, &'static str> {
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

fn by_staff(payload: &Value) -> Result<Read, &'static str> {
    if has(payload, "reaction") || has(payload, "pinMessage") || has(payload, "pollVote") {
        return Err("no words of staff");
    }
    if flag(payload, "isEdit") == Some(true) || flag(payload, "isStatusReply") == Some(true) {
        return Err("an edit or status reply of staff");
    }
    let content = content(payload).or_else(|| software_text(payload)).ok_or("no content")?;
    Ok(message(payload, Author::Staff, content))
}

fn by_patient(payload: &Value) -> Result<Read, &'static str> {
    if let Some(reaction) = payload.get("reaction").filter(|reaction| !reaction.is_null()) {
        return self::reaction(payload, reaction);
    }
    if has(payload, "pinMessage") {
        return Err("pin");
    }
    if has(payload, "eventResponse") || has(payload, "newsletterAdminInvite") {
        return Err("an answer to an invitation");
    }
    if let Some(vote) = payload.get("pollVote").filter(|vote| !vote.is_null()) {
        return Ok(Read { event_kind: moment_kind("vote", payload), ..vote_of(payload, vote) });
    }
    if let Some(content) = software_text(payload) {
        return Ok(message(payload, Author::Record, content));
    }
    let content = content(payload).ok_or("no content")?;
    if flag(payload, "isEdit") == Some(true) {
        let edit = message(payload, Author::Record, content);
        return Ok(Read { event_kind: moment_kind("edit", payload), ..edit });
    }
    let is_status_reply = flag(payload, "isStatusReply") == Some(true);
    let author = if is_status_reply { Author::Record } else { Author::Patient };
    Ok(message(payload, author, content))
}

fn message(payload: &Value, author: Author, content: Content) -> Read {
    let reference = id(payload, "referenceMessageId");
    Read { author, event_kind: "message".to_owned(), content, reference }
}

/// Edits, reactions and votes may share a message's id, and come more than once.
fn moment_kind(kind: &str, payload: &Value) -> String {
    let momment = payload.get("momment").and_then(Value::as_i64).unwrap_or_default();
    format!("{kind}:{momment}")
}

fn reaction(payload: &Value, reaction: &Value) -> Result<Read, &'static str> {
    let value = text(reaction, "value").filter(|value| !value.is_empty()).ok_or("a reaction taken back")?;
    let to = reaction.get("referencedMessage").and_then(|message| id(message, "messageId"));
    Ok(Read {
        author: Author::Record,
        event_kind: moment_kind("reaction", payload),
        content: Content::Text { text: cut(&value, OPTION) },
        reference: to,
    })
}

/// Polls are not ours, so a vote in one is recorded only.
fn vote_of(payload: &Value, vote: &Value) -> Read {
    let options = vote.get("options").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<String> = options.filter_map(|option| text(option, "name")).collect();
    let read = message(payload, Author::Record, Content::Text { text: cut(&names.join(", "), TEXT) });
    Read { reference: id(vote, "pollMessageId"), ..read }
}

fn content(payload: &Value) -> Option<Content> {
    pressed(payload)
        .or_else(|| {
            let written = text(payload.get("text")?, "message")?;
            Some(Content::Text { text: cut(&written, TEXT) })
        })
        .or_else(|| {
            let what = UNREADABLE.into_iter().find(|what| has(payload, what))?;
            Some(Content::Unreadable { what: what.to_owned() })
        })
}

/// A pressed button or list row; one without an id is what its label says.
fn pressed(payload: &Value) -> Option<Content> {
    let (id, label) = if let Some(button) = payload.get("buttonsResponseMessage").filter(|it| it.is_object())
    {
        (text(button, "buttonId"), text(button, "message"))
    } else {
        let row = payload.get("listResponseMessage").filter(|it| it.is_object())?;
        let label = text(row, "title").filter(|title| !title.is_empty()).or_else(|| text(row, "message"));
        (text(row, "selectedRowId"), label)
    };
    let label = cut(&label.unwrap_or_default(), OPTION);
    match id.map(|id| cut(id.trim(), OPTION)).filter(|id| !id.is_empty()) {
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
        Some(text) => Content::Text { text: cut(&text, TEXT) },
        None => Content::Unreadable { what: what.to_owned() },
    })
}

fn chat_lid(payload: &Value, phone: &str, from_clinic: bool) -> Option<String> {
    // On the clinic's own messages `senderLid` is the clinic's.
    let sender = if from_clinic { None } else { id(payload, "senderLid") };
    let lids = [id(payload, "chatLid"), sender, Some(phone.to_owned())];
    lids.into_iter().flatten().find(|lid| lid.ends_with("@lid"))
}

/// The profile's name, else the one in the clinic's address book. z-api writes the number where it
/// knows none.
fn profile_name(payload: &Value) -> Option<String> {
    let names = ["senderName", "chatName"].into_iter().filter_map(|name| text(payload, name));
    names.filter(|name| name.chars().any(char::is_alphabetic)).find_map(|name| clean_name(&name))
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
