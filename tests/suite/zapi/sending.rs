//! Calls to z-api: the requests that are sent, and how each bad answer is classified.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::message::Choice;
use scheduler_core::domain::phone::Address;
use scheduler_core::ports::WhatsAppProvider;
use scheduler_core::ports::whatsapp::{SendError, SendErrorKind, Sent};
use scheduler_local::fake_zapi::{FakeZapi, ScriptedAnswer};
use serde_json::json;
use tokio::task::JoinSet;

use super::{PATIENT, fixture, now};

const INSTANCE_TOKEN: &str = "instance-token-that-is-secret";
const CLIENT_TOKEN: &str = "client-token-that-is-secret";

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

struct TestClient {
    zapi: Zapi,
    fake_zapi: FakeZapi,
}

impl TestClient {
    async fn start() -> Self {
        let fake_zapi = FakeZapi::start(Arc::new(SystemClock)).await.unwrap();
        let zapi = Zapi::new(&fake_zapi.base_url(), Some(Secret::new(CLIENT_TOKEN))).unwrap();
        Self { zapi, fake_zapi }
    }

    async fn send_text(&self) -> Result<Sent, SendError> {
        self.zapi.send_text(&clinic(), &Address(PATIENT.to_owned()), "Olá").await
    }

    async fn send_buttons(&self) -> Result<Sent, SendError> {
        let buttons = [Choice::new("schedule", "Agendar"), Choice::new("faq", "Dúvidas")];
        self.zapi.send_buttons(&clinic(), &Address(PATIENT.to_owned()), "O que deseja?", &buttons, 1).await
    }

    async fn send_list(&self) -> Result<Sent, SendError> {
        let rows = [Choice::new("time_1", "09:00"), Choice::new("time_2", "09:55")];
        self.zapi
            .send_list(&clinic(), &Address(PATIENT.to_owned()), "Que horas?", "Ver horários", &rows, 10)
            .await
    }
}

#[tokio::test]
async fn messages_are_sent_in_zapis_format() {
    let client = TestClient::start().await;
    let sent = client.send_text().await.unwrap();
    client.send_buttons().await.unwrap();
    client.send_list().await.unwrap();
    let calls = client.fake_zapi.calls();
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
    let outbox = client.fake_zapi.outbox(Some(PATIENT));
    assert_eq!(outbox.iter().map(|sent| sent.kind).collect::<Vec<_>>(), ["text", "buttons", "list"]);
    assert_eq!(outbox[0].message_id, sent.provider_message_id);
    assert_eq!(sent.queue_id.as_deref(), sent.response["zaapId"].as_str());
    assert!(client.fake_zapi.outbox(Some("551199990000")).is_empty());
    assert_eq!(
        serde_json::to_value(&outbox[1]).unwrap(),
        json!({
            "phone": PATIENT,
            "type": "buttons",
            "message": "O que deseja?",
            "options": [{ "id": "schedule", "label": "Agendar" }, { "id": "faq", "label": "Dúvidas" }],
            "messageId": outbox[1].message_id,
            "sentAt": outbox[1].sent_at,
        })
    );
}

#[tokio::test]
async fn a_clinics_client_token_takes_precedence_over_the_accounts() {
    let client = TestClient::start().await;
    let mut clinic = clinic();
    clinic.zapi.as_mut().unwrap().client_token = Some(Secret::new("the-clinics-own"));
    client.zapi.send_text(&clinic, &Address(PATIENT.to_owned()), "Olá").await.unwrap();
    assert_eq!(client.fake_zapi.calls()[0].client_token.as_deref(), Some("the-clinics-own"));
    clinic.zapi = None;
    let refused = client.zapi.send_text(&clinic, &Address(PATIENT.to_owned()), "Olá").await.unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Instance);
}

#[tokio::test]
async fn refused_buttons_and_lists_are_sent_as_numbered_text() {
    let client = TestClient::start().await;
    let refusal = ScriptedAnswer::respond(400, r#"{"error":"buttons are unavailable"}"#);
    client.fake_zapi.answer_endpoint("send-button-list", refusal);
    let not_found = r#"{"error":"NOT_FOUND","message":"Unable to find matching target resource method"}"#;
    client.fake_zapi.answer_endpoint("send-option-list", ScriptedAnswer::respond(200, not_found));
    assert!(client.send_buttons().await.unwrap().as_numbered_text);
    assert!(client.send_list().await.unwrap().as_numbered_text);
    let outbox = client.fake_zapi.outbox(None);
    assert_eq!(outbox[0].message, "O que deseja?\n\n1. Agendar\n2. Dúvidas");
    assert_eq!(outbox[1].message, "Que horas?\n\n10. 09:00\n11. 09:55");
    client.fake_zapi.answer_next(ScriptedAnswer::respond(403, r#"{"error":"Client-Token x not allowed"}"#));
    assert_eq!(client.send_buttons().await.unwrap_err().kind, SendErrorKind::Instance);
    assert_eq!(client.fake_zapi.calls().len(), 5, "an instance fault is not sent again as text");
}

#[tokio::test]
async fn each_bad_answer_is_classified_within_five_seconds() {
    use SendErrorKind::{Instance, Permanent, Retryable, Unknown};
    let api = |status: u16, name: &str| ScriptedAnswer::respond(status, fixture(name).to_string());
    let success = fixture("api-send-success").to_string();
    let slow = Duration::from_secs(1);
    let answers = [
        ("500", ScriptedAnswer::respond(500, "oops"), Retryable),
        ("503 and JSON", ScriptedAnswer::respond(503, "{}"), Retryable),
        ("500, cut off", ScriptedAnswer::respond(500, "oops".repeat(50)).reset_after(150), Retryable),
        ("a proxy's 502", ScriptedAnswer::respond(502, "<html>"), Unknown),
        ("a proxy's 504", ScriptedAnswer::respond(504, "{}"), Unknown),
        ("429", ScriptedAnswer::respond(429, "{}"), Retryable),
        ("400", ScriptedAnswer::respond(400, r#"{"error":"message is empty"}"#), Permanent),
        ("token missing", api(400, "api-error-client-token-missing"), Instance),
        ("token wrong", api(403, "api-error-client-token-wrong"), Instance),
        ("subscription", api(400, "api-error-subscription-expired"), Instance),
        ("no instance", api(404, "api-error-instance-not-found"), Instance),
        ("200 with an error", api(200, "api-error-route-not-found-http200"), Permanent),
        ("200 and {}", ScriptedAnswer::respond(200, "{}"), Permanent),
        ("an empty id", ScriptedAnswer::respond(200, r#"{"messageId":""}"#), Permanent),
        ("redirect", ScriptedAnswer::respond(302, "{}"), Permanent),
        ("garbage", ScriptedAnswer::respond(200, "<html>\u{fffd}"), Unknown),
        ("nothing", ScriptedAnswer::respond(200, ""), Unknown),
        ("10 MB", ScriptedAnswer::huge(10 * 1024 * 1024), Unknown),
        ("reset before", ScriptedAnswer::reset().and_accepted(), Unknown),
        ("reset in the head", ScriptedAnswer::respond(200, success.clone()).reset_after(20), Unknown),
        ("reset in the body", ScriptedAnswer::respond(200, success.clone()).reset_after(150), Unknown),
        ("a byte a second", ScriptedAnswer::respond(200, success).byte_by_byte(slow), Unknown),
        ("silence", ScriptedAnswer::success().after(Duration::from_secs(30)), Unknown),
    ];
    let mut calls = JoinSet::new();
    for (name, answer, class) in answers {
        calls.spawn(async move {
            let client = TestClient::start().await;
            client.fake_zapi.answer_next(answer);
            let started = Instant::now();
            let refused = client.send_text().await.unwrap_err();
            let took = started.elapsed();
            assert_eq!(refused.kind, class, "{name}: {refused}");
            assert!(took < Duration::from_secs(5), "{name} took {took:?}");
            assert_eq!(client.fake_zapi.calls().len(), 1, "{name} was sent again");
            println!("{name}: {:?}, {refused}, {} ms", refused.kind, took.as_millis());
        });
    }
    calls.join_all().await;
}

#[tokio::test]
async fn a_refused_connection_is_classified_as_later() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let zapi = Zapi::new(&format!("http://{free}/"), None).unwrap();
    let refused = zapi.send_text(&clinic(), &Address(PATIENT.to_owned()), "Olá").await.unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Retryable);
    assert_eq!(refused.to_string(), "no connection");
}

#[tokio::test]
async fn a_failed_connection_is_retried_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    // Closes before the TLS handshake is complete, so no request is ever written.
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let zapi = Zapi::new(&base, None).unwrap();
    let refused = zapi.send_text(&clinic(), &Address(PATIENT.to_owned()), "Olá").await.unwrap_err();
    assert_eq!((refused.kind, refused.to_string().as_str()), (SendErrorKind::Retryable, "no connection"));
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
    server.abort();
}

#[tokio::test]
async fn no_error_contains_a_token_or_a_phone() {
    let client = TestClient::start().await;
    let answers = [
        ScriptedAnswer::respond(403, format!(r#"{{"error":"Client-Token {CLIENT_TOKEN} not allowed"}}"#)),
        ScriptedAnswer::respond(
            400,
            format!(r#"{{"error":"/instances/x/token/{INSTANCE_TOKEN}/send-text"}}"#),
        ),
        ScriptedAnswer::respond(400, format!(r#"{{"error":"cannot write to {PATIENT}"}}"#)),
        ScriptedAnswer::reset(),
        ScriptedAnswer::respond(200, "{}").reset_after(30),
        ScriptedAnswer::respond(200, "no JSON"),
    ];
    for answer in answers {
        client.fake_zapi.answer_next(answer);
        let refused = client.send_text().await.unwrap_err();
        let printed = format!("{refused} {refused:?}");
        for secret in [CLIENT_TOKEN, INSTANCE_TOKEN, PATIENT, "127.0.0.1"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

#[tokio::test]
async fn a_phone_is_found_under_the_address_that_whatsapp_knows() {
    let client = TestClient::start().await;
    let find = async |phone| client.zapi.find_address(&clinic(), phone).await.unwrap();
    assert_eq!(find(PATIENT).await, Some(Address(PATIENT.to_owned())));
    client.fake_zapi.set_registration("5548999990000", Some("554899990000"));
    assert_eq!(find("5548999990000").await, Some(Address("554899990000".to_owned())));
    client.fake_zapi.set_registration("5548999990001", None);
    assert_eq!(find("5548999990001").await, None);
    client.fake_zapi.answer_next(ScriptedAnswer::respond(200, r#"{"exists":true,"phone":"554899990002"}"#));
    assert_eq!(find("5548999990002").await, Some(Address("554899990002".to_owned())));
    client.fake_zapi.answer_next(ScriptedAnswer::respond(200, fixture("api-phone-exists-array").to_string()));
    assert_eq!(find("5511999990000").await, Some(Address(PATIENT.to_owned())));
    client.fake_zapi.answer_next(ScriptedAnswer::respond(200, "[]"));
    assert!(client.zapi.find_address(&clinic(), PATIENT).await.is_err());
}
