//! z-api takes messages but answers too late, or its answers get lost (docs/rules/reliability.md#ambiguous-sends):
//! nothing is sent more than twice, nothing that arrived ends as FAILED, and no message waits for another one.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::fake_zapi::{OutboxMessage, ScriptedAnswer};
use scheduler_tests::{CLINIC, TestApp, echo, text};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// z-api takes the message at once and answers after six seconds, two more than it is given.
fn slow() -> ScriptedAnswer {
    ScriptedAnswer::accepted_but_slow(Duration::from_secs(6))
}

/// The webhook with which z-api reports a message that was sent through its API.
fn echo_of(app: &TestApp, sent: &OutboxMessage) -> Value {
    let maria = app.patient(&sent.phone, "Maria Silva");
    let mut webhook = maria.webhook(echo(&sent.message));
    webhook["messageId"] = json!(sent.message_id);
    webhook
}

fn delivery_of(sent: &OutboxMessage) -> Value {
    json!({
        "phone": sent.phone, "zaapId": "A20DA9C0183A2D35", "messageId": sent.message_id,
        "instanceId": "instance-123", "momment": 1_771_243_200_000_i64, "type": "DeliveryCallback",
    })
}

/// The highest status of each message that the product sent to a phone, in the order of their first events.
async fn statuses(app: &TestApp, phone: &str) -> Vec<(String, String)> {
    let rank = |status: &str| {
        ["QUEUED", "BLOCKED", "UNKNOWN", "FAILED", "SENT", "RECEIVED", "READ"]
            .iter()
            .position(|s| *s == status)
    };
    let mut found: Vec<(String, String, String)> = Vec::new();
    for event in app.events(phone).await.iter().filter(|event| event["direction"] == "OUTBOUND") {
        let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (id, status, content) = (field("messageId"), field("status"), field("content"));
        match found.iter_mut().find(|(known, ..)| *known == id) {
            Some((_, known, _)) if rank(known) < rank(&status) => *known = status,
            Some(_) => {}
            None => found.push((id, status, content)),
        }
    }
    found.into_iter().map(|(_, status, content)| (status, content)).collect()
}

fn count(outbox: &[OutboxMessage], message: &str) -> usize {
    outbox.iter().filter(|sent| sent.message == message).count()
}

async fn run_minutes(app: &mut TestApp, minutes: i64) {
    for _ in 0..minutes {
        app.advance_clock(TimeDelta::minutes(1)).await;
        app.reconcile().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_without_an_answer_is_repeated_once_and_holds_up_no_other_reply() {
    let mut app = TestApp::start().await;
    app.zapi.answer_phone(MARIA, slow());
    assert_eq!(app.patient(MARIA, "Maria Silva").try_send(text("Olá")).await.status, 200);
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(outbox.len(), 2, "greeting and menu go out at once: {outbox:?}");
    run_minutes(&mut app, 1).await;
    assert_eq!(app.zapi.outbox(Some(MARIA)).len(), 2, "two minutes for an echo");
    run_minutes(&mut app, 119).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(outbox.len(), 4, "{outbox:?}");
    assert!(outbox.iter().all(|sent| count(&outbox, &sent.message) == 2), "{outbox:?}");
    let statuses = statuses(&app, MARIA).await;
    assert!(statuses.iter().all(|(status, _)| status == "UNKNOWN"), "{statuses:?}");
    assert!(app.chat(MARIA).await["session"]["dueAt"].is_null(), "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_settles_a_reply_whether_it_comes_before_or_after_the_timeout() {
    let mut app = TestApp::start().await;
    app.zapi.answer_phone(MARIA, slow());
    let maria = app.patient(MARIA, "Maria Silva");
    let greeting = maria.webhook(text("Olá"));
    let early = async {
        // The first message is at z-api, and its answer is still awaited.
        while app.zapi.outbox(Some(MARIA)).is_empty() {
            tokio::task::yield_now().await;
        }
        let first = app.zapi.outbox(Some(MARIA)).remove(0);
        assert_eq!(app.webhook(&echo_of(&app, &first)).await.status, 200);
    };
    let (answered, ()) = tokio::join!(app.webhook(&greeting), early);
    assert_eq!(answered.status, 200);
    let second = app.zapi.outbox(Some(MARIA)).remove(1);
    assert_eq!(app.webhook(&echo_of(&app, &second)).await.status, 200);
    app.zapi.clear_scripts();
    run_minutes(&mut app, 10).await;
    assert_eq!(app.zapi.outbox(Some(MARIA)).len(), 2, "nothing is repeated");
    let statuses = statuses(&app, MARIA).await;
    assert!(statuses.iter().all(|(status, _)| status == "SENT"), "{statuses:?}");
    let mut maria = app.patient(MARIA, "Maria Silva");
    assert!(!maria.says("1").await.is_empty(), "no echo has silenced the bot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_without_from_api_settles_too_and_silences_nobody() {
    let mut app = TestApp::start().await;
    app.zapi.answer_phone(MARIA, slow());
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    app.advance_clock(TimeDelta::seconds(30)).await;
    for sent in app.zapi.outbox(Some(MARIA)) {
        let mut webhook = echo_of(&app, &sent);
        webhook["fromApi"] = json!(null);
        assert_eq!(app.webhook(&webhook).await.status, 200);
    }
    app.zapi.clear_scripts();
    run_minutes(&mut app, 10).await;
    assert_eq!(app.zapi.outbox(Some(MARIA)).len(), 2);
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.replies();
    assert!(!maria.says("1").await.is_empty(), "the bot is not silenced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_callback_settles_the_only_unknown_message_and_no_other() {
    let mut app = TestApp::start().await;
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    // One message is unknown: its callback, which has no text, can only mean this one.
    app.zapi.answer_next(slow());
    app.patient(MARIA, "Maria Silva").says("2").await;
    let sent = app.zapi.outbox(Some(MARIA)).remove(2);
    assert_eq!(app.webhook(&delivery_of(&sent)).await.status, 200);
    run_minutes(&mut app, 10).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(count(&outbox, &sent.message), 1, "{outbox:?}");
    assert!(statuses(&app, MARIA).await.iter().all(|(status, _)| status == "SENT"));
    // Two messages are unknown: which one a callback means is not known, so both are repeated.
    let joana = "5511988880001";
    app.zapi.answer_phone(joana, slow());
    app.patient(joana, "Joana").says("Olá").await;
    let sent = app.zapi.outbox(Some(joana)).remove(0);
    assert_eq!(app.webhook(&delivery_of(&sent)).await.status, 200);
    app.zapi.clear_scripts();
    run_minutes(&mut app, 10).await;
    assert_eq!(app.zapi.outbox(Some(joana)).len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_proof_turns_unknown_into_sent() {
    let mut app = TestApp::start().await;
    app.zapi.answer_phone(MARIA, slow());
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    run_minutes(&mut app, 130).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(outbox.len(), 4);
    for sent in &outbox[..2] {
        assert_eq!(app.webhook(&echo_of(&app, sent)).await.status, 200);
    }
    let statuses = statuses(&app, MARIA).await;
    assert!(statuses.iter().all(|(status, _)| status == "SENT"), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definite_refusal_of_the_repetition_does_not_use_it_up() {
    let mut app = TestApp::start().await;
    app.zapi.answer_phone(MARIA, slow());
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    app.zapi.answer_phone(MARIA, ScriptedAnswer::respond(503, "{}"));
    run_minutes(&mut app, 5).await;
    app.zapi.clear_scripts();
    run_minutes(&mut app, 5).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(outbox.len(), 4, "{outbox:?}");
    assert!(statuses(&app, MARIA).await.iter().all(|(status, _)| status == "SENT"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_of_unknown_outcome_that_becomes_too_old_is_not_called_failed() {
    let mut app = TestApp::start().await;
    app.zapi.answer_phone(MARIA, slow());
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    app.zapi.answer_phone(MARIA, ScriptedAnswer::respond(503, "{}"));
    run_minutes(&mut app, 125).await;
    app.zapi.clear_scripts();
    run_minutes(&mut app, 5).await;
    assert_eq!(app.zapi.outbox(Some(MARIA)).len(), 2, "after two hours nothing is repeated");
    let statuses = statuses(&app, MARIA).await;
    assert!(statuses.iter().all(|(status, _)| status == "UNKNOWN"), "{statuses:?}");
    assert!(app.chat(MARIA).await["session"]["dueAt"].is_null(), "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_is_never_repeated_and_says_that_the_outcome_is_unknown() {
    let mut app = TestApp::start().await;
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    let message = json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Até já!" });
    app.zapi.answer_phone(MARIA, slow());
    let answered = app.ask(Method::POST, "/send", Some(&message)).await;
    assert_eq!((answered.status, &answered.body["providerStatus"]), (202, &json!("UNKNOWN")));
    run_minutes(&mut app, 10).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(count(&outbox, "Até já!"), 1);
    let last = statuses(&app, MARIA).await.pop().expect("a message");
    assert_eq!(last, ("UNKNOWN".to_owned(), "Até já!".to_owned()));
    let sent = outbox.last().expect("a message").clone();
    assert_eq!(app.webhook(&echo_of(&app, &sent)).await.status, 200);
    assert_eq!(statuses(&app, MARIA).await.pop().expect("a message").0, "SENT");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_without_an_answer_is_repeated_once_by_the_next_run_and_can_be_answered() {
    let mut app = TestApp::start().await;
    let (phone, other) = (MARIA, "5511999990001");
    for (phone, time) in [(phone, "09:00"), (other, "11:00")] {
        let booking = json!({ "clinicId": CLINIC, "phone": phone, "name": "Maria Silva", "date": "2026-02-24",
            "serviceId": app.service_id().await, "time": time });
        assert_eq!(app.ask(Method::POST, "/appointments", Some(&booking)).await.status, 201);
    }
    let evening = "2026-02-23T16:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("an instant");
    app.advance_clock(evening - app.now()).await;
    app.zapi.answer_endpoint("send-", slow());
    let run = async |app: &TestApp| {
        app.ask_expecting(Method::POST, "/_local/jobs/reminder-processor", None, 200).await
    };
    assert_eq!(run(&app).await["unknown"], 2);
    let sent = app.zapi.outbox(Some(other)).remove(0);
    assert_eq!(app.webhook(&echo_of(&app, &sent)).await.status, 200);
    let status = async |app: &TestApp, phone: &str| app.chat(phone).await["reminders"][0]["status"].clone();
    assert_eq!([status(&app, phone).await, status(&app, other).await], ["UNKNOWN", "SENT"]);
    for _ in 0..8 {
        app.advance_clock(TimeDelta::minutes(15)).await;
        run(&app).await;
    }
    let sent = |phone| app.zapi.outbox(Some(phone)).len();
    assert_eq!([sent(phone), sent(other)], [2, 1]);
    assert_eq!(status(&app, phone).await, "UNKNOWN");
    app.zapi.clear_scripts();
    app.patient(phone, "Maria Silva").says("Sim").await;
    let confirmed = app.appointments_of(phone, "CONFIRMED").await;
    assert!(confirmed[0]["patient_confirmed_at"].is_string(), "{confirmed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_without_an_answer_is_repeated_once_by_the_next_run() {
    let mut app = TestApp::start().await;
    let booking = json!({ "clinicId": CLINIC, "phone": MARIA, "name": "Maria Silva", "date": "2026-02-24",
        "serviceId": app.service_id().await, "time": "09:00" });
    assert_eq!(app.ask(Method::POST, "/appointments", Some(&booking)).await.status, 201);
    let evening = "2026-02-23T23:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("an instant");
    app.advance_clock(evening - app.now()).await;
    app.zapi.answer_endpoint("send-", slow());
    let clinic =
        app.ask(Method::GET, &format!("/clinics/{CLINIC}"), None).await.body["clinic"]["phone"].clone();
    let clinic = clinic.as_str().expect("a phone").to_owned();
    for _ in 0..4 {
        app.ask_expecting(Method::POST, "/_local/jobs/daily-report-sender", None, 200).await;
        app.advance_clock(TimeDelta::minutes(50)).await;
    }
    assert_eq!(app.zapi.outbox(Some(&clinic)).len(), 2);
    let statuses = statuses(&app, &clinic).await;
    assert!(statuses.iter().all(|(status, _)| status == "UNKNOWN"), "{statuses:?}");
}
