//! z-api: what each webhook means, and what becomes of each answer to a call.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::message::{Author, Choice, Content, IncomingMessage};
use scheduler_core::domain::phone::Address;
use scheduler_core::ports::WhatsAppProvider;
use scheduler_core::ports::whatsapp::{DeliveryStatus, SendError, SendErrorKind, Sent, WebhookEvent};
use scheduler_local::zapi_stand_in::{Answer, ZapiStandIn};
use serde_json::{Value, json};

const PATIENT: &str = "5511999990000";
const INSTANCE_TOKEN: &str = "instance-token-that-is-secret";
const CLIENT_TOKEN: &str = "client-token-that-is-secret";

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mocks/zapi")
}

fn fixture(name: &str) -> Value {
    let path = fixtures().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-02-14T12:00:00Z".parse().unwrap()
}

fn parser() -> Zapi {
    Zapi::new("http://127.0.0.1:1", None).unwrap()
}

/// What a webhook means, in a line.
fn meaning(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::Message(message) => {
            let author = match message.author {
                Author::Patient => "patient",
                Author::Staff => "staff",
                Author::Record => "record",
            };
            let content = match &message.content {
                Content::Text { text } => format!("says {text}"),
                Content::Pressed { id, label } => format!("presses {id} ({label})"),
                Content::Unreadable { what } => format!("sends {what}"),
            };
            format!("{author} {content} [{}]", message.event_kind)
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
fn every_kind_of_webhook_is_read_or_left_aside_for_a_reason() {
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
        ("received-text-api-echo", "ignored: own echo"),
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
        ("received-poll-vote", "record says Z-API [vote:1632228638000]"),
        ("received-reaction", "record says ❤️ [reaction:1632228955000]"),
        ("received-reaction-removed", "ignored: a reaction taken back"),
        ("received-status-reply-text", "record says teste [message]"),
        ("received-status-reply-image", "record says teste [message]"),
        ("received-waiting-message", "ignored: waiting"),
        ("received-pin-message", "ignored: no words of staff"),
        ("received-broadcast-list", "ignored: broadcast"),
        ("received-newsletter", "ignored: newsletter"),
        ("received-group", "ignored: group"),
        ("received-event", "ignored: group"),
        ("received-event-response", "ignored: group"),
        ("received-buttons-message-echo", "record says Texto da mensagem [message]"),
        ("received-carousel-echo", "ignored: own echo"),
        ("received-hydrated-template-text", "record says texto da mensagem [message]"),
        ("received-hydrated-template-location", "record says texto da mensagem [message]"),
        ("received-otp-button-echo", "record says texto da mensagem [message]"),
        ("received-pix-button-echo", "record sends pixKeyMessage [message]"),
        ("received-unknown-kind", "ignored: no content"),
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
fn a_message_keeps_who_wrote_and_where_the_answer_goes() {
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
    assert_eq!(parser().instance_of(&fixture("received-text")).as_deref(), Some("instance-123"));
}

#[test]
fn the_specifications_mocks_are_read() {
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
fn long_and_odd_texts_are_cut_and_cleaned() {
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
fn ten_thousand_mutated_webhooks_are_read_without_a_panic() {
    let payloads: Vec<Value> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect();
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
        if let WebhookEvent::Message(message) = parser_of_all().parse_webhook(&payload, now()) {
            prop_assert!(message.message_id.len() <= 128);
            prop_assert!(!message.address.0.is_empty());
        }
        parser_of_all().instance_of(&payload);
    });
}

fn parser_of_all() -> &'static Zapi {
    static PARSER: std::sync::OnceLock<Zapi> = std::sync::OnceLock::new();
    PARSER.get_or_init(parser)
}

fn walk(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, format!("{place}/{name}"), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| walk(value, format!("{place}/{n}"), places));
        }
        _ => {}
    }
    places.push(place);
}

fn clinic() -> Clinic {
    Clinic {
        id: ClinicId("laser-beauty-sp".to_owned()),
        name: "Laser Beauty SP".to_owned(),
        phone: None,
        address: None,
        timezone: chrono_tz::America::Sao_Paulo,
        business_hours: BusinessHours::default(),
        buffer_minutes: 10,
        min_notice_minutes: 0,
        max_days_ahead: 60,
        welcome_message: None,
        pre_session_instructions: None,
        zapi: Some(ZapiInstance {
            id: "instance-123".to_owned(),
            token: Secret::new(INSTANCE_TOKEN),
            client_token: None,
        }),
        google_spreadsheet_id: None,
        google_sheet_name: "Agenda".to_owned(),
        active: true,
        created_at: now(),
        updated_at: now(),
    }
}

struct Line {
    zapi: Zapi,
    stand_in: ZapiStandIn,
}

impl Line {
    async fn open() -> Self {
        let stand_in = ZapiStandIn::start(Arc::new(SystemClock)).await.unwrap();
        let zapi = Zapi::new(&stand_in.base_url(), Some(Secret::new(CLIENT_TOKEN))).unwrap();
        Self { zapi, stand_in }
    }

    async fn text(&self) -> Result<Sent, SendError> {
        self.zapi.send_text(&clinic(), &Address(PATIENT.to_owned()), "Olá").await
    }

    async fn buttons(&self) -> Result<Sent, SendError> {
        let buttons = [Choice::new("schedule", "Agendar"), Choice::new("faq", "Dúvidas")];
        self.zapi.send_buttons(&clinic(), &Address(PATIENT.to_owned()), "O que deseja?", &buttons, 1).await
    }

    async fn list(&self) -> Result<Sent, SendError> {
        let rows = [Choice::new("time_1", "09:00"), Choice::new("time_2", "09:55")];
        self.zapi
            .send_list(&clinic(), &Address(PATIENT.to_owned()), "Que horas?", "Ver horários", &rows, 10)
            .await
    }
}

#[tokio::test]
async fn messages_go_out_in_z_apis_words() {
    let line = Line::open().await;
    let sent = line.text().await.unwrap();
    line.buttons().await.unwrap();
    line.list().await.unwrap();
    let calls = line.stand_in.calls();
    assert_eq!(calls[0].endpoint, "send-text");
    assert_eq!(calls[0].instance, "instance-123");
    assert_eq!(calls[0].token, INSTANCE_TOKEN);
    assert_eq!(calls[0].client_token.as_deref(), Some(CLIENT_TOKEN));
    assert_eq!(calls[0].body, json!({ "phone": PATIENT, "message": "Olá" }));
    assert_eq!(calls[1].endpoint, "send-button-list");
    assert_eq!(
        calls[1].body["buttonList"],
        json!({ "buttons": [{ "id": "schedule", "label": "Agendar" }, { "id": "faq", "label": "Dúvidas" }] })
    );
    assert_eq!(calls[2].endpoint, "send-option-list");
    assert_eq!(
        calls[2].body["optionList"],
        json!({ "title": "Ver horários", "buttonLabel": "Ver horários", "options": [
            { "id": "time_1", "title": "09:00", "description": "" },
            { "id": "time_2", "title": "09:55", "description": "" },
        ] })
    );
    let outbox = line.stand_in.outbox(Some(PATIENT));
    assert_eq!(outbox.iter().map(|sent| sent.kind).collect::<Vec<_>>(), ["text", "buttons", "list"]);
    assert_eq!(outbox[0].message_id, sent.provider_message_id);
    assert_eq!(sent.queue_id.as_deref(), sent.response["zaapId"].as_str());
    assert!(line.stand_in.outbox(Some("551199990000")).is_empty());
}

#[tokio::test]
async fn a_clinics_own_client_token_is_used_before_the_accounts() {
    let line = Line::open().await;
    let mut clinic = clinic();
    clinic.zapi.as_mut().unwrap().client_token = Some(Secret::new("the-clinics-own"));
    line.zapi.send_text(&clinic, &Address(PATIENT.to_owned()), "Olá").await.unwrap();
    assert_eq!(line.stand_in.calls()[0].client_token.as_deref(), Some("the-clinics-own"));
    clinic.zapi = None;
    let refused = line.zapi.send_text(&clinic, &Address(PATIENT.to_owned()), "Olá").await.unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Instance);
}

#[tokio::test]
async fn refused_buttons_and_lists_go_out_as_numbered_text() {
    let line = Line::open().await;
    let refusal = Answer::says(400, r#"{"error":"buttons are unavailable"}"#);
    line.stand_in.answer_endpoint("send-button-list", refusal);
    let not_found = r#"{"error":"NOT_FOUND","message":"Unable to find matching target resource method"}"#;
    line.stand_in.answer_endpoint("send-option-list", Answer::says(200, not_found));
    assert!(line.buttons().await.unwrap().as_numbered_text);
    assert!(line.list().await.unwrap().as_numbered_text);
    let outbox = line.stand_in.outbox(None);
    assert_eq!(outbox[0].message, "O que deseja?\n\n1. Agendar\n2. Dúvidas");
    assert_eq!(outbox[1].message, "Que horas?\n\n10. 09:00\n11. 09:55");
    line.stand_in.answer_next(Answer::says(403, r#"{"error":"Client-Token x not allowed"}"#));
    assert_eq!(line.buttons().await.unwrap_err().kind, SendErrorKind::Instance);
    assert_eq!(line.stand_in.calls().len(), 5, "an instance fault is not tried as text");
}

#[tokio::test]
async fn each_bad_answer_has_its_class_and_ends_in_time() {
    use SendErrorKind::{Instance, Later, Permanent};
    let api = |status: u16, name: &str| Answer::says(status, fixture(name).to_string());
    let success = fixture("api-send-success").to_string();
    let slow = Duration::from_secs(1);
    let answers = [
        ("500", Answer::says(500, "oops"), Later),
        ("503 and JSON", Answer::says(503, "{}"), Later),
        ("429", Answer::says(429, "{}"), Later),
        ("400", Answer::says(400, r#"{"error":"message is empty"}"#), Permanent),
        ("token missing", api(400, "api-error-client-token-missing"), Instance),
        ("token wrong", api(403, "api-error-client-token-wrong"), Instance),
        ("subscription", api(400, "api-error-subscription-expired"), Instance),
        ("no instance", api(404, "api-error-instance-not-found"), Instance),
        ("200 with an error", api(200, "api-error-route-not-found-http200"), Permanent),
        ("200 and {}", Answer::says(200, "{}"), Permanent),
        ("an empty id", Answer::says(200, r#"{"messageId":""}"#), Permanent),
        ("redirect", Answer::says(302, "{}"), Permanent),
        ("garbage", Answer::says(200, "<html>\u{fffd}"), Later),
        ("nothing", Answer::says(200, ""), Later),
        ("10 MB", Answer::huge(10 * 1024 * 1024), Later),
        ("reset before", Answer::reset().and_taken(), Later),
        ("reset in the head", Answer::says(200, success.clone()).reset_after(20), Later),
        ("reset in the body", Answer::says(200, success.clone()).reset_after(150), Later),
        ("a byte a second", Answer::says(200, success).byte_by_byte(slow), Later),
        ("silence", Answer::usual().after(Duration::from_secs(30)), Later),
    ];
    for (name, answer, class) in answers {
        let line = Line::open().await;
        line.stand_in.answer_next(answer);
        let started = Instant::now();
        let refused = line.text().await.unwrap_err();
        let took = started.elapsed();
        assert_eq!(refused.kind, class, "{name}: {refused}");
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        assert_eq!(line.stand_in.calls().len(), 1, "{name} was sent again");
        println!("{name}: {:?}, {refused}, {} ms", refused.kind, took.as_millis());
    }
}

#[tokio::test]
async fn no_connection_is_later() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let zapi = Zapi::new(&format!("http://{free}/"), None).unwrap();
    let refused = zapi.send_text(&clinic(), &Address(PATIENT.to_owned()), "Olá").await.unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Later);
    assert_eq!(refused.to_string(), "no connection");
}

#[tokio::test]
async fn no_error_tells_a_token_or_a_phone() {
    let line = Line::open().await;
    let told = [
        Answer::says(403, format!(r#"{{"error":"Client-Token {CLIENT_TOKEN} not allowed"}}"#)),
        Answer::says(400, format!(r#"{{"error":"/instances/x/token/{INSTANCE_TOKEN}/send-text"}}"#)),
        Answer::says(400, format!(r#"{{"error":"cannot write to {PATIENT}"}}"#)),
        Answer::reset(),
        Answer::says(200, "{}").reset_after(30),
        Answer::says(200, "no JSON"),
    ];
    for answer in told {
        line.stand_in.answer_next(answer);
        let refused = line.text().await.unwrap_err();
        let told = format!("{refused} {refused:?}");
        for secret in [CLIENT_TOKEN, INSTANCE_TOKEN, PATIENT, "127.0.0.1"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test]
async fn a_number_is_found_under_the_form_that_whatsapp_knows() {
    let line = Line::open().await;
    let find = async |phone| line.zapi.find_address(&clinic(), phone).await.unwrap();
    assert_eq!(find(PATIENT).await, Some(Address(PATIENT.to_owned())));
    line.stand_in.knows("5548999990000", Some("554899990000"));
    assert_eq!(find("5548999990000").await, Some(Address("554899990000".to_owned())));
    line.stand_in.knows("5548999990001", None);
    assert_eq!(find("5548999990001").await, None);
    line.stand_in.answer_next(Answer::says(200, r#"{"exists":true,"phone":"554899990002"}"#));
    assert_eq!(find("5548999990002").await, Some(Address("554899990002".to_owned())));
    line.stand_in.answer_next(Answer::says(200, fixture("api-phone-exists-array").to_string()));
    assert_eq!(find("5511999990000").await, Some(Address(PATIENT.to_owned())));
    line.stand_in.answer_next(Answer::says(200, "[]"));
    assert!(line.zapi.find_address(&clinic(), PATIENT).await.is_err());
}

#[tokio::test]
async fn a_failed_delivery_names_the_message_and_its_place_in_the_queue() {
    let update = parser().parse_status_update(&fixture("delivery-error-button-terms"), now()).unwrap();
    assert_eq!(update.status, DeliveryStatus::Failed);
    assert!(update.buttons_refused);
    assert_eq!(update.address, Address(PATIENT.to_owned()));
    assert_eq!(update.raw, fixture("delivery-error-button-terms"));
}
