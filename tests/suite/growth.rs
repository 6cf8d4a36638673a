//! The number of pages that a statement reads does not grow with the number of appointments, even with a
//! generic plan (`docs/rules/speed.md#growth`). PostgreSQL counts the pages, so the result does not depend on
//! the machine.

use reqwest::Method;
use scheduler_local::postgres::Cluster;
use scheduler_tests::database::{migrate_and_seed, own_cluster};
use scheduler_tests::google::FakeGoogle;
use scheduler_tests::{CLINIC, TestApp, TestConfig, TestDatabase};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

const FEW: i64 = 1_000;
const MANY: i64 = 100_000;

/// Fifty appointments per day, ten minutes apart, from the first requested day on.
const GROW: &str = "insert into scheduler.appointments
    (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes)
    select s.clinic_id, p.id, s.id, date '2026-02-23' + (n / 50)::int,
        time '09:00' + (n % 50) * interval '10 min', time '09:05' + (n % 50) * interval '10 min', 5
    from scheduler.services s join scheduler.patients p using (clinic_id)
    cross join generate_series($1::bigint, $2::bigint - 1) n
    where s.clinic_id = 'laser-beauty-sp'";

/// Makes the reminders and sheet rows of only the first twenty appointments out of date.
const MAKE_OUT_OF_DATE: &str =
    "update scheduler.appointments set reminder_version = version, sheet_version = version
        where least(reminder_version, sheet_version) < version;
    update scheduler.appointments set version = version + 1
        where id in (select id from scheduler.appointments order by appointment_date, start_time limit 20)";

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
        read = ["reminder_version", "sheet_version"].map(read_by).into();
    }
    assert!(read.iter().all(|(_, pages)| *pages > 0), "no plan was logged: {read:?}");
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_read_about_as_many_pages_of_100_000_appointments_as_of_1_000() {
    let folder = TempDir::new().expect("a folder");
    let (cluster, url) = own_cluster(folder.path()).await;
    migrate_and_seed(folder.path(), &url);
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy(&url).expect("a PostgreSQL URL");
    let patient = "insert into scheduler.patients (clinic_id, phone, match_key)
        values ('laser-beauty-sp', '5511999990000', '5511999990000')";
    sqlx::raw_sql(patient).execute(&pool).await.expect("a patient");
    let connected = "update scheduler.clinics set google_spreadsheet_id = 'spreadsheet';
        insert into scheduler.sheet_projections (clinic_id, spreadsheet_id, sheet_name, since)
        values ('laser-beauty-sp', 'spreadsheet', 'Agenda', '2026-02-16')";
    sqlx::raw_sql(connected).execute(&pool).await.expect("a sheet");
    sqlx::raw_sql(LOG_PLANS).execute(&pool).await.expect("auto_explain, which is part of PostgreSQL");
    let mut read = Vec::new();
    for (from, to) in [(0, FEW), (FEW, MANY)] {
        sqlx::query(GROW).bind(from).bind(to).execute(&pool).await.expect("appointments");
        sqlx::raw_sql("vacuum analyze scheduler.appointments").execute(&pool).await.expect("counted");
        let database = TestDatabase { url: url.clone(), pool: pool.clone() };
        let mut app = TestApp::on(database, TestConfig::default()).await;
        let google = FakeGoogle::start(app.clock.clone()).await;
        google.add_tab("spreadsheet", "Agenda", 1_000);
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
    pool.close().await;
    cluster.stop().await.expect("PostgreSQL stops");
}
