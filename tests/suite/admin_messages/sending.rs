//! `POST /send` (docs/rules/api.md#send): the message is sent and recorded, and its echo does not
//! silence the bot.

use reqwest::Method;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::{CLINIC, TestApp, echo};
use serde_json::{Value, json};

use super::{MARIA, ask, error_fields};

fn message(changes: Value) -> Value {
    let mut body = json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Até já!" });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

async fn send(app: &TestApp, changes: Value) -> String {
    let answer = ask(app, Method::POST, "/send", &message(changes), 200).await;
    assert_eq!(answer["providerStatus"], "SENT", "{answer}");
    answer["messageId"].as_str().expect("a message id").to_owned()
}

/// Number of times z-api was asked whether WhatsApp knows a phone number.
fn phone_lookups(app: &TestApp) -> usize {
    app.zapi.calls().iter().filter(|call| call.endpoint.starts_with("phone-exists")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_sent_and_recorded_in_the_history() {
    let app = TestApp::start().await;
    let id = send(&app, json!({})).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!((outbox.len(), outbox[0].kind, outbox[0].message.as_str()), (1, "text", "Até já!"));
    let events = app.events(MARIA).await;
    let statuses: Vec<_> = events.iter().map(|event| (&event["direction"], &event["status"])).collect();
    assert_eq!(statuses, [(&json!("OUTBOUND"), &json!("QUEUED")), (&json!("OUTBOUND"), &json!("SENT"))]);
    for event in &events {
        assert_eq!(event["messageId"], json!(id));
        assert_eq!(event["content"], "Até já!");
        assert_eq!(event["messageType"], "text");
        assert_eq!(event["phoneNumber"], MARIA);
    }
    assert!(events[0]["statusTimestamp"].as_str() < events[1]["statusTimestamp"].as_str());
    assert_eq!(events[1]["providerMessageId"], json!(outbox[0].message_id));
    assert!(events[1]["metadata"]["zaapId"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_and_lists_are_sent_as_such_or_as_numbered_text_if_refused() {
    let app = TestApp::start().await;
    let buttons =
        json!([{ "id": "1", "label": "Opção 1" }, { "id": "2", "label": "Uma opção muito comprida" }]);
    let buttons = json!({ "type": "buttons", "content": "Qual?", "buttons": buttons });
    send(&app, buttons.clone()).await;
    let sections = json!([
        { "title": "Manhã", "rows": [{ "id": "a", "title": "09:00" }] },
        { "rows": [{ "id": "b", "title": "14:00" }] },
    ]);
    send(&app, json!({ "type": "list", "content": "Quando?", "sections": sections })).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    let labels = |at: usize| outbox[at].options.iter().map(|o| o.label.clone()).collect::<Vec<_>>();
    assert_eq!(
        (outbox[0].kind, labels(0)),
        ("buttons", vec!["Opção 1".into(), "Uma opção muito com…".into()])
    );
    assert_eq!((outbox[1].kind, labels(1)), ("list", vec!["09:00".into(), "14:00".into()]));
    let call = app.zapi.calls().pop().expect("the list");
    assert_eq!(call.body["optionList"]["buttonLabel"], "Manhã");

    app.zapi.answer_endpoint("send-button-list", ScriptedAnswer::respond(400, r#"{"error":"no buttons"}"#));
    send(&app, buttons).await;
    let resent = app.zapi.outbox(Some(MARIA)).pop().expect("text");
    assert_eq!((resent.kind, resent.message.lines().last()), ("text", Some("2. Uma opção muito com…")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_that_are_refused_after_sending_are_sent_again_as_text() {
    let app = TestApp::start().await;
    let buttons = json!([{ "id": "1", "label": "Sim" }, { "id": "2", "label": "Não" }]);
    send(&app, json!({ "type": "buttons", "content": "Vem?", "buttons": buttons })).await;
    let mut refusal = crate::zapi::fixture("delivery-error-button-terms");
    refusal["messageId"] = json!(app.zapi.outbox(None)[0].message_id);
    refusal["phone"] = json!(MARIA);
    refusal["instanceId"] = json!("instance-123");
    assert_eq!(app.webhook(&refusal).await.status, 200);
    let resent = app.zapi.outbox(Some(MARIA)).pop().expect("text");
    assert_eq!((resent.kind, resent.message.as_str()), ("text", "Vem?\n\n1. Sim\n2. Não"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_to_the_address_that_wrote_or_to_one_that_is_looked_up_once() {
    let app = TestApp::start().await;
    // WhatsApp knows this phone without its ninth digit; reception writes it with the digit.
    let mut known = app.patient("554899990000", "Maria Silva");
    known.books().await;
    assert_eq!(phone_lookups(&app), 0);
    send(&app, json!({ "phone": "(48) 99999-0000" })).await;
    assert_eq!(known.outbox().last().map(|last| last.message.clone()).as_deref(), Some("Até já!"));
    assert_eq!(phone_lookups(&app), 0, "an address that wrote needs no lookup");

    app.zapi.set_registration("5548999990001", Some("554899990001"));
    let appointment = json!({ "clinicId": CLINIC, "phone": "5548999990001", "date": "2026-02-18",
        "serviceId": app.service_id().await, "time": "16:00" });
    ask(&app, Method::POST, "/appointments", &appointment, 201).await;
    for _ in 0..2 {
        send(&app, json!({ "phone": "5548999990001" })).await;
    }
    assert_eq!(app.zapi.outbox(Some("554899990001")).len(), 2);
    assert_eq!(phone_lookups(&app), 1, "the lookup is stored with the patient");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_of_a_sent_message_neither_silences_the_bot_nor_is_recorded_again() {
    let mut app = TestApp::start().await;
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    // Too late for an echo to pass as an automatic greeting, which would not silence the bot either.
    app.advance_clock(chrono::TimeDelta::seconds(60)).await;
    send(&app, json!({})).await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.replies();
    let recorded = app.events(MARIA).await.len();
    let id = app.zapi.outbox(Some(MARIA)).pop().expect("a message").message_id;
    let mut marked = maria.webhook(echo("Até já!"));
    marked["messageId"] = json!(id);
    let mut same_id = marked.clone();
    same_id["fromApi"] = json!(null);
    same_id["text"]["message"] = json!("Até já! Mensagem de teste");
    let mut same_text = maria.webhook(echo("Até já!"));
    same_text["fromApi"] = json!(null);
    for webhook in [marked, same_id, same_text] {
        assert_eq!(app.webhook(&webhook).await.status, 200);
    }
    assert_eq!(app.events(MARIA).await.len(), recorded, "the history already has the message");
    let replies = maria.says("menu").await;
    assert!(!replies.is_empty(), "the bot still answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_who_opted_out_still_gets_what_reception_sends() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("SAIR").await;
    send(&app, json!({})).await;
    assert_eq!(maria.outbox().last().map(|last| last.message.clone()).as_deref(), Some("Até já!"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_message_is_refused_and_not_sent() {
    let app = TestApp::start().await;
    let one = json!([{ "id": "1", "label": "Sim" }]);
    let four = json!([1, 2, 3, 4].map(|n| json!({ "id": n.to_string(), "label": "x" })));
    let eleven: Vec<Value> = (0..11).map(|n| json!({ "id": n.to_string(), "title": "x" })).collect();
    for (body, fields) in [
        (json!({}), &["clinicId", "phone", "type", "content"][..]),
        (message(json!({ "type": "audio" })), &["type"]),
        (message(json!({ "phone": "123", "content": " " })), &["phone", "content"]),
        (message(json!({ "type": "buttons" })), &["buttons"]),
        (message(json!({ "type": "list", "buttons": one.clone() })), &["buttons", "sections"]),
        (message(json!({ "buttons": one })), &["buttons"]),
        (message(json!({ "type": "buttons", "buttons": four })), &["buttons"]),
        (message(json!({ "type": "buttons", "buttons": [] })), &["buttons"]),
        (message(json!({ "type": "list", "sections": [{ "rows": eleven }] })), &["sections"]),
        (message(json!({ "type": "list", "sections": [{ "title": "x" }] })), &["sections"]),
        (message(json!({ "type": "list", "sections": [1] })), &["sections"]),
        (message(json!({ "image": "x" })), &["image"]),
    ] {
        let answer = ask(&app, Method::POST, "/send", &body, 400).await;
        assert_eq!(error_fields(&answer), fields, "{body}: {answer}");
    }
    assert_eq!(app.zapi.calls(), []);
}
