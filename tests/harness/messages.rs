//! Webhooks as z-api posts them (`mocks/zapi`, from its documentation).

use serde_json::{Value, json};

/// The example clinic's instance.
pub const INSTANCE: &str = "instance-123";

/// Who writes, and from where.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The field `phone`: digits, or an `…@lid`.
    pub phone: String,
    /// The field `chatLid`.
    pub lid: Option<String>,
    /// The profile's name.
    pub name: Option<String>,
}

/// A message: its sender, its id, the provider's clock in milliseconds, and its content, such as
/// [`text`].
pub fn received(from: &Sender, message_id: &str, momment: i64, content: Value) -> Value {
    let mut webhook = json!({
        "isStatusReply": false,
        "chatLid": from.lid,
        "connectedPhone": "5511988880000",
        "waitingMessage": false,
        "isEdit": false,
        "isGroup": false,
        "isNewsletter": false,
        "instanceId": INSTANCE,
        "messageId": message_id,
        "phone": from.phone,
        "fromMe": false,
        "momment": momment,
        "status": "RECEIVED",
        "chatName": from.name,
        "senderPhoto": null,
        "senderName": from.name,
        "photo": null,
        "broadcast": false,
        "participantLid": null,
        "forwarded": false,
        "type": "ReceivedCallback",
        "fromApi": false,
    });
    if let (Some(webhook), Value::Object(content)) = (webhook.as_object_mut(), content) {
        webhook.extend(content);
    }
    webhook
}

/// Words.
pub fn text(message: &str) -> Value {
    json!({ "text": { "message": message } })
}

/// A press on a button.
pub fn button(id: &str, label: &str) -> Value {
    json!({ "buttonsResponseMessage": { "buttonId": id, "message": label } })
}

/// A press on a list's row.
pub fn row(id: &str, label: &str) -> Value {
    json!({ "listResponseMessage": { "message": label, "title": label, "selectedRowId": id } })
}

/// A voice message.
pub fn audio() -> Value {
    json!({ "audio": {
        "ptt": true, "seconds": 10, "audioUrl": "https://example.invalid/a.ogg",
        "mimeType": "audio/ogg; codecs=opus", "viewOnce": false,
    } })
}

/// Words typed by staff on the clinic's own phone.
pub fn staff(message: &str) -> Value {
    json!({ "fromMe": true, "fromApi": false, "status": "SENT", "text": { "message": message } })
}

/// The bot's own message, coming back.
pub fn echo(message: &str) -> Value {
    json!({ "fromMe": true, "fromApi": true, "status": "SENT", "text": { "message": message } })
}
