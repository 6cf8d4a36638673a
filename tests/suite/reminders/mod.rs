//! Reminders over the whole product: at their time, once, whatever happens (issue 4; quality 3, rows
//! 7 to 11).

mod deaths;
mod faults;
mod load;
mod times;

use chrono::{DateTime, Utc};
use reqwest::Method;
use scheduler_tests::{CLINIC, Product};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// An instant in UTC, such as `2026-02-22T12:00`.
fn at(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().expect("an instant")
}

/// Moves the clock there.
async fn at_once(product: &mut Product, when: DateTime<Utc>) {
    let ahead = when - product.now();
    product.passes(ahead).await;
}

/// Books as reception does.
async fn book(product: &Product, phone: &str, date: &str, time: &str) -> String {
    let wish = json!({
        "clinicId": CLINIC, "phone": phone, "name": "Maria Silva",
        "serviceId": product.service_id().await, "date": date, "time": time,
    });
    let answered = product.ask(Method::POST, "/appointments", Some(&wish)).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    answered.body["appointmentId"].as_str().expect("an id").to_owned()
}

/// Changes a visit as reception does.
async fn change(product: &Product, visit: &str, change: Value) {
    let answered = product.ask(Method::PUT, &format!("/appointments/{visit}"), Some(&change)).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
}

/// Runs the ReminderProcessor once and answers its summary.
async fn run(product: &Product) -> Value {
    let answered = product.ask(Method::POST, "/_local/jobs/reminder-processor", None).await;
    assert_eq!(answered.status, 200, "{}\n{}", answered.body, product.log());
    answered.body
}

/// The reminders that are stored for a person, each with its time and where it stands.
async fn stored(product: &Product, phone: &str) -> Vec<(String, String)> {
    let chat = product.chat(phone).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let reminders = chat["reminders"].as_array().expect("reminders");
    reminders.iter().map(|reminder| (text(&reminder["sendAt"]), text(&reminder["status"]))).collect()
}

/// How many messages went out to a phone.
fn sent(product: &Product, phone: &str) -> usize {
    product.zapi.outbox(Some(phone)).len()
}
