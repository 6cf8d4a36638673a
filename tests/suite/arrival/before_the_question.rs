//! A message answers no question that was asked after it came: by the product's clock, or by z-api's clock if it is
//! more than five seconds older.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_tests::{CLINIC, ProxyMode, TestApp, database, text};
use serde_json::{Value, json};

use super::{
    MARIA, asked_for_time, asked_to_confirm, known, pass, phone, post_in_quick_succession, states_around,
    wait_for_postgres,
};
use crate::outages::{app_with_proxied_postgres, switch_to};

/// How long z-api's work on a reply takes by the clock. Messages that arrive meanwhile are older than the question, but
/// not by the five seconds that z-api's own clock would need.
const MEANWHILE: TimeDelta = TimeDelta::seconds(2);

async fn confirmed(app: &TestApp, phone: &str) -> Vec<Value> {
    app.appointments_of(phone, "CONFIRMED").await
}

/// Whether the patient has confirmed that they come to their only appointment.
async fn attends(app: &TestApp, phone: &str) -> bool {
    confirmed(app, phone).await[0]["patient_confirmed_at"].is_string()
}

/// Books for the 18th as reception does. The reminder is due on the 17th at the same time.
async fn book(app: &TestApp, phone: &str, time: &str) {
    let booking = json!({ "clinicId": CLINIC, "phone": phone, "name": "Maria Silva",
        "serviceId": app.service_id().await, "date": "2026-02-18", "time": time });
    app.ask_expecting(Method::POST, "/appointments", Some(&booking), 201).await;
}

async fn send_reminders(app: &TestApp) -> Value {
    app.ask_expecting(Method::POST, "/_local/jobs/reminder-processor", None, 200).await
}

/// The message with another time of sending by z-api's clock.
fn sent_at(mut webhook: Value, millis: i64) -> Value {
    webhook["momment"] = json!(millis);
    webhook
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_quick_numbers_answer_one_question() {
    let app = TestApp::start().await;
    // It is 09:05, so that no offered time passes during the test.
    pass(&app, TimeDelta::minutes(5)).await;
    let questions = [
        ("schedule", "SCHEDULE_MENU", "PRICE_TABLE"),
        ("day_", "SELECT_TIME", "CONFIRM_BOOKING"),
        ("time_", "CONFIRM_BOOKING", "BOOKED"),
    ];
    for (number, (asked, stands, next)) in questions.into_iter().enumerate() {
        let phone = phone(number);
        let mut patient = known(&app, &phone).await;
        patient.goes_to(asked).await;
        let ones = [(); 3].map(|()| patient.webhook(text("1")));
        post_in_quick_succession(&app, &phone, &ones[0], &ones[1..], MEANWHILE).await;
        assert_eq!(app.state(&phone).await, stands, "{:?}", patient.outbox());
        assert!(confirmed(&app, &phone).await.is_empty(), "{asked}: nothing is booked");
        for one in &ones {
            states_around(&app, &phone, one).await;
        }
        // The question stands: the next number answers it.
        pass(&app, TimeDelta::seconds(10)).await;
        patient.says("1").await;
        assert_eq!(app.state(&phone).await, next, "{:?}", patient.outbox());
    }
    assert_eq!(app.appointments().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_a_number_or_an_hour_from_before_the_confirmation_was_asked_books_and_changes_nothing() {
    let app = TestApp::start().await;
    // 10:50 is a time of the clinic's grid, 10:00 is none.
    let quick = [
        ["10h50", "10h50", "10h50"],
        ["1", "1", "1"],
        ["1", "sim", "sim"],
        ["1", "ok", "ok"],
        ["1", "10h", "10h"],
        ["1", "👍", "pode ser"],
    ];
    for (number, words) in quick.into_iter().enumerate() {
        let phone = phone(number);
        let mut patient = asked_for_time(&app, &phone).await;
        patient.replies();
        let webhooks = words.map(|words| patient.webhook(text(words)));
        post_in_quick_succession(&app, &phone, &webhooks[0], &webhooks[1..], MEANWHILE).await;
        let question = patient.replies().into_iter().next().expect("the question");
        assert_eq!(app.state(&phone).await, "CONFIRM_BOOKING", "{words:?}: {:?}", patient.outbox());
        assert!(confirmed(&app, &phone).await.is_empty(), "{words:?}: nothing is booked");
        for webhook in &webhooks {
            states_around(&app, &phone, webhook).await;
        }
        pass(&app, TimeDelta::seconds(10)).await;
        patient.says("sim").await;
        let booked = confirmed(&app, &phone).await;
        assert_eq!(booked.len(), 1, "{words:?}: {:?}", patient.outbox());
        let time = booked[0]["start_time"].as_str().expect("a time");
        assert!(question.message.contains(time), "{words:?}: {time} is not what was asked: {question:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_quick_confirmations_one_books_and_the_others_answer_nothing() {
    let app = TestApp::start().await;
    for (number, word) in ["1", "sim", "ok"].into_iter().enumerate() {
        let phone = phone(number);
        let patient = asked_to_confirm(&app, &phone).await;
        let webhooks = [(); 3].map(|()| patient.webhook(text(word)));
        post_in_quick_succession(&app, &phone, &webhooks[0], &webhooks[1..], MEANWHILE).await;
        assert_eq!(app.state(&phone).await, "BOOKED", "{word}: {:?}", patient.outbox());
        assert_eq!(confirmed(&app, &phone).await.len(), 1, "{word}");
        for webhook in &webhooks {
            states_around(&app, &phone, webhook).await;
        }
    }
    assert_eq!(app.appointments().await.len(), 3);
}

#[tokio::test]
async fn an_answer_counts_if_it_was_sent_at_most_five_seconds_before_the_question() {
    let app = TestApp::start().await;
    let answers = [
        ("sim", 6, "CONFIRM_BOOKING"),
        ("sim", 5, "BOOKED"),
        ("1", 6, "CONFIRM_BOOKING"),
        ("1", 5, "BOOKED"),
        ("sim", 0, "BOOKED"),
    ];
    for (number, (word, seconds, state)) in answers.into_iter().enumerate() {
        let phone = phone(number);
        let mut patient = asked_to_confirm(&app, &phone).await;
        let sent = (app.now() - TimeDelta::seconds(seconds)).timestamp_millis();
        // It arrives after the question, so that only z-api's clock tells.
        pass(&app, TimeDelta::minutes(1)).await;
        let answer = sent_at(patient.webhook(text(word)), sent);
        assert_eq!(app.webhook(&answer).await.status, 200);
        assert_eq!(app.state(&phone).await, state, "{word}, {seconds} s before: {:?}", patient.outbox());
        patient.says("sim").await;
        assert_eq!(confirmed(&app, &phone).await.len(), 1, "{word}, {seconds} s before");
    }
}

#[tokio::test]
async fn an_answer_of_the_same_instant_as_the_question_counts() {
    let app = TestApp::start().await;
    let patient = asked_to_confirm(&app, MARIA).await;
    let asked = patient.outbox().pop().expect("the question").sent_at;
    assert_eq!(asked.parse::<DateTime<Utc>>(), Ok(app.now()), "the clock stands still");
    let answer = sent_at(patient.webhook(text("sim")), app.now().timestamp_millis());
    assert_eq!(app.webhook(&answer).await.status, 200);
    assert_eq!(app.state(MARIA).await, "BOOKED");
}

#[tokio::test]
async fn an_ok_counts_if_it_was_sent_at_most_five_seconds_before_the_reminder() {
    let app = TestApp::start().await;
    let seconds_before = [6, 5];
    book(&app, &phone(0), "10:00").await;
    book(&app, &phone(1), "11:00").await;
    pass(&app, TimeDelta::hours(26)).await;
    let summary = send_reminders(&app).await;
    assert_eq!(summary["sent"], 2, "{summary}");
    let reminded_at = app.now();
    pass(&app, TimeDelta::minutes(1)).await;
    for (number, seconds) in seconds_before.into_iter().enumerate() {
        let patient = app.patient(&phone(number), "Maria Silva");
        let sent = (reminded_at - TimeDelta::seconds(seconds)).timestamp_millis();
        let ok = sent_at(patient.webhook(text("ok")), sent);
        assert_eq!(app.webhook(&ok).await.status, 200);
    }
    assert!(!attends(&app, &phone(0)).await, "six seconds before");
    assert!(attends(&app, &phone(1)).await, "five seconds before");
    app.patient(&phone(0), "Maria Silva").says("ok").await;
    assert!(attends(&app, &phone(0)).await, "the next ok answers the reminder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_that_waited_out_an_outage_does_not_confirm_what_was_asked_after_it_came() {
    let (mut app, proxy) = app_with_proxied_postgres(database().await).await;
    asked_for_time(&app, MARIA).await;
    // The clinic is not in memory, so the message waits outside the chat.
    app.restart(None).await;
    switch_to(&proxy, ProxyMode::Refuse);
    let mut maria = app.patient(MARIA, "Maria Silva");
    // z-api's clock is fast: by it, the message is newer than the question.
    let fast = (app.now() + TimeDelta::minutes(2)).timestamp_millis();
    let yes = sent_at(maria.webhook(text("sim")), fast);
    assert_eq!(app.webhook(&yes).await.status, 200);
    switch_to(&proxy, ProxyMode::Forward);
    wait_for_postgres(&app).await;
    pass(&app, TimeDelta::seconds(10)).await;
    maria.goes_to("book_").await;
    assert_eq!(app.state(MARIA).await, "CONFIRM_BOOKING");

    pass(&app, TimeDelta::seconds(10)).await;
    let summary = app.reconcile().await;
    states_around(&app, MARIA, &yes).await;
    assert_eq!(app.state(MARIA).await, "CONFIRM_BOOKING", "{summary}");
    assert!(confirmed(&app, MARIA).await.is_empty());
    pass(&app, TimeDelta::seconds(10)).await;
    maria.says("sim").await;
    assert_eq!(confirmed(&app, MARIA).await.len(), 1, "the question stood: {:?}", maria.outbox());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ok_that_waited_out_an_outage_does_not_answer_a_reminder_that_was_sent_after_it_came() {
    let (mut app, proxy) = app_with_proxied_postgres(database().await).await;
    book(&app, MARIA, "10:00").await;
    // One minute before the reminder is due.
    pass(&app, TimeDelta::hours(25) - TimeDelta::minutes(1)).await;
    app.restart(None).await;
    switch_to(&proxy, ProxyMode::Refuse);
    let mut maria = app.patient(MARIA, "Maria Silva");
    let fast = (app.now() + TimeDelta::minutes(2)).timestamp_millis();
    let ok = sent_at(maria.webhook(text("ok")), fast);
    assert_eq!(app.webhook(&ok).await.status, 200);
    switch_to(&proxy, ProxyMode::Forward);
    wait_for_postgres(&app).await;
    pass(&app, TimeDelta::minutes(1)).await;
    let summary = send_reminders(&app).await;
    assert_eq!(summary["sent"], 1, "{summary}");

    pass(&app, TimeDelta::seconds(10)).await;
    app.reconcile().await;
    states_around(&app, MARIA, &ok).await;
    assert!(!attends(&app, MARIA).await, "the ok came before the reminder");
    maria.says("ok").await;
    assert!(attends(&app, MARIA).await);
}
