//! When a reminder is sent and when it is not (docs/rules/reminders.md#when-a-reminder-is-sent,
//! docs/rules/reliability.md#reminder-crons).

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp, TestConfig};
use serde_json::json;

use super::{MARIA, at, book, change, move_clock_to, reminders_behind, run, sent, stored};

/// Compares stored reminders with the expected `(sendAt, status)` pairs.
#[track_caller]
fn check(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found.iter().map(|(at, status)| (at.as_str(), status.as_str())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_reminder_is_sent_at_its_minute_and_only_once() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    move_clock_to(&mut app, at("2026-02-22T11:59")).await;
    let early = run(&app).await;
    assert_eq!((&early["processed"], sent(&app, MARIA)), (&json!(0), 0), "a minute before: {early}");

    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    run(&app).await;
    let outbox = app.zapi.outbox(Some(MARIA));
    assert_eq!(outbox.len(), 1, "{outbox:?}");
    assert!(outbox[0].message.contains("Amanhã às 09:00"), "{outbox:?}");
    assert!(outbox[0].message.contains("SAIR"), "{outbox:?}");

    let again = run(&app).await;
    assert_eq!(again["processed"], 0, "{again}");
    let (a, b, c, d) = tokio::join!(run(&app), run(&app), run(&app), run(&app));
    println!("sent 1; again: {again}; four concurrent runs: {a} {b} {c} {d}");
    assert_eq!(sent(&app, MARIA), 1);
    check(&stored(&app, MARIA).await, &[("2026-02-22T12:00:00.000Z", "SENT")]);
    assert!(app.log().contains("Processed 1 reminders: 1 sent, 0 failed"), "{}", app.log());

    let events = app.events(MARIA).await;
    let statuses: Vec<&str> = events.iter().filter_map(|event| event["status"].as_str()).collect();
    assert_eq!(statuses, ["QUEUED", "SENT"], "{events:#?}");
}

#[tokio::test]
async fn eight_concurrent_runs_send_one_reminder() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    let app = &app;
    let (a, b, c, d, e, f, g, h) =
        tokio::join!(run(app), run(app), run(app), run(app), run(app), run(app), run(app), run(app));
    let runs = [a, b, c, d, e, f, g, h];
    let in_all: u64 = runs.iter().filter_map(|summary| summary["sent"].as_u64()).sum();
    println!("eight concurrent runs: {in_all} sent, {} in the outbox", sent(app, MARIA));
    assert_eq!((in_all, sent(app, MARIA)), (1, 1), "{runs:?}");
}

#[tokio::test]
async fn a_moved_appointment_gets_a_reminder_only_for_its_new_time() {
    let mut app = TestApp::start().await;
    let appointment = book(&app, MARIA, "2026-02-23", "09:00").await;
    change(&app, &appointment, json!({ "date": "2026-02-24", "time": "10:00" })).await;
    check(
        &stored(&app, MARIA).await,
        &[("2026-02-22T12:00:00.000Z", "CANCELLED"), ("2026-02-23T13:00:00.000Z", "PENDING")],
    );
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    run(&app).await;
    assert_eq!(sent(&app, MARIA), 0, "nothing for the old time");
    move_clock_to(&mut app, at("2026-02-23T13:00")).await;
    run(&app).await;
    assert_eq!(sent(&app, MARIA), 1, "one for the new time");
}

#[tokio::test]
async fn an_appointment_moved_away_and_back_gets_one_reminder() {
    let mut app = TestApp::start().await;
    let appointment = book(&app, MARIA, "2026-02-23", "09:00").await;
    change(&app, &appointment, json!({ "date": "2026-02-24", "time": "10:00" })).await;
    change(&app, &appointment, json!({ "date": "2026-02-23", "time": "09:00" })).await;
    check(
        &stored(&app, MARIA).await,
        &[("2026-02-22T12:00:00.000Z", "PENDING"), ("2026-02-23T13:00:00.000Z", "CANCELLED")],
    );
    for when in ["2026-02-22T12:00", "2026-02-23T13:00"] {
        move_clock_to(&mut app, at(when)).await;
        run(&app).await;
    }
    assert_eq!(sent(&app, MARIA), 1);
}

#[tokio::test]
async fn a_patient_who_cancels_books_late_or_opted_out_gets_no_reminder() {
    let mut app = TestApp::start().await;
    let appointment = book(&app, MARIA, "2026-02-23", "09:00").await;
    change(&app, &appointment, json!({ "status": "CANCELLED" })).await;
    check(&stored(&app, MARIA).await, &[("2026-02-22T12:00:00.000Z", "CANCELLED")]);

    let opted_out = "5511999990001";
    book(&app, opted_out, "2026-02-23", "10:00").await;
    app.patient(opted_out, "Ana Souza").says("SAIR").await;
    let answers = sent(&app, opted_out);

    move_clock_to(&mut app, at("2026-02-22T14:00")).await;
    let late = "5511999990002";
    // At 11:00, for 07:00 of the next day.
    book(&app, late, "2026-02-23", "07:00").await;
    check(&stored(&app, late).await, &[]);
    let summary = run(&app).await;
    println!("{summary}");
    assert_eq!((&summary["sent"], &summary["cancelled"]), (&json!(0), &json!(1)), "{summary}");
    assert_eq!((sent(&app, MARIA), sent(&app, late)), (0, 0));
    assert_eq!(sent(&app, opted_out), answers);
}

#[tokio::test]
async fn an_appointment_moved_between_query_and_send_gets_no_reminder_for_its_old_time() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    // As if the process had crashed before it could move the reminder.
    let moved = "update scheduler.appointments set start_time = '11:00', end_time = '11:45'";
    sqlx::query(moved).execute(&app.database.pool).await.expect("a move");
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    let summary = run(&app).await;
    assert_eq!((&summary["sent"], &summary["cancelled"]), (&json!(0), &json!(1)), "{summary}");
    assert_eq!(sent(&app, MARIA), 0);
}

#[tokio::test]
async fn reminders_of_early_and_late_appointments_are_due_between_8_and_20_o_clock() {
    let app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "07:00").await;
    book(&app, MARIA, "2026-02-23", "21:00").await;
    check(
        &stored(&app, MARIA).await,
        &[("2026-02-22T11:00:00.000Z", "PENDING"), ("2026-02-22T23:00:00.000Z", "PENDING")],
    );
}

#[tokio::test]
async fn after_an_outage_a_reminder_is_sent_only_if_it_has_not_expired() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    let too_late = "5511999990001";
    book(&app, too_late, "2026-02-22", "09:00").await;
    // Nothing ran for days. It is 23:59 in São Paulo; the second reminder expired at the midnight before.
    move_clock_to(&mut app, at("2026-02-23T02:59")).await;
    let summary = run(&app).await;
    println!("{summary}");
    assert_eq!((&summary["sent"], &summary["expired"]), (&json!(1), &json!(1)), "{summary}");
    assert_eq!((sent(&app, MARIA), sent(&app, too_late)), (1, 0));
    let again = run(&app).await;
    assert_eq!(again["processed"], 0, "{again}");
}

#[tokio::test]
async fn a_phone_that_is_not_allowed_gets_no_reminder() {
    let mut app = TestApp::with(TestConfig { allowed_phones: "", ..TestConfig::default() }).await;
    book(&app, MARIA, "2026-02-23", "09:00").await;
    move_clock_to(&mut app, at("2026-02-22T12:00")).await;
    let summary = run(&app).await;
    assert_eq!((&summary["sent"], sent(&app, MARIA)), (&json!(0), 0), "{summary}");
    let events = app.events(MARIA).await;
    assert_eq!((events.len(), &events[0]["status"]), (1, &json!("BLOCKED")), "{events:#?}");
}

#[tokio::test]
async fn an_appointment_booked_in_the_chat_gets_a_reminder() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.goes_to("day_").await;
    // The last day offered, because today is less than 24 hours ahead.
    let days = maria.prompt().options;
    let day = days.iter().rev().find(|option| option.id.starts_with("day_")).expect("a day").id.clone();
    maria.presses(&day).await;
    maria.books().await;
    let reminders = stored(&app, MARIA).await;
    assert_eq!(reminders.len(), 1, "{reminders:?}");
    assert_eq!(reminders[0].1, "PENDING");
    assert_eq!(reminders_behind(&app).await, 0, "the booking itself created the reminder");
}

/// The date is far ahead, because the database compares it with its own clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_follows_its_clinic_to_a_new_time_zone_and_can_be_answered() {
    let mut app = TestApp::start().await;
    book(&app, MARIA, "2030-12-10", "09:00").await;
    check(&stored(&app, MARIA).await, &[("2030-12-09T12:00:00.000Z", "PENDING")]);
    let clinic = format!("/clinics/{CLINIC}");
    let zone = json!({ "timezone": "America/Manaus" });
    app.ask_expecting(Method::PUT, &clinic, Some(&zone), 200).await;
    app.advance_clock(TimeDelta::minutes(2)).await;
    app.reconcile().await;
    assert_eq!(reminders_behind(&app).await, 0);

    move_clock_to(&mut app, at("2030-12-09T12:00")).await;
    run(&app).await;
    assert_eq!(sent(&app, MARIA), 0, "it is 08:00 at the clinic");
    move_clock_to(&mut app, at("2030-12-09T13:00")).await;
    run(&app).await;
    assert_eq!(sent(&app, MARIA), 1);
    app.patient(MARIA, "Maria Silva").says("Sim").await;
    let confirmed = app.appointments_of(MARIA, "CONFIRMED").await;
    assert!(confirmed[0]["patient_confirmed_at"].is_string(), "{confirmed:?}");
}
