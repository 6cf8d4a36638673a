//! The metrics behind the alarms, as the functions write them to the log.

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::TestApp;
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// An app with a stage, because metrics are written only with one.
async fn app_with_stage() -> TestApp {
    let mut app = TestApp::start().await;
    app.set_env("STAGE", "test".to_owned());
    app.restart(None).await;
    app
}

/// The log lines in which CloudWatch would find this metric.
fn lines(app: &TestApp, metric: &str) -> Vec<Value> {
    let log = app.log();
    let objects = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    objects.filter(|line| line.get("_aws").is_some() && line.get(metric).is_some()).collect()
}

/// The latest value of a metric.
fn last(app: &TestApp, metric: &str) -> u64 {
    let line = lines(app, metric).pop().unwrap_or_else(|| panic!("no {metric}\n{}", app.log()));
    assert_eq!(line["stage"], "test");
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Scheduler");
    assert!(!line.to_string().contains(MARIA), "{line}");
    line[metric].as_u64().expect("a number")
}

#[tokio::test]
async fn every_turn_writes_one_line_and_other_calls_write_none() {
    let app = app_with_stage().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    maria.says("1").await;
    let turns = lines(&app, "TurnMilliseconds");
    println!("{turns:?}");
    assert_eq!(turns.len(), 2, "{}", app.log());
    for turn in &turns {
        assert_eq!(turn["outcome"], "answered");
        let waits = turn["TurnWaits"].as_u64().expect("a number");
        // The first turn also connects to PostgreSQL and loads the clinic.
        assert!((4..=8).contains(&waits), "{turn}");
    }
    let response = app.webhook(&json!({ "type": "DeliveryCallback", "instanceId": "nobody" })).await;
    assert_eq!(response.status, 200);
    app.ask(Method::GET, "/clinics", None).await;
    assert_eq!(lines(&app, "TurnMilliseconds").len(), 2);
}

#[tokio::test]
async fn every_run_of_the_reconciler_writes_the_age_of_the_oldest_due_chat() {
    let mut app = app_with_stage().await;
    app.reconcile().await;
    assert_eq!(last(&app, "OldestChatDueAge"), 0);
    app.zapi.answer_phone(MARIA, ScriptedAnswer::respond(500, "{}"));
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    assert_eq!(lines(&app, "TurnMilliseconds").pop().expect("a turn")["outcome"], "left");
    app.advance_clock(TimeDelta::minutes(10)).await;
    app.reconcile().await;
    let age = last(&app, "OldestChatDueAge");
    // The chat was due 30 seconds after its message, so it has been due for just under 10 minutes.
    assert!((540..=600).contains(&age), "{age} seconds");
}

#[tokio::test]
async fn failed_replies_and_failed_sends_are_counted_in_the_same_metric() {
    let app = app_with_stage().await;
    app.zapi.answer_phone(MARIA, ScriptedAnswer::respond(400, r#"{"error":"message is empty"}"#));
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    let refused = last(&app, "FailedMessages");
    println!("{refused} replies refused");
    assert!(refused > 0);
    let message = json!({ "clinicId": "laser-beauty-sp", "phone": MARIA, "type": "text", "content": "Oi" });
    app.ask_expecting(Method::POST, "/send", Some(&message), 502).await;
    assert_eq!(lines(&app, "FailedMessages").len(), 2);
}
