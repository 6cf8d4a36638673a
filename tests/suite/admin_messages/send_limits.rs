//! How many messages reception may send a day (docs/rules/api.md#send).

use reqwest::Method;
use scheduler_tests::http::{HttpResponse, KEY};
use scheduler_tests::{CLINIC, TestApp, TestConfig};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::MARIA;

/// People who never wrote.
const NEW: [&str; 4] = ["5511999990001", "5511999990002", "5511999990003", "5511999990004"];

fn message(phone: &str) -> Value {
    json!({ "clinicId": CLINIC, "phone": phone, "type": "text", "content": "Até já!" })
}

/// Restarts the app with these limits. Its clock stands at 09:00 in São Paulo.
async fn limit(app: &mut TestApp, daily: u32, to_new: u32) {
    app.set_env("SEND_DAILY_LIMIT", daily.to_string());
    app.set_env("SEND_DAILY_LIMIT_NEW", to_new.to_string());
    app.restart(None).await;
}

async fn send(app: &TestApp, body: &Value) -> HttpResponse {
    app.ask(Method::POST, "/send", Some(body)).await
}

async fn statuses(app: &TestApp, phones: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for phone in phones {
        statuses.push(send(app, &message(phone)).await.status);
    }
    statuses
}

/// The answer's status, `Retry-After` and message.
async fn refusal(app: &TestApp, phone: &str) -> (u16, u64, String) {
    let request = app.client().post(app.url("/send")).header("x-api-key", KEY).json(&message(phone));
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let seconds = answer.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
    let seconds = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(body["status"], "ERROR", "{body}");
    (status, seconds, body["message"].as_str().expect("a message").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clinic_sends_up_to_its_limits_and_again_after_its_midnight() {
    let mut app = TestApp::start().await;
    limit(&mut app, 4, 2).await;
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    assert_eq!(statuses(&app, &NEW[..2]).await, [200, 200]);
    let (status, seconds, text) = refusal(&app, NEW[2]).await;
    assert_eq!((status, seconds), (429, 15 * 3600), "until midnight in São Paulo");
    assert!(text.contains("nunca escreveram"), "{text}");
    assert_eq!(statuses(&app, &[MARIA, MARIA]).await, [200, 200], "Maria wrote");
    for phone in [MARIA, NEW[3]] {
        let (status, _, text) = refusal(&app, phone).await;
        assert_eq!(status, 429, "{phone}");
        assert!(!text.contains("nunca"), "{text}");
    }
    for phone in [NEW[2], NEW[3]] {
        assert_eq!(app.events(phone).await, Vec::<Value>::new(), "a refused message is not recorded");
    }
    assert_eq!(app.zapi.outbox(Some(NEW[2])).len() + app.zapi.outbox(Some(NEW[3])).len(), 0);

    // Another clinic has limits of its own.
    let clinic = json!({ "name": "Outra", "business_hours": {}, "zapi_instance_id": "instance-9",
        "zapi_instance_token": "t" });
    let made = app.ask_expecting(Method::POST, "/clinics", Some(&clinic), 201).await;
    let mut of_other = message(NEW[2]);
    of_other["clinicId"] = made["clinicId"].clone();
    assert_eq!(send(&app, &of_other).await.status, 200);

    let midnight = chrono::TimeDelta::hours(15);
    app.advance_clock(midnight - chrono::TimeDelta::seconds(1)).await;
    assert_eq!(refusal(&app, MARIA).await.1, 1);
    app.advance_clock(chrono::TimeDelta::seconds(1)).await;
    assert_eq!(statuses(&app, &[NEW[2], MARIA]).await, [200, 200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_at_the_same_time_do_not_pass_the_limit_together() {
    let mut app = TestApp::start().await;
    limit(&mut app, 7, 5).await;
    let mut running = JoinSet::new();
    for number in 0..40 {
        let body = message(&format!("55119777700{number:02}"));
        let (client, url) = (app.client().clone(), app.url("/send"));
        running.spawn(async move {
            let answer = scheduler_tests::http::ask(&client, Method::POST, &url, Some(&body)).await;
            answer.expect("an answer").status
        });
    }
    let answers = running.join_all().await;
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(200), count(429)), (5, 35), "{answers:?}");
    assert_eq!(app.zapi.outbox(None).len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_messages_that_may_go_out_count() {
    let mut app = TestApp::with(TestConfig { allowed_phones: "", ..TestConfig::default() }).await;
    limit(&mut app, 1, 1).await;
    assert_eq!(statuses(&app, &[MARIA, NEW[0], NEW[1]]).await, [200, 200, 200], "all are blocked");
    let unknown = json!({ "clinicId": "nowhere", "phone": MARIA, "type": "text", "content": "Oi" });
    assert_eq!(send(&app, &unknown).await.status, 404);
    app.set_env("ALLOWED_PHONES", "*".to_owned());
    app.restart(None).await;
    // z-api does not know this number. The attempt counts.
    app.zapi.set_registration(NEW[0], None);
    assert_eq!(statuses(&app, &[NEW[0], MARIA]).await, [502, 429]);
    limit(&mut app, 0, 0).await;
    assert_eq!(statuses(&app, &[NEW[1]]).await, [429], "no message may be sent at all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_written_if_the_chat_the_history_or_the_record_says_so() {
    let mut app = TestApp::start().await;
    limit(&mut app, 10, 1).await;
    assert_eq!(statuses(&app, &NEW[..2]).await, [200, 429]);
    // A reaction is recorded, but is not a turn of the chat.
    let mut reacting = app.patient(NEW[1], "Ana Souza");
    let reaction = json!({ "reaction": { "value": "👍", "referencedMessage": { "messageId": "3EB0A" } } });
    assert_eq!(reacting.sends(reaction).await, []);
    assert_eq!(statuses(&app, &[NEW[1]]).await, [200]);
    // A patient whom reception added never wrote; one whose WhatsApp id is on record did, however long ago.
    let appointment = json!({ "clinicId": CLINIC, "phone": NEW[2], "date": "2026-02-18", "time": "16:00",
        "serviceId": app.service_id().await });
    app.ask_expecting(Method::POST, "/appointments", Some(&appointment), 201).await;
    assert_eq!(statuses(&app, &[NEW[2]]).await, [429]);
    let lid = "update scheduler.patients set chat_lid = '81896604192873@lid' where phone = $1";
    sqlx::query(lid).bind(NEW[2]).execute(&app.database.pool).await.expect("a lid");
    assert_eq!(statuses(&app, &[NEW[2]]).await, [200]);
}
