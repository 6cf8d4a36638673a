//! Rows and items whose date is outside the limits, as an earlier release could store them.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_api::jobs::REMINDER_PROCESSOR;
use scheduler_core::adapters::dynamodb::reminders::PutMode;
use scheduler_core::domain::ids::{AppointmentId, ClinicId, ReminderId};
use scheduler_core::domain::reminder::{REMINDER_24H, Reminder, ReminderStatus};
use scheduler_tests::database::migrate_and_seed;
use scheduler_tests::function::InProcessFunction;
use scheduler_tests::{CLINIC, TestApp, database};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::{OUTSIDE, WITHOUT_LIMITS, execute, insert_appointments};

const MARIA: &str = "5511999990000";
const CAIO: &str = "5511999990001";

/// Dates that earlier releases stored.
const ODD: [&str; 4] = ["262142-12-31", "10000-01-01", "2101-01-01", "1999-12-31"];

#[tokio::test]
async fn the_database_refuses_a_date_outside_the_limits() {
    let database = database().await;
    insert_appointments(&database, MARIA, &["2000-01-01", "2100-12-31"]).await;
    for date in ODD {
        for statement in [
            format!("update scheduler.appointments set appointment_date = '{date}'"),
            format!(
                "insert into scheduler.availability_exceptions (clinic_id, exception_date, exception_type)
                values ('{CLINIC}', '{date}', 'BLOCKED')"
            ),
            format!(
                "insert into scheduler.sheet_projections (clinic_id, spreadsheet_id, sheet_name, since)
                values ('{CLINIC}', 's', 'Agenda', '{date}')"
            ),
        ] {
            let refused = sqlx::raw_sql(&statement).execute(&database.pool).await.expect_err("refused");
            let constraint = refused.as_database_error().and_then(|error| error.constraint());
            assert!(
                constraint.is_some_and(|name| name.ends_with("_within_limits")),
                "{statement}: {refused}"
            );
        }
    }
}

#[tokio::test]
async fn the_migration_mends_the_rows_beyond_the_limits_so_that_they_can_be_changed() {
    let database = database().await;
    let before_the_migration = format!(
        "{WITHOUT_LIMITS} delete from public._sqlx_migrations where description = 'dates within limits'"
    );
    execute(&database, &before_the_migration).await;
    insert_appointments(&database, MARIA, &["2026-02-20", "262142-12-31", "262142-12-30", "0001-01-01"])
        .await;
    let exception = format!(
        "insert into scheduler.availability_exceptions (clinic_id, exception_date, exception_type, reason)
        values ('{CLINIC}', '10000-01-01', 'BLOCKED', 'Feriado'), ('{CLINIC}', '2026-03-02', 'BLOCKED', null)"
    );
    execute(&database, &exception).await;
    let folder = TempDir::new().expect("a folder");
    migrate_and_seed(folder.path(), &database.url);

    assert_eq!(database.number(OUTSIDE).await, 0);
    let appointments: Vec<(String, String, i32, Option<String>)> = sqlx::query_as(
        "select appointment_date::text, status, version, notes from scheduler.appointments
        order by appointment_date, notes",
    )
    .fetch_all(&database.pool)
    .await
    .expect("appointments");
    let mended = |date: &str, was: &str| {
        let notes = format!("Data original: {was} (CONFIRMED)");
        (date.to_owned(), "CANCELLED".to_owned(), 2, Some(notes))
    };
    let expected = [
        mended("2000-01-01", "0001-01-01"),
        ("2026-02-20".to_owned(), "CONFIRMED".to_owned(), 1, None),
        mended("2100-12-31", "262142-12-30"),
        mended("2100-12-31", "262142-12-31"),
    ];
    assert_eq!(appointments, expected);
    let exceptions: Vec<(String, bool, Option<String>)> = sqlx::query_as(
        "select exception_date::text, active, reason from scheduler.availability_exceptions
        order by exception_date",
    )
    .fetch_all(&database.pool)
    .await
    .expect("exceptions");
    let reason = Some("Feriado (data original: 10000-01-01)".to_owned());
    let expected = [("2026-03-02".to_owned(), true, None), ("2100-12-31".to_owned(), false, reason)];
    assert_eq!(exceptions, expected);
    // The reminders and the sheet follow a mended row, which they could not if the constraint refused it.
    execute(&database, "update scheduler.appointments set reminder_version = version").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_beyond_the_limits_stops_no_job_sends_nothing_and_is_named_in_a_warning() {
    let mut app = TestApp::start().await;
    execute(&app.database, WITHOUT_LIMITS).await;
    insert_appointments(&app.database, MARIA, &ODD).await;
    insert_appointments(&app.database, CAIO, &["2026-02-20"]).await;
    assert_eq!(app.reconcile().await["reminders_projected"], 5);
    assert_eq!(app.log().matches("gets no reminder because its date").count(), ODD.len());
    assert_eq!(app.reconcile().await["reminders_projected"], 0, "each row is looked at once");

    app.advance_clock(TimeDelta::hours(3 * 24 + 2)).await;
    let run = app.ask_expecting(Method::POST, "/_local/jobs/reminder-processor", None, 200).await;
    assert_eq!(run["sent"], 1, "{run}");
    app.ask_expecting(Method::POST, "/_local/jobs/daily-report-sender", None, 200).await;
    assert_eq!(app.zapi.outbox(Some(CAIO)).len(), 1);
    assert!(app.zapi.outbox(Some(MARIA)).is_empty());
    assert!(!app.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_beyond_the_limits_is_listed_nowhere_and_can_still_be_cancelled() {
    let app = TestApp::start().await;
    execute(&app.database, WITHOUT_LIMITS).await;
    insert_appointments(&app.database, MARIA, &ODD).await;
    let exceptions = ODD.map(|date| format!("('{CLINIC}', '{date}', 'BLOCKED')")).join(", ");
    let exceptions = format!(
        "insert into scheduler.availability_exceptions (clinic_id, exception_date, exception_type)
        values {exceptions}"
    );
    execute(&app.database, &exceptions).await;
    for (path, rows) in [
        ("appointments", "appointments"),
        ("appointments?limit=1", "appointments"),
        ("appointments?from=2100-12-01&to=2100-12-31", "appointments"),
        ("appointments?to=2000-01-01", "appointments"),
        ("availability-exceptions", "exceptions"),
    ] {
        let listed = app.ask_expecting(Method::GET, &format!("/clinics/{CLINIC}/{path}"), None, 200).await;
        assert_eq!(listed[rows], json!([]), "{path}");
    }
    // The patient has no appointment that the chat could show.
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("menu").await;
    maria.presses("reschedule").await;
    assert_eq!(app.state(MARIA).await, "MAIN_MENU");

    let ids: Vec<Uuid> = sqlx::query_scalar("select id from scheduler.appointments")
        .fetch_all(&app.database.pool)
        .await
        .expect("ids");
    for id in ids {
        let cancelled = json!({ "status": "CANCELLED" });
        app.ask_expecting(Method::PUT, &format!("/appointments/{id}"), Some(&cancelled), 200).await;
    }
}

#[tokio::test]
async fn a_stored_reminder_beyond_the_limits_is_not_sent() {
    let function = InProcessFunction::start().await;
    execute(function.database(), WITHOUT_LIMITS).await;
    insert_appointments(function.database(), MARIA, &["10001-01-01"]).await;
    let appointment: Uuid = sqlx::query_scalar("select id from scheduler.appointments")
        .fetch_one(&function.database().pool)
        .await
        .expect("an id");
    let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    let reminder = Reminder {
        reminder_id: ReminderId(Uuid::new_v4()),
        appointment_id: AppointmentId(appointment),
        clinic_id: ClinicId(CLINIC.to_owned()),
        phone_number: Some(MARIA.to_owned()),
        patient_name: Some("Maria Silva".to_owned()),
        // Its key begins with a plus sign, so that it sorts before today.
        send_at: at("+10000-12-31T13:00:00Z"),
        not_after: at("+10001-01-01T03:00:00Z"),
        reminder_type: REMINDER_24H.to_owned(),
        status: ReminderStatus::Pending,
        attempts: 0,
        sent_at: None,
        unknown_sends: 0,
    };
    let reminders = function.contexts.job.chats.tables.reminders();
    reminders.put(&reminder, PutMode::Create).await.expect("a reminder");
    let run = REMINDER_PROCESSOR.run(&function.contexts.job).await.expect("a run");
    assert_eq!((&run["sent"], &run["processed"]), (&json!(0), &json!(1)), "{run}");
    assert!(function.zapi.outbox(None).is_empty());
    function.stop().await;
}
