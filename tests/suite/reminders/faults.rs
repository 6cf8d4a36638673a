//! Reminders while z-api or DynamoDB fails (docs/rules/reliability.md#failed-reminders,
//! docs/rules/reliability.md#dynamodb-outages).

use chrono::TimeDelta;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::{ProxyMode, TestApp};
use serde_json::json;

use super::load::book_many;
use super::{MARIA, at, book, change, move_clock_to, reminders_behind, run, sent, stored};
use crate::outages::{app_with_proxied_dynamodb, switch_to};

#[tokio::test]
async fn one_poison_reminder_does_not_delay_the_others() {
    let mut app = TestApp::start().await;
    let phones = book_many(&app, 100, "2026-02-23", "America/Sao_Paulo").await;
    app.zapi.answer_phone(&phones[50], ScriptedAnswer::respond(400, r#"{"error":"message is empty"}"#));
    move_clock_to(&mut app, at("2026-02-22T23:30")).await;
    let summary = run(&app).await;
    println!("one poison reminder among 100: {summary}");
    assert_eq!((&summary["sent"], &summary["failed"]), (&json!(99), &json!(1)), "{summary}");
    let chat = app.chat(&phones[50]).await;
    assert_eq!(chat["reminders"][0]["status"], "FAILED");
    assert_eq!(chat["reminders"][0]["errorDetails"], "HTTP 400: message is empty");
    assert_eq!(chat["events"][1]["status"], "FAILED", "{chat:#}");
}

#[tokio::test]
async fn a_reminder_that_fails_temporarily_is_tried_five_times() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    app.zapi.answer_phone(MARIA, ScriptedAnswer::respond(500, "{}"));
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    let mut failed = 0;
    for _ in 0..24 {
        let summary = run(&app).await;
        failed += summary["failed"].as_u64().expect("a number");
        app.advance_clock(TimeDelta::minutes(15)).await;
    }
    let attempts = app.zapi.calls().iter().filter(|call| call.endpoint == "send-text").count();
    println!("{attempts} attempts, {failed} failed");
    assert_eq!((attempts, failed), (5, 1));
    let chat = app.chat(MARIA).await;
    assert_eq!(chat["reminders"][0]["status"], "FAILED", "{chat:#}");
    assert_eq!(chat["reminders"][0]["errorDetails"], "HTTP 500");
}

#[tokio::test]
async fn a_disconnected_phone_costs_no_attempt() {
    let mut app = TestApp::start().await;
    app.set_env("STAGE", "test".to_owned());
    app.restart(None).await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    let expires = "5511999990001";
    book(&app, expires, "2026-02-22", "21:00").await;
    move_clock_to(&mut app, at("2026-02-22T01:00")).await;
    let away = r#"{"connected":false,"error":"You are not connected","smartphoneConnected":false}"#;
    app.zapi.answer_endpoint("status", ScriptedAnswer::respond(200, away));
    let mut runs = 0;
    // Three hours of runs from 22:00 in São Paulo: the second reminder expires at midnight.
    for _ in 0..12 {
        let summary = run(&app).await;
        assert_eq!(summary["sent"], 0, "{summary}");
        runs += u64::from(summary["held"].as_u64().expect("a number") > 0);
        app.advance_clock(TimeDelta::minutes(15)).await;
    }
    let held = stored(&app, MARIA).await;
    let chat = app.chat(MARIA).await;
    assert_eq!((&held[0].1, &chat["reminders"][0]["attempts"]), (&"PENDING".to_owned(), &json!(0)));
    let status_calls = app.zapi.calls().iter().filter(|call| call.endpoint == "status").count();
    assert_eq!(status_calls as u64, runs, "one status call per clinic and run");
    let metrics = app.log().lines().filter(|line| line.contains("\"InstanceFaults\":1")).count();
    assert_eq!(metrics as u64, runs, "one metric per run: {}", app.log());
    let age_metrics = app.log().lines().filter(|line| line.contains("\"OldestReminderDueAge\":9900")).count();
    assert_eq!(age_metrics, 1, "one run reports a reminder that is 2 h 45 min overdue: {}", app.log());

    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    let held = run(&app).await;
    assert_eq!(held["held"], 1, "{held}");
    app.zapi.clear_scripts();
    let summary = run(&app).await;
    println!("held in {runs} runs, then {summary}");
    assert_eq!((sent(&app, MARIA), sent(&app, expires)), (1, 0));
    let chat = app.chat(MARIA).await;
    assert_eq!(chat["reminders"][0]["attempts"], 1, "{chat:#}");
}

#[tokio::test]
async fn a_wrong_token_costs_no_attempt() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    app.zapi
        .answer_endpoint("send-", ScriptedAnswer::respond(403, r#"{"error":"Client-Token not allowed"}"#));
    let summary = run(&app).await;
    assert_eq!(summary["held"], 1, "{summary}");
    let chat = app.chat(MARIA).await;
    assert_eq!(chat["reminders"][0]["attempts"], 0, "{chat:#}");
    app.zapi.clear_scripts();
    let summary = run(&app).await;
    assert_eq!((&summary["sent"], sent(&app, MARIA)), (&json!(1), 1), "{summary}");
}

#[tokio::test]
async fn an_appointment_booked_during_a_dynamodb_outage_gets_its_reminder_afterwards() {
    let (mut app, proxy, embedded) = app_with_proxied_dynamodb().await;
    switch_to(&proxy, ProxyMode::Refuse);
    book(&app, MARIA, "2026-02-23", "09:00").await;
    assert_eq!(reminders_behind(&app).await, 1);

    switch_to(&proxy, ProxyMode::Forward);
    let summary = app.reconcile().await;
    println!("after the DynamoDB outage: {summary}");
    assert_eq!(reminders_behind(&app).await, 0);
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    run(&app).await;
    assert_eq!(sent(&app, MARIA), 1);
    drop(app);
    embedded.stop().await;
}

#[tokio::test]
async fn a_dynamodb_outage_on_the_last_day_loses_no_reminder_and_creates_none_for_late_bookings() {
    let (mut app, proxy, embedded) = app_with_proxied_dynamodb().await;
    let (early, changed, moved, late) = (MARIA, "5511999990001", "5511999990002", "5511999990003");
    let known = book(&app, moved, "2026-02-27", "12:00").await;
    // 08:30 in São Paulo, half an hour more than a day before 09:00.
    move_clock_to(&mut app, at("2026-02-22T11:30")).await;
    switch_to(&proxy, ProxyMode::Refuse);
    book(&app, early, "2026-02-23", "09:00").await;
    let appointment = book(&app, changed, "2026-02-23", "10:00").await;
    move_clock_to(&mut app, at("2026-02-22T14:30")).await;
    // 11:30 in São Paulo, less than a day before 11:00.
    book(&app, late, "2026-02-23", "11:00").await;
    change(&app, &known, json!({ "date": "2026-02-23", "time": "08:00" })).await;
    switch_to(&proxy, ProxyMode::Forward);
    // This request creates the reminder, less than a day ahead; what counts is when the start was set.
    change(&app, &appointment, json!({ "notes": "traz exames" })).await;
    let summary = app.reconcile().await;
    run(&app).await;
    let times = [early, changed, moved, late].map(|phone| sent(&app, phone));
    println!("after a DynamoDB outage on the last day: {times:?} reminders, {summary}");
    assert_eq!(times, [1, 1, 0, 0], "booked in time; booked in time and changed; moved late; booked late");

    change(&app, &appointment, json!({ "notes": "não traz exames" })).await;
    app.reconcile().await;
    run(&app).await;
    assert_eq!(sent(&app, changed), 1, "a reminder that was sent is not created again");
    drop(app);
    embedded.stop().await;
}
