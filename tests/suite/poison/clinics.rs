//! Clinics and appointments whose rows cannot be read: reports, reminders and chats of all others go on, and no message
//! is lost.

use chrono::TimeDelta;
use scheduler_tests::messages::INSTANCE;
use scheduler_tests::{TestApp, TestDatabase};

use super::{
    assert_counted, drop_checks, greetings, insert_appointments, insert_clinics, make_chats_due,
    move_clock_to, not_served, phones, post_all, run,
};
use crate::arrival::pass;

/// Ids of clinics, from the first to the last in the alphabet, and what is wrong with their rows.
const UNREADABLE: [(&str, &str); 6] = [
    ("a-unknown-zone", "timezone = 'Mars/Olympus'"),
    ("b-empty-zone", "timezone = ''"),
    ("m-hours-of-a-number", r#"business_hours = '{"mon": 5}'"#),
    ("n-hours-in-a-list", "business_hours = '[1]'"),
    ("y-phone-in-words", "phone = 'telefone'"),
    ("z-empty-phone", "phone = ''"),
];

/// Clinics that can be read until [`spoil`], each with an appointment on this date.
async fn insert_unreadable(database: &TestDatabase, date: &str) {
    let ids = UNREADABLE.map(|(id, _)| id.to_owned());
    insert_clinics(database, &ids, &phones(100, ids.len()), date).await;
}

async fn spoil(database: &TestDatabase) {
    drop_checks(database).await;
    for (id, wrong) in UNREADABLE {
        let sql = format!("update scheduler.clinics set {wrong} where clinic_id = '{id}'");
        sqlx::raw_sql(&sql).execute(&database.pool).await.expect("an unreadable clinic");
    }
}

/// How many appointments of the example clinic on a date have no reminder yet.
async fn behind(app: &TestApp, date: &str) -> i64 {
    let sql = format!(
        "select count(*) from scheduler.appointments where reminder_version < version
        and clinic_id = 'laser-beauty-sp' and appointment_date = '{date}'"
    );
    app.database.number(&sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clinics_that_cannot_be_read_hold_up_no_report() {
    let app = TestApp::start().await;
    let ids: Vec<String> = (0..50).map(|number| format!("clinic-{number}")).collect();
    let good = phones(0, ids.len());
    insert_clinics(&app.database, &ids, &good, "2026-02-20").await;
    insert_unreadable(&app.database, "2026-02-20").await;
    spoil(&app.database).await;
    // 20:30 in São Paulo.
    move_clock_to(&app, "2026-02-19T23:30:00Z").await;
    let summary = run(&app, "daily-report-sender").await;
    let missing = not_served(&app, &good, 1);
    assert!(missing.is_empty(), "{missing:?}\n{summary}\n{}", app.log());
    assert_counted(&summary);

    let later = phones(200, 1);
    insert_clinics(&app.database, &["later".to_owned()], &later, "2026-02-20").await;
    pass(&app, TimeDelta::hours(1)).await;
    let summary = run(&app, "daily-report-sender").await;
    let missing = not_served(&app, &[later, good].concat(), 1);
    assert!(missing.is_empty(), "{missing:?}\n{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_clinics_and_an_appointment_in_the_year_262142_hold_up_no_reminder() {
    let app = TestApp::start().await;
    let good = phones(0, 50);
    insert_unreadable(&app.database, "2026-02-20").await;
    spoil(&app.database).await;
    insert_appointments(&app.database, &phones(300, 1), "262142-12-31").await;
    insert_appointments(&app.database, &good, "2026-02-20").await;
    let summary = run(&app, "reconciler").await;
    assert_eq!(behind(&app, "2026-02-20").await, 0, "{summary}\n{}", app.log());
    assert_counted(&summary);

    let later = phones(200, 5);
    insert_appointments(&app.database, &later, "2026-02-21").await;
    pass(&app, TimeDelta::minutes(1)).await;
    let summary = run(&app, "reconciler").await;
    assert_eq!(behind(&app, "2026-02-21").await, 0, "{summary}");
    // The reminders are there and go out, each on its day.
    for (evening, reminded) in [("2026-02-19T22:00:00Z", &good), ("2026-02-20T22:00:00Z", &later)] {
        move_clock_to(&app, evening).await;
        let summary = run(&app, "reminder-processor").await;
        let missing = not_served(&app, reminded, 1);
        assert!(missing.is_empty(), "{missing:?}\n{summary}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_of_clinics_that_cannot_be_read_hold_up_no_other_chat() {
    let mut app = TestApp::start().await;
    insert_unreadable(&app.database, "2026-02-20").await;
    for (number, (id, _)) in UNREADABLE.into_iter().enumerate() {
        make_chats_due(&app, id, &phones(300 + number, 1)).await;
    }
    let good = phones(0, 50);
    make_chats_due(&app, INSTANCE, &good).await;
    spoil(&app.database).await;
    // No clinic is in memory after this.
    app.restart(None).await;
    pass(&app, TimeDelta::minutes(2)).await;
    let summary = run(&app, "reconciler").await;
    let missing = not_served(&app, &good, 2);
    assert!(missing.is_empty(), "{missing:?}\n{summary}\n{}", app.log());
    assert_counted(&summary);

    let later = phones(200, 5);
    make_chats_due(&app, INSTANCE, &later).await;
    pass(&app, TimeDelta::minutes(2)).await;
    let summary = run(&app, "reconciler").await;
    let missing = not_served(&app, &[later, good].concat(), 2);
    assert!(missing.is_empty(), "{missing:?}\n{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_clinic_that_cannot_be_read_is_answered_when_the_row_was_mended() {
    let app = TestApp::start().await;
    insert_unreadable(&app.database, "2026-02-20").await;
    spoil(&app.database).await;
    let patients = phones(300, UNREADABLE.len());
    for (patient, (id, _)) in patients.iter().zip(UNREADABLE) {
        // Panics unless it is answered 200.
        post_all(&app, greetings(&app, id, std::slice::from_ref(patient))).await;
    }
    pass(&app, TimeDelta::minutes(1)).await;
    run(&app, "reconciler").await;
    let mended = "update scheduler.clinics set timezone = 'America/Sao_Paulo', business_hours = '{}',
        phone = '5511988880001' where clinic_id <> 'laser-beauty-sp'";
    sqlx::raw_sql(mended).execute(&app.database.pool).await.expect("mended rows");
    for _ in 0..3 {
        pass(&app, TimeDelta::minutes(5)).await;
        run(&app, "reconciler").await;
    }
    let missing = not_served(&app, &patients, 2);
    assert!(missing.is_empty(), "{missing:?}\n{}", app.log());
}
