//! The database refuses overlapping appointments, whoever writes them
//! (`docs/rules/agenda.md#no-double-booking`).

use scheduler_tests::{CLINIC, TestDatabase, database};

/// Inserts an appointment with plain SQL. An error is the name of the violated constraint.
async fn insert(database: &TestDatabase, start: &str, end: &str, status: &str) -> Result<(), String> {
    let sql = format!(
        "insert into scheduler.appointments
            (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes, status)
        select s.clinic_id, p.id, s.id, '2026-02-17', '{start}', '{end}', 10, '{status}'
        from scheduler.services s join scheduler.patients p using (clinic_id)
        where s.clinic_id = '{CLINIC}'"
    );
    let inserted = sqlx::raw_sql(&sql).execute(&database.pool).await;
    inserted.map(|done| assert_eq!(done.rows_affected(), 1)).map_err(|error| {
        let refused = error.into_database_error().expect("an error of the database");
        refused.constraint().expect("a constraint's name").to_owned()
    })
}

#[tokio::test]
async fn two_overlapping_rows_are_refused_by_the_database() {
    let database = database().await;
    let patient = format!(
        "insert into scheduler.patients (clinic_id, phone, match_key)
        values ('{CLINIC}', '5511999990000', '5511999990000')"
    );
    sqlx::raw_sql(&patient).execute(&database.pool).await.expect("a patient");
    let overlap = Err("appointments_no_overlap".to_owned());
    for (start, end, status, expected) in [
        ("10:00", "10:45", "CONFIRMED", Ok(())),
        ("10:00", "10:45", "CONFIRMED", overlap.clone()),
        ("10:30", "11:15", "CONFIRMED", overlap.clone()),
        ("09:00", "10:01", "COMPLETED", overlap.clone()),
        // The first appointment ends at 10:45 and has a buffer of 10 minutes.
        ("10:54", "11:30", "CONFIRMED", overlap.clone()),
        ("10:55", "11:30", "CONFIRMED", Ok(())),
        ("09:00", "09:50", "CONFIRMED", Ok(())),
        ("10:00", "10:45", "CANCELLED", Ok(())),
        ("10:00", "10:45", "NO_SHOW", Ok(())),
    ] {
        assert_eq!(insert(&database, start, end, status).await, expected, "{start}–{end} {status}");
    }
}
