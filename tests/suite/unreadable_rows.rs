//! A clinic whose row cannot be read costs a warning, and nobody else anything
//! (`docs/rules/reliability.md#unreadable-rows`).

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

/// Two clinics that no release could have written: an unknown time zone, and hours that are none. Both would
/// get reports, reminders and a sheet.
const UNREADABLE: &str = r#"
    insert into scheduler.clinics
        (clinic_id, name, phone, timezone, business_hours, zapi_instance_id, zapi_instance_token,
            google_spreadsheet_id)
    values
        ('no-zone', 'A', '5511988880001', 'Mars/Olympus', '{}', 'instance-1', 'token', 'sheet-1'),
        ('no-hours', 'B', '5511988880002', 'America/Sao_Paulo', '{"mon": 5}', 'instance-2', 'token', 'sheet-2');
    insert into scheduler.services (clinic_id, name, duration_minutes)
        values ('no-zone', 'Laser', 45), ('no-hours', 'Laser', 45);
    insert into scheduler.patients (clinic_id, match_key, phone, name)
        select clinic_id, '5511999990000', '5511999990000', 'Maria Silva' from scheduler.clinics;
    insert into scheduler.appointments
        (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes)
        select p.clinic_id, p.id, s.id, '2026-02-20', '10:00', '10:45', 10
        from scheduler.patients p join scheduler.services s using (clinic_id);"#;

const WARNING: &str = "a row that cannot be read is left out";

async fn start() -> TestApp {
    let app = TestApp::start().await;
    sqlx::raw_sql(UNREADABLE).execute(&app.database.pool).await.expect("two unreadable clinics");
    app
}

async fn run(app: &TestApp, job: &str) -> Value {
    app.ask_expecting(Method::POST, &format!("/_local/jobs/{job}"), None, 200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_clinics_leaves_out_the_ones_that_cannot_be_read() {
    let app = start().await;
    let listed = app.ask_expecting(Method::GET, "/clinics", None, 200).await;
    let ids: Vec<&Value> =
        listed["clinics"].as_array().expect("clinics").iter().map(|row| &row["clinic_id"]).collect();
    assert_eq!(ids, [&json!(CLINIC)]);
    assert_eq!(app.log().matches(WARNING).count(), 2);
    // The unreadable ones still have their place in the order: the pages go on after them.
    let first = app.ask_expecting(Method::GET, "/clinics?limit=1", None, 200).await;
    assert_eq!((&first["clinics"], &first["nextCursor"]), (&json!([]), &json!("no-zone")));
    let path = "/clinics?limit=2&cursor=no-zone";
    assert_eq!(app.ask_expecting(Method::GET, path, None, 200).await["clinics"][0]["clinic_id"], CLINIC);
    for clinic in ["no-zone", "no-hours"] {
        app.ask_expecting(Method::GET, &format!("/clinics/{clinic}"), None, 500).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clinic_that_cannot_be_read_stops_no_job() {
    let mut app = start().await;
    let reconciled = app.reconcile().await;
    assert_eq!(reconciled["reminders_projected"], 1, "{reconciled}");
    assert_eq!(reconciled["reminders_left"], 2, "{reconciled}");
    let evening: DateTime<Utc> = "2026-02-19T23:30:00Z".parse().expect("an instant");
    let ahead: TimeDelta = evening - app.now();
    app.advance_clock(ahead).await;
    let report = run(&app, "daily-report-sender").await;
    assert_eq!((&report["sent"], &report["failed"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(app.zapi.outbox(Some("5511988880000")).len(), 1, "the readable clinic has its report");
    let reminded = run(&app, "reminder-processor").await;
    assert_eq!(reminded["sent"], 1, "{reminded}");
}
