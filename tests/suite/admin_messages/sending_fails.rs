//! `POST /send` when the message cannot be sent: the answer and the history both show it
//! (docs/rules/api.md#send).

use reqwest::Method;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::{CLINIC, ProxyMode, TestApp, TestConfig};
use serde_json::{Value, json};

use super::{MARIA, ask};
use crate::outages::{app_with_proxied_dynamodb, switch_to};

fn message() -> Value {
    json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Até já!" })
}

async fn statuses(app: &TestApp) -> Vec<Value> {
    app.events(MARIA).await.iter().map(|event| event["status"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_phone_that_is_not_allowed_is_recorded_as_blocked_and_not_sent() {
    let app = TestApp::with(TestConfig { allowed_phones: "", ..TestConfig::default() }).await;
    let answer = ask(&app, Method::POST, "/send", &message(), 200).await;
    assert_eq!(answer["providerStatus"], "BLOCKED", "{answer}");
    assert_eq!(app.zapi.calls(), []);
    assert_eq!(statuses(&app).await, ["BLOCKED"]);
    assert_eq!(app.events(MARIA).await[0]["messageId"], answer["messageId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_zapi_refuses_is_a_502_and_recorded_as_failed() {
    let app = TestApp::start().await;
    for (status, words) in [(400, "message is empty"), (403, "Client-Token not allowed"), (500, "oops")] {
        let refusal = ScriptedAnswer::respond(status, json!({ "error": words }).to_string());
        app.zapi.answer_endpoint("send-", refusal);
        let answer = ask(&app, Method::POST, "/send", &message(), 502).await;
        assert_eq!(answer["status"], "ERROR");
        assert!(!answer.to_string().contains(words), "{answer}");
        app.zapi.clear_scripts();
    }
    app.zapi.set_registration(MARIA, None);
    ask(&app, Method::POST, "/send", &message(), 502).await;
    assert_eq!(app.zapi.outbox(None), []);
    assert_eq!(statuses(&app).await, ["QUEUED", "FAILED"].repeat(4));
    let events = app.events(MARIA).await;
    assert!(events.iter().filter(|event| event["status"] == "FAILED").all(|e| e["errorDetails"].is_string()));
    assert!(events.is_sorted_by_key(|event| event["statusTimestamp"].as_str().map(str::to_owned)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clinic_without_an_instance_is_a_409_and_an_unknown_clinic_a_404() {
    let app = TestApp::start().await;
    let unknown = json!({ "clinicId": "nowhere", "phone": MARIA, "type": "text", "content": "Oi" });
    ask(&app, Method::POST, "/send", &unknown, 404).await;
    let no_instance = json!({ "zapi_instance_id": null });
    ask(&app, Method::PUT, &format!("/clinics/{CLINIC}"), &no_instance, 200).await;
    ask(&app, Method::POST, "/send", &message(), 409).await;
    assert_eq!(app.zapi.calls(), []);
    assert_eq!(statuses(&app).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_recorded_is_not_sent() {
    let (app, proxy, embedded) = app_with_proxied_dynamodb().await;
    switch_to(&proxy, ProxyMode::Refuse);
    ask(&app, Method::POST, "/send", &message(), 503).await;
    assert_eq!(app.zapi.outbox(None), []);
    switch_to(&proxy, ProxyMode::Forward);
    drop(app);
    embedded.stop().await;
}
