//! How each kind of z-api webhook is parsed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::*;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::domain::message::{Author, Content, IncomingMessage};
use scheduler_core::domain::phone::Address;
use scheduler_core::ports::WhatsAppProvider;
use scheduler_core::ports::whatsapp::{DeliveryStatus, WebhookEvent};
use serde_json::{Value, json};

use super::{PATIENT, fixture, fixtures, now, payloads, walk};

pub(super) fn parser() -> Zapi {
    Zapi::new("http://127.0.0.1:1", None).unwrap()
}

/// One line that says how a webhook was parsed.
pub(super) fn meaning(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::Message(message) => {
            let author = match message.author {
                Author::Patient => "patient",
                Author::Staff => "staff",
                Author::RecordOnly => "record",
            };
            let content = match &message.content {
                Content::Text { text } => format!("says {text}"),
                Content::Pressed { id, label } => format!("presses {id} ({label})"),
                Content::Unreadable { what } => format!("sends {what}"),
            };
            format!("{author} {content} [{}]", message.event_kind)
        }
        WebhookEvent::Echo(echo) => {
            format!("echo of {}: {}", echo.provider_message_id, echo.text.as_deref().unwrap_or("no text"))
        }
        WebhookEvent::Status(update) => {
            let refused = if update.buttons_refused { ", buttons refused" } else { "" };
            format!("{:?} {}{refused}", update.status, update.provider_message_ids.join(" "))
        }
        WebhookEvent::Connection { connected } => format!("connected: {connected}"),
        WebhookEvent::Ignored(why) => format!("ignored: {why}"),
    }
}

#[test]
fn every_kind_of_webhook_is_parsed_or_ignored_with_a_reason() {
    let expected = [
        ("connected", "connected: true"),
        ("disconnected", "connected: false"),
        ("delivery-error-button-terms", "Failed A20DA9C0183A2D35A260F53F5D2B9244, buttons refused"),
        ("delivery-error-phone-does-not-exist", "Failed A20DA9C0183A2D35A260F53F5D2B9244"),
        ("delivery-error-shadow-ban", "Failed A20DA9C0183A2D35A260F53F5D2B9244"),
        ("delivery-success", "Sent A800FB3697F1DE58C48D A20DA9C0183A2D35A260F53F5D2B9244"),
        ("status-sent", "Sent 3EB0A1B2C3D4E5F60718"),
        ("status-received", "Delivered 3EB0A1B2C3D4E5F60718"),
        ("status-read", "Read 3EB0A1B2C3D4E5F60718"),
        ("status-played", "Read 3EB0A1B2C3D4E5F60718"),
        ("status-read-by-me", "ignored: read by the clinic"),
        ("notification-call-missed-video", "ignored: notification"),
        ("notification-call-missed-voice", "ignored: notification"),
        ("notification-call-received", "ignored: notification"),
        ("notification-chat-label", "ignored: notification"),
        ("notification-group-join-request", "ignored: notification"),
        ("notification-profile-name", "ignored: notification"),
        ("notification-profile-photo", "ignored: notification"),
        ("notification-revoke", "ignored: notification"),
        ("presence-available", "ignored: presence"),
        ("presence-composing", "ignored: presence"),
        ("presence-paused", "ignored: presence"),
        ("presence-recording", "ignored: presence"),
        ("presence-unavailable", "ignored: presence"),
        ("received-text", "patient says Olá [message]"),
        ("received-text-lid-only", "patient says Olá [message]"),
        ("received-text-twelve-digits", "patient says Olá [message]"),
        ("received-text-edited", "record says Olá, bom dia [edit:1632228700000]"),
        ("received-text-own-number", "ignored: the clinic's own number"),
        ("received-text-from-staff", "staff says Oi Maria, aqui é a Ana [message]"),
        ("received-text-from-staff-without-from-api", "staff says #bot [message]"),
        ("received-text-api-echo", "echo of 3EB0RECEIVEDTEXTAPIECHO: Olá"),
        ("received-buttons-response", "patient presses schedule (Agendar sessão) [message]"),
        ("received-list-response", "patient presses day_2026-02-16 (segunda, 16/02) [message]"),
        ("received-ad-external-reply", "patient says mensagem recebida [message]"),
        ("received-audio", "patient sends audio [message]"),
        ("received-image", "patient sends image [message]"),
        ("received-image-with-caption", "patient sends image [message]"),
        ("received-video", "patient sends video [message]"),
        ("received-video-ptv", "staff sends video [message]"),
        ("received-document", "patient sends document [message]"),
        ("received-sticker", "patient sends sticker [message]"),
        ("received-location", "patient sends location [message]"),
        ("received-contact", "patient sends contact [message]"),
        ("received-order", "patient sends order [message]"),
        ("received-poll-created", "patient sends poll [message]"),
        ("received-poll-vote", "patient sends pollVote [vote:1632228638000]"),
        ("received-reaction", "record says ❤️ [reaction:1632228955000]"),
        ("received-reaction-removed", "ignored: removed reaction"),
        ("received-status-reply-text", "record says teste [message]"),
        ("received-status-reply-image", "record says teste [message]"),
        ("received-waiting-message", "ignored: the content arrives later"),
        ("received-pin-message", "ignored: reaction or pin of staff"),
        ("received-broadcast-list", "ignored: broadcast"),
        ("received-newsletter", "ignored: newsletter"),
        ("received-group", "ignored: group"),
        ("received-event", "ignored: group"),
        ("received-event-response", "ignored: group"),
        ("received-buttons-message-echo", "record says Texto da mensagem [message]"),
        ("received-carousel-echo", "echo of 3EB0RECEIVEDCAROUSELECHO: no text"),
        ("received-hydrated-template-text", "record says texto da mensagem [message]"),
        ("received-hydrated-template-location", "record says texto da mensagem [message]"),
        ("received-otp-button-echo", "record says texto da mensagem [message]"),
        ("received-pix-button-echo", "record sends pixKeyMessage [message]"),
        ("received-unknown-kind", "patient sends unknown [message]"),
    ];
    for (name, meant) in expected {
        let event = parser().parse_webhook(&fixture(name), now());
        assert_eq!(meaning(&event), meant, "{name}");
    }
    let named: BTreeSet<String> = expected.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = std::fs::read_dir(fixtures()).unwrap().map(|file| file.unwrap().path());
    let present: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !name.starts_with("api-"))
        .collect();
    assert_eq!(named, present);
}

fn message(name: &str) -> IncomingMessage {
    parser().parse_incoming_message(&fixture(name), now()).unwrap()
}

#[test]
fn a_message_keeps_its_sender_and_the_address_for_the_reply() {
    let first = message("received-text");
    assert_eq!(first.address, Address(PATIENT.to_owned()));
    assert_eq!(first.chat_lid.as_deref(), Some("98765432100001@lid"));
    assert_eq!(first.profile_name.as_deref(), Some("Maria Silva"));
    assert_eq!(first.sent_at, Some("2021-09-21T12:50:38Z".parse().unwrap()));
    assert_eq!(first.received_at, now());
    assert_eq!(first.key(), "3EB0RECEIVEDTEXT#message");
    assert_eq!(message("received-text-edited").key(), "3EB0RECEIVEDTEXT#edit:1632228700000");
    assert_eq!(message("received-text-twelve-digits").address, Address("551199990000".to_owned()));
    let lid_only = message("received-text-lid-only");
    assert_eq!(lid_only.address, Address("98765432100001@lid".to_owned()));
    assert_eq!(lid_only.chat_lid.as_deref(), Some("98765432100001@lid"));
    let staff = message("received-text-from-staff");
    assert_eq!((staff.profile_name, staff.chat_lid), (None, None));
    let pressed = message("received-buttons-response");
    assert_eq!(pressed.reference_message_id.as_deref(), Some("A20DA9C0183A2D35A260F53F5D2B9244"));
    assert_eq!(message("received-reaction").reference_message_id.as_deref(), Some("3EB0796DC6B777C0C7CD"));
    assert_eq!(parser().instance_id_of(&fixture("received-text")).as_deref(), Some("instance-123"));
}

#[test]
fn the_mock_webhooks_are_parsed() {
    let read = |name: &str| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mocks/webhook").join(name);
        let mock: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let body: Value = serde_json::from_str(mock["body"].as_str().unwrap()).unwrap();
        meaning(&parser().parse_webhook(&body, now()))
    };
    assert_eq!(read("text_message.json"), "patient says Olá [message]");
    assert_eq!(read("button_response.json"), "patient presses schedule (Agendar sessão) [message]");
    assert_eq!(read("status_update.json"), "Read MSG001");
}

#[test]
fn long_texts_are_cut_and_control_characters_removed() {
    let mut payload = fixture("received-text");
    payload["text"]["message"] = json!("á".repeat(5000));
    payload["senderName"] = json!("5511999990000");
    payload["chatName"] = json!("*Maria*\nSilva");
    let read = parser().parse_incoming_message(&payload, now()).unwrap();
    assert_eq!(read.content, Content::Text { text: "á".repeat(4096) });
    assert_eq!(read.profile_name.as_deref(), Some("Maria Silva"));
    payload["text"]["message"] = json!("a\0b");
    let read = parser().parse_incoming_message(&payload, now()).unwrap();
    assert_eq!(read.content, Content::Text { text: "ab".to_owned() });
    payload["messageId"] = json!("x".repeat(5000));
    assert_eq!(parser().parse_incoming_message(&payload, now()), Err("no message id"));
}

#[test]
fn ten_thousand_mutated_webhooks_are_parsed_without_a_panic() {
    let payloads = payloads();
    let odd = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[[{ "message": { "message": 1 } }]]])),
        Just(json!("x".repeat(100_000))),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), odd), 1..6);
    let config = ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(which in any::<prop::sample::Index>(), changes in changes)| {
        let mut payload = which.get(&payloads).clone();
        for (place, value) in changes {
            let mut places = Vec::new();
            walk(&payload, String::new(), &mut places);
            let place: &String = place.get(&places);
            *payload.pointer_mut(place).unwrap() = value;
        }
        if let WebhookEvent::Message(message) = shared_parser().parse_webhook(&payload, now()) {
            prop_assert!(message.message_id.len() <= 128);
            prop_assert!(!message.address.0.is_empty());
        }
        shared_parser().instance_id_of(&payload);
    });
}

fn shared_parser() -> &'static Zapi {
    static PARSER: std::sync::OnceLock<Zapi> = std::sync::OnceLock::new();
    PARSER.get_or_init(parser)
}

#[test]
fn a_failed_delivery_keeps_the_address_and_the_raw_webhook() {
    let update = parser().parse_status_update(&fixture("delivery-error-button-terms"), now()).unwrap();
    assert_eq!(update.status, DeliveryStatus::Failed);
    assert!(update.buttons_refused);
    assert_eq!(update.address, Address(PATIENT.to_owned()));
    assert_eq!(update.raw, fixture("delivery-error-button-terms"));
}
