//! Google fails for an hour while the clinic keeps working (docs/rules/reliability.md#google-outages).

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::google::GoogleMode;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::json;

use super::{SHEET, TAB, ids, start_app};

/// Books three appointments and changes two, as reception does. Returns how many changes the sheet has to
/// follow.
async fn work_for_a_minute(
    app: &TestApp,
    service: &str,
    minute: u32,
    appointments: &mut Vec<String>,
) -> usize {
    let mut changes = 0;
    for booking in 0..3 {
        let number = minute * 3 + booking;
        let (day, slot) = (1 + number / 20, number % 20);
        let body = json!({
            "clinicId": CLINIC, "phone": "11999990000", "name": "Maria Silva", "serviceId": service,
            "date": format!("2026-03-{day:02}"), "time": format!("{:02}:00", slot),
        });
        let answered = app.ask(Method::POST, "/appointments", Some(&body)).await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        appointments.push(answered.body["appointmentId"].as_str().expect("an id").to_owned());
        changes += 1;
    }
    let newest = appointments.len() - 1;
    for (appointment, what) in
        [(newest, json!({ "areas": "Braços" })), (newest - 1, json!({ "status": "CANCELLED" }))]
    {
        let path = format!("/appointments/{}", appointments[appointment]);
        let answered = app.ask(Method::PUT, &path, Some(&what)).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        changes += 1;
    }
    changes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_without_google_loses_no_booking_and_no_row_and_stays_within_the_quota() {
    let (mut app, google) = start_app().await;
    app.restart(None).await;
    let spreadsheet = json!({ "google_spreadsheet_id": SHEET });
    let answered = app.ask(Method::PUT, &format!("/clinics/{CLINIC}"), Some(&spreadsheet)).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let service = app.service_id().await;

    let (mut changes, mut appointments) = (0, Vec::new());
    for minute in 0..60 {
        google.set_mode(match minute {
            30 => GoogleMode::Hang,
            _ if minute % 2 == 0 => GoogleMode::Status(503),
            _ => GoogleMode::Status(429),
        });
        changes += work_for_a_minute(&app, &service, minute, &mut appointments).await;
        let summary = app.write_sheets().await;
        assert_eq!(summary["rows_written"], 0, "{summary}");
        app.advance_clock(TimeDelta::minutes(1)).await;
    }
    google.set_mode(GoogleMode::Normal);
    for _ in 0..3 {
        app.write_sheets().await;
        app.advance_clock(TimeDelta::minutes(1)).await;
    }
    let mut written = ids(&google, SHEET);
    println!(
        "an hour without Google and {changes} changes: {} rows for {} appointments, {} calls, at most {:?} per minute",
        written.len(),
        appointments.len(),
        google.calls(),
        google.max_calls_per_minute()
    );
    written.sort();
    appointments.sort();
    assert_eq!(written, appointments, "one row per appointment");
    let rows = google.rows(SHEET, TAB);
    let count = |column: usize, value: &str| rows.iter().filter(|row| row[column] == value).count();
    assert_eq!((changes, count(5, "Braços"), count(6, "CANCELLED")), (300, 60, 60));
    let (reads, writes) = google.max_calls_per_minute();
    assert!(reads <= 60 && writes <= 60, "{reads} reads, {writes} writes");
}
