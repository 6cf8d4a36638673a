//! Reminders through the whole app: each is sent at its time and only once (docs/rules/reminders.md#sending).

mod crashes;
mod faults;
mod load;
mod times;

use chrono::{DateTime, Utc};
use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// An instant in UTC, such as `2026-02-22T12:00`.
fn at(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().expect("an instant")
}

/// Moves the clock to this instant.
async fn move_clock_to(app: &mut TestApp, when: DateTime<Utc>) {
    let ahead = when - app.now();
    app.advance_clock(ahead).await;
}

/// Books as reception does.
async fn book(app: &TestApp, phone: &str, date: &str, time: &str) -> String {
    let booking = json!({
        "clinicId": CLINIC, "phone": phone, "name": "Maria Silva",
        "serviceId": app.service_id().await, "date": date, "time": time,
    });
    let answered = app.ask(Method::POST, "/appointments", Some(&booking)).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    answered.body["appointmentId"].as_str().expect("an id").to_owned()
}

/// Changes an appointment as reception does.
async fn change(app: &TestApp, appointment: &str, change: Value) {
    let answered = app.ask(Method::PUT, &format!("/appointments/{appointment}"), Some(&change)).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
}

/// Runs the ReminderProcessor once and returns its summary.
async fn run(app: &TestApp) -> Value {
    let answered = app.ask(Method::POST, "/_local/jobs/reminder-processor", None).await;
    assert_eq!(answered.status, 200, "{}\n{}", answered.body, app.log());
    answered.body
}

/// The stored reminders of a person, as `(sendAt, status)`.
async fn stored(app: &TestApp, phone: &str) -> Vec<(String, String)> {
    let chat = app.chat(phone).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let reminders = chat["reminders"].as_array().expect("reminders");
    reminders.iter().map(|reminder| (text(&reminder["sendAt"]), text(&reminder["status"]))).collect()
}

/// The number of appointments whose reminder is not up to date.
async fn reminders_behind(app: &TestApp) -> i64 {
    app.database.number("select count(*) from scheduler.appointments where reminder_version < version").await
}

/// The number of messages that were sent to a phone.
fn sent(app: &TestApp, phone: &str) -> usize {
    app.zapi.outbox(Some(phone)).len()
}
