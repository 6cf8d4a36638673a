//! The metrics behind the alarms, as the functions write them to the log.

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::google::FakeGoogle;
use scheduler_tests::{CLINIC, TestApp, TestConfig, text};
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
async fn every_run_of_the_sheet_writer_writes_how_far_the_sheets_are_behind() {
    let mut app = TestApp::start().await;
    let google = FakeGoogle::start(app.clock.clone()).await;
    google.add_tab("spreadsheet", "Agenda", 1_000);
    app.set_env("STAGE", "test".to_owned());
    app.set_env("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
    app.set_env("GOOGLE_SHEETS_BASE_URL", google.base_url());
    app.restart(None).await;
    let sheet = json!({ "google_spreadsheet_id": "spreadsheet" });
    app.ask_expecting(Method::PUT, &format!("/clinics/{CLINIC}"), Some(&sheet), 200).await;
    assert_eq!(app.write_sheets().await["sheets_behind"], 1, "a new sheet without appointments");
    assert_eq!(last(&app, "SheetBacklogAge"), 0);
    let booking = json!({
        "clinicId": CLINIC, "phone": MARIA, "name": "Maria Silva", "serviceId": app.service_id().await,
        "date": "2026-02-20", "time": "09:00",
    });
    app.ask_expecting(Method::POST, "/appointments", Some(&booking), 201).await;
    app.reconcile().await;
    assert_eq!(lines(&app, "SheetBacklogAge").len(), 1, "the Reconciler does not look at sheets");

    assert_eq!(app.write_sheets().await["rows_behind"], 1);
    assert_eq!(last(&app, "SheetRowsBehind"), 1);
    for metric in ["SheetRowsBehind", "SheetBacklogAge"] {
        assert_eq!(lines(&app, metric).pop().expect("a line")["clinicId"], CLINIC, "{metric}");
    }

    assert_eq!(app.write_sheets().await["rows_behind"], 0);
    assert_eq!(last(&app, "SheetBacklogAge"), 0);
    let (rows, ages) = (lines(&app, "SheetRowsBehind"), lines(&app, "SheetBacklogAge"));
    assert_eq!((rows.len(), ages.len(), &ages[2]["clinicId"]), (1, 3, &Value::Null));
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

#[tokio::test]
async fn a_webhook_with_a_master_as_its_token_is_accepted_only_with_the_flag_and_counted() {
    let config = TestConfig { webhook_token: Some("new-master,old-master"), ..TestConfig::default() };
    let mut app = TestApp::with(config).await;
    let post = async |app: &TestApp, token: &str| {
        let body = app.patient(MARIA, "Maria Silva").webhook(text("Olá"));
        app.ask(Method::POST, &format!("/webhook/whatsapp?token={token}"), Some(&body)).await.status
    };
    for (flag, expected, counted) in [("false", 401, 0), ("true", 200, 2)] {
        app.set_env("STAGE", "test".to_owned());
        app.set_env("WEBHOOK_ACCEPT_MASTER", flag.to_owned());
        app.restart(None).await;
        for master in ["new-master", "old-master"] {
            assert_eq!(post(&app, master).await, expected, "{flag} {master}");
        }
        for wrong in ["", "master", "new-master,old-master"] {
            assert_eq!(post(&app, wrong).await, 401, "{flag} {wrong}");
        }
        let with_own_token = app.patient(MARIA, "Maria Silva").webhook(text("Olá"));
        assert_eq!(app.webhook(&with_own_token).await.status, 200);
        assert_eq!(lines(&app, "MasterTokenUses").len(), counted, "{flag}: {}", app.log());
    }
    assert_eq!(last(&app, "MasterTokenUses"), 1);
    let without_instance = json!({ "type": "ReceivedCallback", "phone": MARIA });
    let path = "/webhook/whatsapp?token=new-master";
    assert_eq!(app.ask(Method::POST, path, Some(&without_instance)).await.status, 401);
}
