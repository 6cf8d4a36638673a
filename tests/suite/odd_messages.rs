//! Messages that look odd and still come from a person: they are answered, and from staff they silence the bot
//! (`docs/rules/conversation.md#messages-that-are-not-text`).

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::http::error_fields;
use scheduler_tests::{CLINIC, TestApp, text};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";
/// How the bot says that it reads texts and buttons only.
const NOT_TEXT: &str = "só consigo ler texto";

/// Posts a webhook's bytes and returns the status of the answer.
async fn post(app: &TestApp, body: String) -> u16 {
    let posted = app.client().post(app.url("/webhook/whatsapp")).body(body).send().await;
    posted.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_a_lone_surrogate_or_an_unknown_escape_is_answered() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("menu").await;
    for (odd, stored) in [
        (r"\ud83d", "menu \u{fffd}"),
        (r"\ude42\ud83d", "menu \u{fffd}\u{fffd}"),
        (r"\q", "menu \u{fffd}"),
        (r"\u12", "menu \u{fffd}12"),
        ("\u{1}", "menu \u{1}"),
    ] {
        let body = maria.webhook(text("menu @")).to_string().replace('@', odd);
        assert!(serde_json::from_str::<Value>(&body).is_err(), "{body} is already JSON");
        assert_eq!(post(&app, body).await, 200, "{odd:?}");
        assert!(!maria.replies().is_empty(), "{odd:?}");
        let events = app.events(MARIA).await;
        let received = events.iter().rfind(|event| event["direction"] == "INBOUND").expect("an event");
        assert_eq!(received["content"], stored, "{odd:?}");
    }
    // Of the admin routes nobody is lost: reception can correct the request.
    let refused = app.client().post(app.url("/send")).header("x-api-key", "test-api-key");
    let refused = refused.body(r#"{"content": "\ud83d"}"#).send().await.expect("an answer");
    assert_eq!(refused.status(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_advert_a_view_once_picture_and_a_vote_are_answered() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    // The first message of a person who came by an advert.
    let greeting =
        maria.sends(json!({ "externalAdReply": { "title": "Anúncio", "sourceType": "ad" } })).await;
    assert!(greeting.iter().any(|reply| !reply.options.is_empty()), "the menu: {greeting:?}");
    for content in [
        json!({ "externalAdReply": { "title": "Anúncio" }, "text": { "title": "Anúncio" } }),
        json!({ "viewOnce": true }),
        json!({ "pollVote": { "pollMessageId": "3EB0POLL", "options": [{ "name": "Sim" }] } }),
        json!({ "contacts": [{ "displayName": "Ana" }] }),
        json!({ "kindOfNextYear": {} }),
    ] {
        let replies = maria.sends(content.clone()).await;
        assert!(replies.iter().any(|reply| reply.message.contains(NOT_TEXT)), "{content}: {replies:?}");
    }
    assert!(maria.sends(json!({ "waitingMessage": true })).await.is_empty());
    assert!(maria.sends(json!({ "pinMessage": { "action": "pin" } })).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_staff_send_silences_the_bot() {
    let mut app = TestApp::start().await;
    for (number, content) in [
        json!({ "externalAdReply": { "title": "Anúncio" } }),
        json!({ "viewOnce": true }),
        json!({ "pollVote": { "pollMessageId": "3EB0POLL", "options": [{ "name": "Sim" }] } }),
        json!({ "kindOfNextYear": {} }),
    ]
    .into_iter()
    .enumerate()
    {
        let phone = format!("551199999000{number}");
        app.patient(&phone, "Maria Silva").says("Olá").await;
        // Messages within ten seconds after the patient's are sent by WhatsApp Business itself.
        app.advance_clock(TimeDelta::minutes(1)).await;
        let mut patient = app.patient(&phone, "Maria Silva");
        patient.replies();
        let mut staff = content.clone();
        staff["fromMe"] = json!(true);
        assert!(patient.sends(staff).await.is_empty(), "{content}");
        assert!(patient.says("Bom dia").await.is_empty(), "{content}: the bot is silent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn direction_controls_are_removed_from_names_areas_and_notes() {
    const CONTROLS: &str = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}";
    let app = TestApp::start().await;
    let within = |text: &str| format!("{CONTROLS}{}{CONTROLS}", text.replace(' ', &format!(" {CONTROLS}")));
    let booking = json!({ "clinicId": CLINIC, "phone": MARIA, "serviceId": app.service_id().await,
        "date": "2026-02-18", "time": "10:00", "name": within("Maria Silva"), "areas": within("Pernas e axilas"),
        "notes": within("Pele sensível") });
    let booked = app.ask_expecting(Method::POST, "/appointments", Some(&booking), 201).await;
    let appointment = &booked["appointment"];
    assert_eq!(appointment["patient_name"], "Maria Silva");
    assert_eq!(
        (&appointment["areas"], &appointment["notes"]),
        (&json!("Pernas e axilas"), &json!("Pele sensível"))
    );
    let path = format!("/appointments/{}", booked["appointmentId"].as_str().expect("an id"));
    let blank = json!({ "areas": CONTROLS, "notes": format!(" {CONTROLS} "), "patient_name": CONTROLS });
    let refused = app.ask_expecting(Method::PUT, &path, Some(&blank), 400).await;
    assert_eq!(error_fields(&refused), ["notes", "areas", "patient_name"]);
    for (kind, row) in [("services", "service"), ("professionals", "professional")] {
        let mut body = json!({ "name": within("Limpeza de pele") });
        if kind == "services" {
            body["duration_minutes"] = json!(30);
        }
        let path = format!("/clinics/{CLINIC}/{kind}");
        let made = app.ask_expecting(Method::POST, &path, Some(&body), 201).await;
        assert_eq!(made[row]["name"], "Limpeza de pele", "{kind}");
    }

    let mut caio = app.patient("5511999990001", &within("Caio Souza"));
    caio.goes_to("skip_areas").await;
    caio.says(&within("Costas e ombros")).await;
    for step in ["day_", "time_", "use_profile_name", "book_"] {
        caio.presses(step).await;
    }
    let booked = app.appointments_of("5511999990001", "CONFIRMED").await;
    assert_eq!(
        (&booked[0]["areas"], &booked[0]["patient_name"]),
        (&json!("Costas e ombros"), &json!("Caio Souza"))
    );
}
