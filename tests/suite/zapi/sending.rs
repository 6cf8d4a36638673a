//! Calls to z-api: their words, and the class of each bad answer.

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
use scheduler_local::zapi_stand_in::{Answer, ZapiStandIn};
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
    let mut calls = JoinSet::new();
    for (name, answer, class) in answers {
        calls.spawn(async move {
            let line = Line::open().await;
            line.stand_in.answer_next(answer);
            let started = Instant::now();
            let refused = line.text().await.unwrap_err();
            let took = started.elapsed();
            assert_eq!(refused.kind, class, "{name}: {refused}");
            assert!(took < Duration::from_secs(5), "{name} took {took:?}");
            assert_eq!(line.stand_in.calls().len(), 1, "{name} was sent again");
            println!("{name}: {:?}, {refused}, {} ms", refused.kind, took.as_millis());
        });
    }
    calls.join_all().await;
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
async fn a_connection_that_cannot_be_made_is_tried_twice() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    // Closes before the TLS handshake is over: no request was ever written.
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let zapi = Zapi::new(&base, None).unwrap();
    let refused = zapi.send_text(&clinic(), &Address(PATIENT.to_owned()), "Olá").await.unwrap_err();
    assert_eq!((refused.kind, refused.to_string().as_str()), (SendErrorKind::Later, "no connection"));
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
    server.abort();
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
