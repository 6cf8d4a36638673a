//! Messages of a person that have no text, and webhooks that only look like messages
//! (`docs/rules/conversation.md#messages-that-are-not-text`).

use scheduler_core::ports::WhatsAppProvider;
use serde_json::{Value, json};

use super::reading::{meaning, parser};
use super::{fixture, now};

/// How a webhook is parsed with these fields instead of its own; null takes a field away.
fn meaning_with(name: &str, fields: Value) -> String {
    let mut payload = fixture(name);
    for (field, value) in fields.as_object().unwrap() {
        payload[field] = value.clone();
    }
    payload.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    meaning(&parser().parse_webhook(&payload, now()))
}

#[test]
fn whatever_a_person_sends_without_a_text_is_a_message_that_cannot_be_read() {
    let vote = json!({ "pollMessageId": "3EB0POLL", "options": [{ "name": "Sim" }] });
    let event = json!({ "response": "GOING", "referencedMessage": { "messageId": "3EB0EVENT" } });
    for (fields, what, kind) in [
        (json!({ "externalAdReply": { "title": "Anúncio" } }), "ad", "message"),
        (
            json!({ "externalAdReply": { "title": "Anúncio" }, "text": { "title": "Anúncio" } }),
            "ad",
            "message",
        ),
        (json!({ "externalAdReply": { "title": "Anúncio" }, "text": { "message": " " } }), "ad", "message"),
        (json!({ "viewOnce": true }), "viewOnce", "message"),
        (json!({ "viewOnceMessage": { "imageMessage": {} } }), "unknown", "message"),
        (json!({ "image": { "imageUrl": "https://files.example/1", "viewOnce": true } }), "image", "message"),
        (json!({ "ptv": { "videoUrl": "https://files.example/1" } }), "ptv", "message"),
        (json!({ "liveLocation": { "latitude": -23.5 } }), "liveLocation", "message"),
        (json!({ "contacts": [{ "displayName": "Ana" }] }), "contacts", "message"),
        (json!({ "pollVote": vote }), "pollVote", "vote:1632228638000"),
        (json!({ "eventResponse": event }), "eventResponse", "event:1632228638000"),
        (json!({ "buttonsResponseMessage": {} }), "unknown", "message"),
        (json!({ "text": { "message": "" } }), "unknown", "message"),
        (json!({ "kindOfNextYear": ["a"] }), "unknown", "message"),
    ] {
        let mut fields = fields.as_object().unwrap().clone();
        fields.entry("text").or_insert(Value::Null);
        for (from_me, author) in [(false, "patient"), (true, "staff")] {
            fields.insert("fromMe".to_owned(), json!(from_me));
            let meant = meaning_with("received-text", Value::Object(fields.clone()));
            assert_eq!(meant, format!("{author} sends {what} [{kind}]"), "{fields:?}");
        }
    }
}

#[test]
fn what_is_no_message_stays_without_an_answer() {
    for (fields, meant) in [
        (json!({}), "ignored: no content"),
        (json!({ "senderBusiness": true, "extra": "text", "list": [], "number": 5 }), "ignored: no content"),
        (json!({ "waitingMessage": true }), "ignored: the content arrives later"),
        (json!({ "waitingMessage": true, "viewOnce": true }), "ignored: the content arrives later"),
        (json!({ "notification": "REVOKE", "viewOnce": true }), "ignored: notification"),
        (json!({ "notificationParameters": ["5511999990000"] }), "ignored: no content"),
        (json!({ "pollVote": { "pollMessageId": "3EB0POLL", "options": [] } }), "ignored: withdrawn vote"),
        (json!({ "pinMessage": { "action": "pin" } }), "ignored: pin"),
        (json!({ "newsletterAdminInvite": {} }), "ignored: invitation to a newsletter"),
        (json!({ "reaction": { "value": "" } }), "ignored: removed reaction"),
        (json!({ "listMessage": { "message": "Escolha" } }), "record says Escolha [message]"),
        (json!({ "isStatusReply": true, "statusImage": {}, "image": {} }), "record sends image [message]"),
        (json!({ "isEdit": true, "kindOfNextYear": {} }), "record sends unknown [edit:1632228638000]"),
        (json!({ "phone": "120363000000000001-group", "externalAdReply": {} }), "ignored: group"),
    ] {
        let mut fields = fields.as_object().unwrap().clone();
        fields.insert("text".to_owned(), Value::Null);
        assert_eq!(meaning_with("received-text", Value::Object(fields.clone())), meant, "{fields:?}");
    }
}
