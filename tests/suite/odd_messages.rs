//! Messages that look odd and still come from a person: they are answered, and from staff they silence the bot
//! (`docs/rules/conversation.md#messages-that-are-not-text`).

use chrono::TimeDelta;
use scheduler_tests::{TestApp, text};
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
        json!({ "viewOnce": true, "waitingMessage": true }),
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
