//! The number of pages that a statement reads does not grow with the number of appointments, even with a
//! generic plan (`docs/rules/speed.md#growth`). PostgreSQL counts the pages, so the result does not depend on
//! the machine.

use std::path::Path;
use std::time::Instant;

use reqwest::Method;
use scheduler_core::domain::sheet::columns::ID_COLUMN;
use scheduler_local::postgres::Cluster;
use scheduler_tests::database::{migrate_and_seed, own_cluster};
use scheduler_tests::google::FakeGoogle;
use scheduler_tests::{CLINIC, TestApp, TestConfig, TestDatabase};
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;
use uuid::Uuid;

const FEW: i64 = 1_000;
const MANY: i64 = 100_000;
const A_MILLION: i64 = 1_000_000;
const PHONE: &str = "5511999990000";

/// Fifty appointments per day, ten minutes apart: on the requested day, then in turn on the next day after it
/// and on the next day before it, so that past and future grow alike.
const GROW: &str = "insert into scheduler.appointments
    (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes)
    select s.clinic_id, p.id, s.id,
        date '2026-02-23'
            + (case when n / 50 % 2 = 1 then (n / 50 + 1) / 2 else -(n / 50) / 2 end)::int,
        time '09:00' + (n % 50) * interval '10 min', time '09:05' + (n % 50) * interval '10 min', 5
    from scheduler.services s join scheduler.patients p using (clinic_id)
    cross join generate_series($1::bigint, $2::bigint - 1) n
    where s.clinic_id = 'laser-beauty-sp'";

/// Cancelled appointments, 120 per day: in turn on days before the requested one, of the patient on the phone
/// [`PHONE`], and on days after the next one, of another patient. They occupy no time, so PostgreSQL does not
/// compare each with the others.
const GROW_CANCELLED: &str = "insert into scheduler.appointments
    (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes, status,
        reminder_version, sheet_version)
    select s.clinic_id, p.id, s.id,
        date '2026-02-23' + (case when n / 120 % 2 = 1 then (n / 120 + 3) / 2 else -(n / 120 + 2) / 2 end)::int,
        time '08:00' + (n % 120) * interval '5 min', time '08:05' + (n % 120) * interval '5 min', 0, 'CANCELLED',
        1, 1
    from scheduler.services s
    cross join generate_series($1::bigint, $2::bigint - 1) n
    join scheduler.patients p on p.clinic_id = s.clinic_id
        and p.match_key = case when n / 120 % 2 = 1 then '5511999990001' else '5511999990000' end
    where s.clinic_id = 'laser-beauty-sp'";

/// Eight appointments on the requested day, and the second patient of [`GROW_CANCELLED`].
const BOOK_THE_DAY: &str = "insert into scheduler.appointments
    (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes)
    select s.clinic_id, p.id, s.id, date '2026-02-23', time '09:00' + n * interval '1 hour',
        time '09:45' + n * interval '1 hour', 10
    from scheduler.services s join scheduler.patients p using (clinic_id) cross join generate_series(0, 7) n
    where s.clinic_id = 'laser-beauty-sp';
    insert into scheduler.patients (clinic_id, phone, match_key)
        values ('laser-beauty-sp', '5511999990001', '5511999990001')";

/// Makes the reminders of only twenty appointments of the requested day out of date, and of the sheet rows only
/// theirs and those from before the start of the sheet, which are never written.
const MAKE_OUT_OF_DATE: &str = "update scheduler.appointments set reminder_version = version,
            sheet_version = case when appointment_date < '2026-02-16' then 0 else version end
        where reminder_version < version or (sheet_version < version and appointment_date >= '2026-02-16');
    update scheduler.appointments set version = version + 1
        where id in (
            select id from scheduler.appointments where appointment_date = '2026-02-23' order by start_time limit 20
        )";

/// Uses generic plans, and logs each plan with the pages that it read.
const LOG_PLANS: &str = "alter database own set plan_cache_mode = force_generic_plan;
    alter database own set session_preload_libraries = 'auto_explain';
    alter database own set auto_explain.log_min_duration = 0;
    alter database own set auto_explain.log_analyze = on;
    alter database own set auto_explain.log_buffers = on;
    alter database own set auto_explain.log_timing = off;
    alter database own set auto_explain.log_format = json";

/// The pages read by the logged statements on appointments that contain `word`.
fn pages(log: &str, word: &str) -> i64 {
    let plans = log.split("plan:\n").skip(1).filter_map(|rest| {
        let mut plans = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        plans.next()?.ok()
    });
    let of_appointments = plans.filter(|plan| {
        let text = plan["Query Text"].to_string();
        text.contains("scheduler.appointments") && text.contains(word)
    });
    let count = |plan: Value| {
        let read = |kind: &str| plan["Plan"][kind].as_i64().unwrap_or_default();
        read("Shared Hit Blocks") + read("Shared Read Blocks")
    };
    of_appointments.map(count).sum()
}

/// The pages that a GET request reads.
async fn pages_of_request(app: &TestApp, cluster: &Cluster, path: &str) -> i64 {
    // The first call prepares the statement and its plan.
    let mut read = 0;
    for _ in 0..2 {
        let before = cluster.log().len();
        app.ask_expecting(Method::GET, &format!("/clinics/{CLINIC}/{path}"), None, 200).await;
        read = pages(&cluster.log()[before..], "");
    }
    assert!(read > 0, "{path}: no plan was logged");
    read
}

/// Puts the ids of the next appointments into the sheet, as if they had been written before.
async fn fill(google: &FakeGoogle, pool: &PgPool) {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from scheduler.appointments where appointment_date >= '2026-02-16'
        order by appointment_date, start_time, id limit 1000",
    )
    .fetch_all(pool)
    .await
    .expect("ids");
    google.change_tab("spreadsheet", "Agenda", |grid| {
        for (row, id) in (1..).zip(&ids) {
            grid.set(row, ID_COLUMN, &id.to_string());
        }
    });
}

/// The pages that the Reconciler reads to update twenty reminders, and the SheetWriter to write twenty rows.
async fn pages_of_projections(app: &mut TestApp, cluster: &Cluster) -> Vec<(String, i64)> {
    let mut read = Vec::new();
    for _ in 0..2 {
        sqlx::raw_sql(MAKE_OUT_OF_DATE).execute(&app.database.pool).await.expect("appointments");
        sqlx::raw_sql("vacuum analyze scheduler.appointments")
            .execute(&app.database.pool)
            .await
            .expect("counted");
        let before = cluster.log().len();
        let (reconciled, written) = (app.reconcile().await, app.write_sheets().await);
        assert_eq!((&reconciled["reminders_projected"], &written["rows_written"]), (&20.into(), &20.into()));
        let log = cluster.log();
        let read_by = |word: &str| (format!("projections, {word}"), pages(&log[before..], word));
        read = ["reminder_version", "sheet_version", "select since from"].map(read_by).into();
    }
    assert!(read.iter().all(|(_, pages)| *pages > 0), "no plan was logged: {read:?}");
    read
}

/// The pages that a chat reads to find the appointments that a patient may cancel.
async fn pages_of_chat(app: &TestApp, cluster: &Cluster) -> i64 {
    let before = cluster.log().len();
    let mut patient = app.patient(PHONE, "Maria Silva");
    patient.says("Olá").await;
    patient.says("cancelar").await;
    let read = pages(&cluster.log()[before..], "p.match_key = $2");
    assert!(read > 0, "the chat looked for no appointments: {:?}", patient.outbox());
    read
}

/// A PostgreSQL server in `folder`, and its database with the example clinic and one patient. The pool has one
/// connection, which is older than [`LOG_PLANS`]: what it runs is not logged.
async fn start_cluster(folder: &Path) -> (Cluster, TestDatabase) {
    let (cluster, url) = own_cluster(folder).await;
    migrate_and_seed(folder, &url);
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy(&url).expect("a PostgreSQL URL");
    let patient = "insert into scheduler.patients (clinic_id, phone, match_key)
        values ('laser-beauty-sp', '5511999990000', '5511999990000')";
    sqlx::raw_sql(patient).execute(&pool).await.expect("a patient");
    sqlx::raw_sql(LOG_PLANS).execute(&pool).await.expect("auto_explain, which is part of PostgreSQL");
    (cluster, TestDatabase { url, pool })
}

/// Adds the appointments with the numbers from `from` to `to` (excluded) by one of the statements above.
async fn grow(database: &TestDatabase, statement: &str, from: i64, to: i64) {
    sqlx::query(statement).bind(from).bind(to).execute(&database.pool).await.expect("appointments");
    sqlx::raw_sql("vacuum analyze scheduler.appointments").execute(&database.pool).await.expect("counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_read_about_as_many_pages_of_100_000_appointments_as_of_1_000() {
    let folder = TempDir::new().expect("a folder");
    let (cluster, database) = start_cluster(folder.path()).await;
    let connected = "update scheduler.clinics set google_spreadsheet_id = 'spreadsheet';
        insert into scheduler.sheet_projections (clinic_id, spreadsheet_id, sheet_name, since)
        values ('laser-beauty-sp', 'spreadsheet', 'Agenda', '2026-02-16')";
    sqlx::raw_sql(connected).execute(&database.pool).await.expect("a sheet");
    let mut read = Vec::new();
    for (from, to) in [(0, FEW), (FEW, MANY)] {
        grow(&database, GROW, from, to).await;
        let mut app = TestApp::on(database.clone(), TestConfig::default()).await;
        let google = FakeGoogle::start(app.clock.clone()).await;
        google.add_tab("spreadsheet", "Agenda", 2_000);
        fill(&google, &database.pool).await;
        app.set_env("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
        app.set_env("GOOGLE_SHEETS_BASE_URL", google.base_url());
        app.restart(None).await;
        let service = app.service_id().await;
        let mut measured = Vec::new();
        for path in [
            format!("available-slots?date=2026-02-23&serviceId={service}"),
            "appointments?date=2026-02-23".to_owned(),
            "appointments?from=2026-02-23&to=2026-02-25&status=CONFIRMED&limit=20".to_owned(),
            "appointments?limit=20".to_owned(),
        ] {
            let pages = pages_of_request(&app, &cluster, &path).await;
            measured.push((path, pages));
        }
        measured.extend(pages_of_projections(&mut app, &cluster).await);
        read.push(measured);
    }
    for ((path, few), (_, many)) in read[0].iter().zip(&read[1]) {
        let path = path.split("&serviceId").next().unwrap_or_default();
        println!("{path}: {few} pages with {FEW} appointments, {many} pages with {MANY}");
        assert!(*many <= 2 * few + 30, "{path}: {few}, then {many}");
    }
    database.pool.close().await;
    cluster.stop().await.expect("PostgreSQL stops");
}

/// What lists, and a chat that looks for a patient's appointments, cost with a thousand and with a million
/// cancelled appointments before and after the requested day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_read_no_more_pages_of_a_million_appointments_than_of_a_thousand() {
    let started = Instant::now();
    let folder = TempDir::new().expect("a folder");
    let (cluster, database) = start_cluster(folder.path()).await;
    sqlx::raw_sql(BOOK_THE_DAY).execute(&database.pool).await.expect("a day");
    // Only to add a million rows in seconds: no triggers for foreign keys, no write-ahead log.
    let quick = "set session_replication_role = replica; alter table scheduler.appointments set unlogged";
    sqlx::raw_sql(quick).execute(&database.pool).await.expect("a superuser");
    let mut read = Vec::new();
    for (from, to) in [(0, FEW), (FEW, A_MILLION)] {
        grow(&database, GROW_CANCELLED, from, to).await;
        let app = TestApp::on(database.clone(), TestConfig::default()).await;
        let page = format!("/clinics/{CLINIC}/appointments?date=2026-02-23&limit=4");
        let page = app.ask_expecting(Method::GET, &page, None, 200).await;
        let next = page["nextCursor"].as_str().expect("a second page").to_owned();
        let mut measured = Vec::new();
        for (name, path) in [
            ("a day", "appointments?date=2026-02-23".to_owned()),
            ("its second page", format!("appointments?date=2026-02-23&limit=4&cursor={next}")),
            ("a day with a status", "appointments?date=2026-02-23&status=CONFIRMED".to_owned()),
            ("an empty day", "appointments?date=2026-02-24".to_owned()),
            ("a status from today on", "appointments?status=CONFIRMED".to_owned()),
            ("a status that none has", "appointments?status=NO_SHOW".to_owned()),
        ] {
            measured.push((name, pages_of_request(&app, &cluster, &path).await));
        }
        measured.push(("a patient's next appointments", pages_of_chat(&app, &cluster).await));
        read.push(measured);
    }
    for ((name, few), (_, many)) in read[0].iter().zip(&read[1]) {
        println!("{name}: {few} pages with {FEW} other appointments, {many} with {A_MILLION}");
        // It may be fewer: with many appointments PostgreSQL keeps a patient that it has looked up.
        assert!(*many <= few + 10, "{name}: {few}, then {many}");
    }
    println!("measured in {:?}", started.elapsed());
    database.pool.close().await;
    cluster.stop().await.expect("PostgreSQL stops");
}
