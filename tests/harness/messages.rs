//! Webhook bodies as z-api posts them. `mocks/zapi` holds the examples of its documentation.

use serde_json::{Value, json};

/// The z-api instance of the example clinic.
pub const INSTANCE: &str = "instance-123";

/// The sender of a message.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The field `phone`: digits, or an `…@lid`.
    pub phone: String,
    /// The field `chatLid`.
    pub lid: Option<String>,
    /// The WhatsApp profile name.
    pub name: Option<String>,
}

/// A received message. `sent_at_millis` is z-api's `momment`; `content` is, for example, [`text`].
pub fn received(from: &Sender, message_id: &str, sent_at_millis: i64, content: Value) -> Value {
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
        "momment": sent_at_millis,
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

/// A text message.
pub fn text(message: &str) -> Value {
    json!({ "text": { "message": message } })
}

/// The answer to a button message.
pub fn button(id: &str, label: &str) -> Value {
    json!({ "buttonsResponseMessage": { "buttonId": id, "message": label } })
}

/// The answer to a list message.
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

/// A text that staff typed on the clinic's phone.
pub fn staff(message: &str) -> Value {
    json!({ "fromMe": true, "fromApi": false, "status": "SENT", "text": { "message": message } })
}

/// The echo of a text that the bot sent.
pub fn echo(message: &str) -> Value {
    json!({ "fromMe": true, "fromApi": true, "status": "SENT", "text": { "message": message } })
}
