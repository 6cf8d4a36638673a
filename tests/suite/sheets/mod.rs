//! The SheetWriter writes the clinic's appointments to its Google Sheet (docs/rules/sheet.md#sheet-rows).

mod end_to_end;
mod faults;
mod hour;
mod leases;
mod quota;
mod rounds;
mod rows;
mod shared_tab;
mod staff;

use scheduler_api::jobs::SHEET_WRITER;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::config::SheetsConfig;
use scheduler_tests::function::InProcessFunction;
use scheduler_tests::google::FakeGoogle;
use scheduler_tests::{CLINIC, TestApp, TestDatabase};
use serde_json::Value;
use uuid::Uuid;

const SHEET: &str = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms";
const TAB: &str = "Agenda";

/// A function in this process that writes sheets to a fake Google.
async fn start() -> (InProcessFunction, FakeGoogle) {
    let mut function = InProcessFunction::start().await;
    let google = FakeGoogle::start(function.clock.clone()).await;
    google.add_tab(SHEET, TAB, 1_000);
    function.contexts.sheet_writer.sheets = sheets(&function, &google.config());
    let maria = "insert into scheduler.patients (clinic_id, match_key, phone, name)
        values ('laser-beauty-sp', '5511999990000', '5511999990000', 'Maria Silva')";
    sqlx::query(maria).execute(&function.database().pool).await.unwrap();
    (function, google)
}

/// Writes sheets with this account, and with the function's stores and clock.
fn sheets(function: &InProcessFunction, config: &SheetsConfig) -> SheetSync {
    let chats = &function.contexts.job.chats;
    SheetSync::open(Some(config), &chats.db, &chats.tables, &chats.clock).expect("a valid key")
}

/// An app with a fake Google that holds the clinic's sheet. The app uses it from its next restart on.
async fn start_app() -> (TestApp, FakeGoogle) {
    let mut app = TestApp::start().await;
    let google = FakeGoogle::start(app.clock.clone()).await;
    google.add_tab(SHEET, TAB, 1_000);
    app.set_env("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
    app.set_env("GOOGLE_SHEETS_BASE_URL", google.base_url());
    (app, google)
}

/// Sets the example clinic's spreadsheet; `None` disconnects it.
async fn connect(database: &TestDatabase, spreadsheet: Option<&str>) {
    let sql = "update scheduler.clinics set google_spreadsheet_id = $2 where clinic_id = $1";
    sqlx::query(sql).bind(CLINIC).bind(spreadsheet).execute(&database.pool).await.unwrap();
}

/// Inserts clinics like the example, each with one appointment and a spreadsheet whose id is its name.
async fn insert_clinics(database: &TestDatabase, names: &[String]) {
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

/// Inserts `count` appointments of Maria from 17 February on, 48 per day.
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

/// Changes an appointment and raises its version, as every change in the app does.
async fn change(database: &TestDatabase, id: Uuid, what: &str) {
    let sql = format!("update scheduler.appointments set {what}, version = version + 1 where id = $1");
    sqlx::query(&sql).bind(id).execute(&database.pool).await.unwrap();
}

/// What the function writes sheets with.
fn writer(function: &InProcessFunction) -> &SheetSync {
    &function.contexts.sheet_writer.sheets
}

/// Runs the SheetWriter once and returns its summary.
async fn run(function: &InProcessFunction) -> Value {
    SHEET_WRITER.run(&function.contexts.sheet_writer).await.expect("a run")
}

/// The ids in the rows of a tab, in order. Also checks the header.
fn ids(google: &FakeGoogle, spreadsheet: &str) -> Vec<String> {
    let rows = google.rows(spreadsheet, TAB);
    let (header, appointments) = rows.split_first().expect("a header");
    assert_eq!(header[8], "ID");
    appointments.iter().map(|row| row[8].clone()).collect()
}
