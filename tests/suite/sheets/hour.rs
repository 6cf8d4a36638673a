//! Google is away for an hour while the clinic works on.

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::google::{Google, Mood};
use scheduler_tests::{CLINIC, Product};
use serde_json::json;

use super::{SHEET, TAB, ids};

/// What reception does in one of the 60 minutes: a booking, and changes of what it booked before.
async fn a_minute(product: &Product, service: &str, minute: u32, visits: &mut Vec<String>) -> usize {
    let mut changes = 0;
    for half in 0..3 {
        let number = minute * 3 + half;
        let (day, slot) = (1 + number / 20, number % 20);
        let wish = json!({
            "clinicId": CLINIC, "phone": "11999990000", "name": "Maria Silva", "serviceId": service,
            "date": format!("2026-03-{day:02}"), "time": format!("{:02}:00", slot),
        });
        let answered = product.ask(Method::POST, "/appointments", Some(&wish)).await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        visits.push(answered.body["appointmentId"].as_str().expect("an id").to_owned());
        changes += 1;
    }
    let newest = visits.len() - 1;
    for (visit, what) in
        [(newest, json!({ "areas": "Braços" })), (newest - 1, json!({ "status": "CANCELLED" }))]
    {
        let path = format!("/appointments/{}", visits[visit]);
        let answered = product.ask(Method::PUT, &path, Some(&what)).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        changes += 1;
    }
    changes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_away_for_an_hour_costs_no_booking_no_row_and_no_quota() {
    let mut product = Product::start().await;
    let google = Google::start(product.clock.clone()).await;
    google.has(SHEET, TAB, 1_000);
    product.set("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
    product.set("GOOGLE_SHEETS_BASE_URL", google.base_url());
    product.restart(None).await;
    let shared = json!({ "google_spreadsheet_id": SHEET });
    let answered = product.ask(Method::PUT, &format!("/clinics/{CLINIC}"), Some(&shared)).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let service = product.service_id().await;

    let (mut changes, mut visits) = (0, Vec::new());
    for minute in 0..60 {
        google.is(match minute {
            30 => Mood::Hangs,
            _ if minute % 2 == 0 => Mood::Answers(503),
            _ => Mood::Answers(429),
        });
        changes += a_minute(&product, &service, minute, &mut visits).await;
        let summary = product.reconcile().await;
        assert_eq!(summary["rows_written"], 0, "{summary}");
        product.passes(TimeDelta::minutes(1)).await;
    }
    google.is(Mood::Well);
    for _ in 0..3 {
        product.reconcile().await;
        product.passes(TimeDelta::minutes(1)).await;
    }
    let mut written = ids(&google, SHEET);
    println!(
        "Google away for an hour, {changes} changes meanwhile: {} rows of {} visits, {} calls, at most {} a minute",
        written.len(),
        visits.len(),
        google.calls(),
        google.most_calls_a_minute()
    );
    written.sort();
    visits.sort();
    assert_eq!(written, visits, "every row once");
    let rows = google.rows(SHEET, TAB);
    let count = |column: usize, value: &str| rows.iter().filter(|row| row[column] == value).count();
    assert_eq!((changes, count(5, "Braços"), count(6, "CANCELLED")), (300, 60, 60));
    assert!(google.most_calls_a_minute() <= 60);
}
