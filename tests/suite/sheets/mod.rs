//! The clinic's Google Sheet follows its visits, by the Reconciler alone (product 6; quality 3, rows 7
//! and 16).

mod faults;
mod hour;
mod product;
mod quota;
mod rows;

use scheduler_api::jobs::RECONCILER;
use scheduler_core::app::sheets::SheetWriter;
use scheduler_tests::function::Function;
use scheduler_tests::google::Google;
use scheduler_tests::{CLINIC, TestDatabase};
use serde_json::Value;
use uuid::Uuid;

const SHEET: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";
const TAB: &str = "Agenda";

/// The Reconciler's world in this process, with a Google of its own.
async fn start() -> (Function, Google) {
    let mut function = Function::start().await;
    let google = Google::start(function.clock.clone()).await;
    google.has(SHEET, TAB, 1_000);
    let writer = SheetWriter::open(Some(&google.config()), function.world.chats().unwrap());
    function.world.sheets = writer.unwrap();
    let maria = "insert into scheduler.patients (clinic_id, match_key, phone, name)
        values ('laser-beauty-sp', '5511999990000', '5511999990000', 'Maria Silva')";
    sqlx::query(maria).execute(&function.database().pool).await.unwrap();
    (function, google)
}

/// Has the example clinic's visits go to a spreadsheet, or to none.
async fn connect(database: &TestDatabase, spreadsheet: Option<&str>) {
    let sql = "update scheduler.clinics set google_spreadsheet_id = $2 where clinic_id = $1";
    sqlx::query(sql).bind(CLINIC).bind(spreadsheet).execute(&database.pool).await.unwrap();
}

/// Clinics like the example, each with a patient, a visit and a spreadsheet of its own name.
async fn found_clinics(database: &TestDatabase, names: &[String]) {
    let sql = "with clinic as (
            insert into scheduler.clinics (clinic_id, name, phone, business_hours, google_spreadsheet_id)
            select new.name, new.name, c.phone, c.business_hours, new.name
            from scheduler.clinics c, unnest($1::text[]) new (name) where c.clinic_id = 'laser-beauty-sp'
            returning clinic_id
        ), service as (
            insert into scheduler.services (clinic_id, name, duration_minutes)
            select clinic_id, 'Depilação', 30 from clinic returning id, clinic_id
        ), patient as (
            insert into scheduler.patients (clinic_id, match_key, phone)
            select clinic_id, '5511999990000', '5511999990000' from clinic returning id, clinic_id
        )
        insert into scheduler.appointments (clinic_id, patient_id, service_id, appointment_date, start_time,
            end_time, buffer_minutes)
        select s.clinic_id, p.id, s.id, '2026-02-20', '09:00', '09:30', 0
        from service s join patient p using (clinic_id)";
    sqlx::query(sql).bind(names).execute(&database.pool).await.unwrap();
}

/// `count` visits of Maria from 17 February on, 48 a day.
async fn book(database: &TestDatabase, count: i32) -> Vec<Uuid> {
    sqlx::query_scalar(
        "insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes, areas
        )
        select $1, p.id, s.id, date '2026-02-17' + n / 48, time '00:00' + make_interval(mins => 29 * (n % 48)),
            time '00:20' + make_interval(mins => 29 * (n % 48)), 0, 'Pernas'
        from scheduler.patients p, scheduler.services s, generate_series(0, $2 - 1) n
        where p.clinic_id = $1 and s.clinic_id = $1
        order by n
        returning id",
    )
    .bind(CLINIC)
    .bind(count)
    .fetch_all(&database.pool)
    .await
    .unwrap()
}

/// As every change of a visit does, whoever makes it.
async fn change(database: &TestDatabase, id: Uuid, what: &str) {
    let sql = format!("update scheduler.appointments set {what}, version = version + 1 where id = $1");
    sqlx::query(&sql).bind(id).execute(&database.pool).await.unwrap();
}

async fn run(function: &Function) -> Value {
    RECONCILER.run(&function.world).await.expect("a run")
}

/// The ids of a tab's rows, in their order; the header is checked by the way.
fn ids(google: &Google, spreadsheet: &str) -> Vec<String> {
    let rows = google.rows(spreadsheet, TAB);
    let (header, visits) = rows.split_first().expect("a header");
    assert_eq!(header[8], "ID");
    visits.iter().map(|row| row[8].clone()).collect()
}
