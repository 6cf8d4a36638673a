//! Dates outside 2000 to 2100: they are refused wherever they come from, and a row that has one harms nobody
//! (`docs/rules/data.md#dates`).

mod fuzz;
mod rows;

use scheduler_core::conversation::machine::state::State;
use scheduler_tests::TestDatabase;
use serde_json::json;

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

#[test]
fn a_stored_state_with_a_date_outside_the_limits_cannot_be_read() {
    let plan = json!({ "service": "6f1ed002-ab59-4b0f-8b6b-07a1c0a4d8f0", "service_name": "Laser", "areas": null,
        "minutes": 45 });
    let select_date = |day: &str, searched: &str| {
        let days = json!({ "days": ["2026-02-20", day], "searched_until": searched, "from": 0 });
        serde_json::from_value::<State>(json!({ "state": "SELECT_DATE", "plan": plan, "days": days }))
    };
    let select_time = |day: &str| {
        let slots = json!([{ "date": day, "time": "09:00" }]);
        serde_json::from_value::<State>(
            json!({ "state": "SELECT_TIME", "plan": plan, "slots": slots, "from": 0 }),
        )
    };
    let good = "2026-02-21";
    assert!(select_date(good, good).is_ok() && select_time(good).is_ok());
    for odd in ["+262142-12-31", "-262143-01-01", "+10000-01-01", "2101-01-01", "1999-12-31"] {
        assert!(select_date(odd, good).is_err() && select_date(good, odd).is_err(), "{odd}");
        assert!(select_time(odd).is_err(), "{odd}");
    }
}

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
