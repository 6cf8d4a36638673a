//! From what reception and the patient do to what the clinic reads in its sheet
//! (docs/rules/sheet.md#sheet-rows).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_tests::google::FakeGoogle;
use scheduler_tests::{CLINIC, TestApp, wait_until};
use serde_json::{Value, json};

use super::{SHEET, TAB, connect, ids, start_app};

const MARIA: &str = "5511999990000";

/// An app whose example clinic has a sheet at the fake Google.
async fn start() -> (TestApp, FakeGoogle) {
    let (app, google) = start_app().await;
    connect(&app.database, Some(SHEET)).await;
    (app, google)
}

async fn booking(app: &TestApp, name: &str, time: &str) -> Value {
    json!({
        "clinicId": CLINIC, "phone": MARIA, "name": name, "areas": "Pernas",
        "serviceId": app.service_id().await, "date": "2026-02-20", "time": time,
    })
}

/// Runs the Reconciler and the SheetWriter and returns the one row of an appointment.
async fn row(app: &TestApp, google: &FakeGoogle, appointment: &str) -> Vec<String> {
    app.reconcile().await;
    app.write_sheets().await;
    let rows = google.rows(SHEET, TAB);
    let mut of_appointment = rows.into_iter().filter(|row| row[8] == appointment);
    let row = of_appointment.next().expect("a row");
    assert!(of_appointment.next().is_none(), "one row");
    row
}

#[tokio::test]
async fn an_appointment_created_moved_confirmed_and_cancelled_keeps_one_row() {
    let (mut app, google) = start().await;
    app.restart(None).await;
    let booking = booking(&app, "=1+1", "09:00").await;
    let answered = app.ask(Method::POST, "/appointments", Some(&booking)).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let appointment = answered.body["appointmentId"].as_str().expect("an id").to_owned();
    let path = format!("/appointments/{appointment}");
    let change = async |app: &TestApp, change: Value| {
        let answered = app.ask(Method::PUT, &path, Some(&change)).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
    };
    let created = row(&app, &google, &appointment).await;
    assert_eq!(created[..3], ["20/02/2026", "09:00", "'=1+1"]);
    assert_eq!((created[6].as_str(), created[7].as_str()), ("CONFIRMED", ""));
    google.edit_cell(SHEET, TAB, 2, 8, "trouxe acompanhante");

    change(&app, json!({ "date": "2026-02-21", "time": "10:00", "patient_name": "Maria Silva" })).await;
    let moved = row(&app, &google, &appointment).await;
    assert_eq!(moved[..3], ["21/02/2026", "10:00", "Maria Silva"]);

    let due: DateTime<Utc> = "2026-02-20T13:00:00Z".parse().expect("an instant");
    let ahead = due - app.now();
    app.advance_clock(ahead).await;
    let ran = app.ask(Method::POST, "/_local/jobs/reminder-processor", None).await;
    assert_eq!(ran.body["sent"], 1, "{}", ran.body);
    app.patient(MARIA, "Maria").says("OK").await;
    let confirmed = row(&app, &google, &appointment).await;
    assert_eq!(confirmed[6], "CONFIRMED ✔");

    change(&app, json!({ "status": "CANCELLED" })).await;
    let cancelled = row(&app, &google, &appointment).await;
    println!("created, moved, confirmed, cancelled: {} row, {cancelled:?}", ids(&google, SHEET).len());
    assert_eq!((cancelled[6].as_str(), cancelled[7].as_str()), ("CANCELLED", "trouxe acompanhante"));
    assert_eq!(ids(&google, SHEET), [appointment]);
}

#[tokio::test]
async fn a_crash_at_any_failpoint_leaves_one_row_per_appointment() {
    for failpoint in ["visit_committed", "reminder_projected", "sheet_written"] {
        let (mut app, google) = start().await;
        let booking = booking(&app, "Maria Silva", "09:00").await;
        app.restart(Some(failpoint)).await;
        let booked = app.try_ask(Method::POST, "/appointments", Some(&booking)).await;
        let mut answers = vec![booked];
        for job in ["reconciler", "sheet-writer"] {
            answers.push(app.try_ask(Method::POST, &format!("/_local/jobs/{job}"), None).await);
        }
        assert!(answers.iter().any(Result::is_err), "{failpoint}");
        wait_until("the process has crashed", Duration::from_secs(60), async || app.server().has_exited())
            .await;
        let written = google.rows(SHEET, TAB).len();
        assert_eq!(written, if failpoint == "sheet_written" { 2 } else { 0 }, "{failpoint}");

        app.restart(None).await;
        // The lease of the crashed process has to expire first.
        app.advance_clock(TimeDelta::minutes(2)).await;
        app.reconcile().await;
        let summary = app.write_sheets().await;
        let behind = "select count(*) from scheduler.appointments
            where least(sheet_version, reminder_version) < version";
        println!("crash at {failpoint}: {} row, {summary}", ids(&google, SHEET).len());
        assert_eq!((ids(&google, SHEET).len(), app.database.number(behind).await), (1, 0), "{failpoint}");
        assert_eq!(app.chat(MARIA).await["reminders"].as_array().map(Vec::len), Some(1), "{failpoint}");
    }
}
