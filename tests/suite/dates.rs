//! Dates outside 2000 to 2100: they are refused wherever they come from, and a row that has one harms nobody
//! (`docs/rules/data.md#dates`).

mod fuzz;
mod rows;

use scheduler_tests::TestDatabase;

/// Takes back the constraints of the migration `dates within limits`.
const WITHOUT_LIMITS: &str = "
    alter table scheduler.appointments drop constraint appointments_date_within_limits;
    alter table scheduler.availability_exceptions drop constraint exceptions_date_within_limits;
    alter table scheduler.sheet_projections drop constraint sheet_projections_since_within_limits;";

/// The number of rows whose date is outside the limits.
const OUTSIDE: &str = "select
    (select count(*) from scheduler.appointments
        where appointment_date not between '2000-01-01' and '2100-12-31')
    + (select count(*) from scheduler.availability_exceptions
        where exception_date not between '2000-01-01' and '2100-12-31')
    + (select count(*) from scheduler.sheet_projections where since not between '2000-01-01' and '2100-12-31')";

async fn execute(database: &TestDatabase, sql: &str) {
    sqlx::raw_sql(sql).execute(&database.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Inserts a patient of the example clinic with this phone, and one appointment at 10:00 on each date.
async fn insert_appointments(database: &TestDatabase, phone: &str, dates: &[&str]) {
    let sql = "with patient as (
            insert into scheduler.patients (clinic_id, match_key, phone, name)
            values ('laser-beauty-sp', $1, $1, 'Maria Silva') returning id, clinic_id
        )
        insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes
        )
        select p.clinic_id, p.id, s.id, d.day::date, '10:00', '10:45', 10
        from patient p join scheduler.services s using (clinic_id) cross join unnest($2::text[]) d (day)";
    sqlx::query(sql).bind(phone).bind(dates).execute(&database.pool).await.expect("appointments");
}
