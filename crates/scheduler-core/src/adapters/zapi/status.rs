//! Parses status and delivery callbacks of messages that the product sent.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fields::{flag, id, momment, text};
use crate::domain::phone::Address;
use crate::ports::whatsapp::{DeliveryStatus, StatusUpdate};

/// Maximum ids that are read from one callback.
const MAX_IDS: usize = 100;
/// Maximum bytes of a payload that is kept for the history.
const MAX_RAW_BYTES: usize = 16 * 1024;

/// Parses a status or delivery callback. The error says why the webhook is ignored.
pub(super) fn parse(payload: &Value, now: DateTime<Utc>) -> Result<StatusUpdate, &'static str> {
    match payload.get("type").and_then(Value::as_str) {
        Some("MessageStatusCallback") => status(payload, now),
        Some("DeliveryCallback") => delivery(payload, now),
        _ => Err("not a status"),
    }
}

fn status(payload: &Value, now: DateTime<Utc>) -> Result<StatusUpdate, &'static str> {
    let status = match payload.get("status").and_then(Value::as_str) {
        Some("SENT") => DeliveryStatus::Sent,
        Some("RECEIVED") => DeliveryStatus::Delivered,
        Some("READ" | "PLAYED") => DeliveryStatus::Read,
        Some("READ_BY_ME") => return Err("read by the clinic"),
        _ => return Err("unknown status"),
    };
    let ids = payload.get("ids").and_then(Value::as_array).into_iter().flatten();
    let ids = ids.filter_map(Value::as_str).map(str::trim).filter(|id| !id.is_empty());
    update(payload, now, ids.take(MAX_IDS).map(str::to_owned).collect(), status, None)
}

/// Parses a delivery callback: WhatsApp accepted the message, or z-api could not deliver it from its queue.
/// After a failure both id fields may hold the id in the queue.
fn delivery(payload: &Value, now: DateTime<Utc>) -> Result<StatusUpdate, &'static str> {
    let mut ids: Vec<String> =
        ["messageId", "zaapId"].into_iter().filter_map(|name| id(payload, name)).collect();
    ids.dedup();
    let error = text(payload, "error").filter(|error| !error.trim().is_empty());
    let status = if error.is_some() { DeliveryStatus::Failed } else { DeliveryStatus::Sent };
    update(payload, now, ids, status, error)
}

fn update(
    payload: &Value,
    now: DateTime<Utc>,
    provider_message_ids: Vec<String>,
    status: DeliveryStatus,
    error: Option<String>,
) -> Result<StatusUpdate, &'static str> {
    let phone = id(payload, "phone").ok_or("no phone")?;
    if flag(payload, "isGroup") == Some(true) || phone.ends_with("-group") {
        return Err("group");
    }
    if provider_message_ids.is_empty() {
        return Err("no message id");
    }
    // z-api's text is: "You must accept buttons message terms in panel to send this message."
    let buttons_refused = error.as_deref().is_some_and(|error| {
        let error = error.to_lowercase();
        error.contains("button") && error.contains("terms")
    });
    let raw = if payload.to_string().len() <= MAX_RAW_BYTES { payload.clone() } else { Value::Null };
    let at = momment(payload, now);
    let address = Address(phone);
    // z-api sends delivery callbacks only about messages that came through its API.
    let proves_sending = payload.get("type").and_then(Value::as_str) == Some("DeliveryCallback");
    Ok(StatusUpdate {
        provider_message_ids,
        address,
        status,
        error,
        proves_sending,
        buttons_refused,
        at,
        raw,
    })
}
