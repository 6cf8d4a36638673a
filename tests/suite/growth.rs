//! What a statement reads does not grow with the clinic's past, under a plan made for any values too
//! (quality 1): pages counted by PostgreSQL itself, which no machine's speed changes.

use reqwest::Method;
use scheduler_local::postgres::Cluster;
use scheduler_tests::database::{fill, own_cluster};
use scheduler_tests::google::Google;
use scheduler_tests::{CLINIC, Product, Setting, TestDatabase};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

const FEW: i64 = 1_000;
const MANY: i64 = 100_000;

/// Fifty visits a day from the first of the days that are asked for on, ten minutes apart.
const GROW: &str = "insert into scheduler.appointments
    (clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes)
    select s.clinic_id, p.id, s.id, date '2026-02-23' + (n / 50)::int,
        time '09:00' + (n % 50) * interval '10 min', time '09:05' + (n % 50) * interval '10 min', 5
    from scheduler.services s join scheduler.patients p using (clinic_id)
    cross join generate_series($1::bigint, $2::bigint - 1) n
    where s.clinic_id = 'laser-beauty-sp'";

/// Of the visits there are, the first twenty are behind, with their reminders and their rows.
const FALL_BEHIND: &str =
    "update scheduler.appointments set reminder_version = version, sheet_version = version
        where least(reminder_version, sheet_version) < version;
    update scheduler.appointments set version = version + 1
        where id in (select id from scheduler.appointments order by appointment_date, start_time limit 20)";

/// Plans for any values, and each with what it read, into the server's log.
const WATCH: &str = "alter database own set plan_cache_mode = force_generic_plan;
    alter database own set session_preload_libraries = 'auto_explain';
    alter database own set auto_explain.log_min_duration = 0;
    alter database own set auto_explain.log_analyze = on;
    alter database own set auto_explain.log_buffers = on;
    alter database own set auto_explain.log_timing = off;
    alter database own set auto_explain.log_format = json";

/// The pages that statements on visits with such a word have read, by what the log says from there
/// on.
fn pages(log: &str, word: &str) -> i64 {
    let plans = log.split("plan:\n").skip(1).filter_map(|rest| {
        let mut plans = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        plans.next()?.ok()
    });
    let of_visits = plans.filter(|plan| {
        let text = plan["Query Text"].to_string();
        text.contains("scheduler.appointments") && text.contains(word)
    });
    let count = |plan: Value| {
        let read = |kind: &str| plan["Plan"][kind].as_i64().unwrap_or_default();
        read("Shared Hit Blocks") + read("Shared Read Blocks")
    };
    of_visits.map(count).sum()
}

async fn asked(product: &Product, cluster: &Cluster, path: &str) -> i64 {
    // The first call makes the statement ready and the plan.
    let mut read = 0;
    for _ in 0..2 {
        let before = cluster.log().len();
        let answer = product.ask(Method::GET, &format!("/clinics/{CLINIC}/{path}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        read = pages(&cluster.log()[before..], "");
    }
    assert!(read > 0, "{path}: no plan was logged");
    read
}

/// What the Reconciler reads of visits to bring twenty reminders and twenty rows up to them.
async fn reconciled(product: &mut Product, cluster: &Cluster) -> Vec<(String, i64)> {
    let mut read = Vec::new();
    for _ in 0..2 {
        sqlx::raw_sql(FALL_BEHIND).execute(&product.database.pool).await.expect("visits that are behind");
        sqlx::raw_sql("vacuum analyze scheduler.appointments")
            .execute(&product.database.pool)
            .await
            .expect("counted");
        let before = cluster.log().len();
        let summary = product.reconcile().await;
        assert_eq!((&summary["reminders_projected"], &summary["rows_written"]), (&20.into(), &20.into()));
        let log = cluster.log();
        let of = |word: &str| (format!("the Reconciler, {word}"), pages(&log[before..], word));
        read = ["reminder_version", "sheet_version"].map(of).into();
    }
    assert!(read.iter().all(|(_, pages)| *pages > 0), "no plan was logged: {read:?}");
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_reads_as_much_of_a_hundred_thousand_visits_as_of_a_thousand() {
    let folder = TempDir::new().expect("a folder");
    let (cluster, url) = own_cluster(folder.path()).await;
    fill(folder.path(), &url);
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy(&url).expect("a PostgreSQL URL");
    let patient = "insert into scheduler.patients (clinic_id, phone, match_key)
        values ('laser-beauty-sp', '5511999990000', '5511999990000')";
    sqlx::raw_sql(patient).execute(&pool).await.expect("a patient");
    let connected = "update scheduler.clinics set google_spreadsheet_id = 'spreadsheet';
        insert into scheduler.sheet_projections (clinic_id, spreadsheet_id, sheet_name, since)
        values ('laser-beauty-sp', 'spreadsheet', 'Agenda', '2026-02-16')";
    sqlx::raw_sql(connected).execute(&pool).await.expect("a sheet");
    sqlx::raw_sql(WATCH).execute(&pool).await.expect("auto_explain, which comes with PostgreSQL");
    let mut read = Vec::new();
    for (from, to) in [(0, FEW), (FEW, MANY)] {
        sqlx::query(GROW).bind(from).bind(to).execute(&pool).await.expect("visits");
        sqlx::raw_sql("vacuum analyze scheduler.appointments").execute(&pool).await.expect("counted");
        let database = TestDatabase { url: url.clone(), pool: pool.clone() };
        let mut product = Product::on(database, Setting::default()).await;
        let google = Google::start(product.clock.clone()).await;
        google.has("spreadsheet", "Agenda", 1_000);
        product.set("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
        product.set("GOOGLE_SHEETS_BASE_URL", google.base_url());
        product.restart(None).await;
        let service = product.service_id().await;
        let mut now = Vec::new();
        for path in [
            format!("available-slots?date=2026-02-23&serviceId={service}"),
            "appointments?date=2026-02-23".to_owned(),
            "appointments?from=2026-02-23&to=2026-02-25&status=CONFIRMED&limit=20".to_owned(),
            "appointments?limit=20".to_owned(),
        ] {
            let pages = asked(&product, &cluster, &path).await;
            now.push((path, pages));
        }
        now.extend(reconciled(&mut product, &cluster).await);
        read.push(now);
    }
    for ((path, few), (_, many)) in read[0].iter().zip(&read[1]) {
        let path = path.split("&serviceId").next().unwrap_or_default();
        println!("{path}: {few} pages of {FEW} visits, {many} pages of {MANY}");
        assert!(*many <= 2 * few + 30, "{path}: {few}, then {many}");
    }
    pool.close().await;
    cluster.stop().await.expect("PostgreSQL stops");
}
