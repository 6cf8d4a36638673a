//! PostgreSQL fails (docs/rules/reliability.md#postgres-outages): callers get an answer in time, and
//! nothing is half done.

use std::time::{Duration, Instant};

use reqwest::Method;
use scheduler_tests::database::{address_of, migrate_and_seed, own_cluster};
use scheduler_tests::{CLINIC, ProxyMode, TestApp, TestDatabase, database, wait_until};
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

use super::{MARIA, app_with_proxied_postgres, switch_to};

async fn booking(app: &TestApp) -> Value {
    let service = app.service_id().await;
    json!({"clinicId": CLINIC, "phone": MARIA, "serviceId": service, "date": "2026-02-17", "time": "10:00"})
}

/// Checks that a booking during the fault is answered 503 in time, and that after `repair` the app is
/// healthy again and nothing was booked.
async fn fails_in_time(app: &TestApp, how: &str, booking: &Value, repair: impl AsyncFnOnce()) {
    let answer = app.ask(Method::POST, "/appointments", Some(booking)).await;
    assert_eq!(answer.status, 503, "{how}: {}", answer.body);
    assert!(answer.body["traceId"].is_string(), "{how}: {}", answer.body);
    repair().await;
    let repaired = Instant::now();
    let healthy = async || app.ask(Method::GET, &format!("/clinics/{CLINIC}"), None).await.status == 200;
    wait_until("healthy again", Duration::from_secs(15), healthy).await;
    println!(
        "PostgreSQL {how}: 503 after {:?} (target 4 s), healthy again after {:?} (target 2 s)",
        answer.took,
        repaired.elapsed()
    );
    assert!(answer.took < Duration::from_secs(8), "{how}: an API call has 8 seconds: {:?}", answer.took);
    assert_eq!(app.appointments().await.len(), 0, "{how}: nothing is booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_postgres_is_a_503_in_time_and_leaves_no_half_booking() {
    let (app, proxy) = app_with_proxied_postgres(database().await).await;
    let booking = booking(&app).await;
    for (how, mode) in
        [("refuses", ProxyMode::Refuse), ("is full", ProxyMode::TooManyClients), ("hangs", ProxyMode::Hang)]
    {
        switch_to(&proxy, mode);
        fails_in_time(&app, how, &booking, async || switch_to(&proxy, ProxyMode::Forward)).await;
    }
    let patients = app.database.number("select count(*) from scheduler.patients").await;
    assert_eq!(patients, 0, "no patient is stored without an appointment");
    let answer = app.ask(Method::POST, "/appointments", Some(&booking)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_locked_postgres_is_a_503_in_time() {
    let (app, proxy) = app_with_proxied_postgres(database().await).await;
    let booking = booking(&app).await;

    proxy.set_delay(Duration::from_secs(5));
    fails_in_time(&app, "takes 5 s each way", &booking, async || {
        proxy.set_delay(Duration::ZERO);
        proxy.reset_connections();
    })
    .await;

    let mut lock = app.database.pool.begin().await.expect("a transaction");
    let locked = "lock table scheduler.appointments in access exclusive mode";
    sqlx::query(locked).execute(&mut *lock).await.expect("a lock");
    fails_in_time(&app, "holds a lock", &booking, async || lock.rollback().await.expect("unlocked")).await;

    let answer = app.ask(Method::POST, "/appointments", Some(&booking)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_restart_is_a_503_and_bookings_work_again_after_it() {
    let folder = TempDir::new().expect("a folder");
    let (cluster, url) = own_cluster(folder.path()).await;
    migrate_and_seed(folder.path(), &url);
    let pool = PgPoolOptions::new().connect_lazy(&url).expect("a PostgreSQL URL");
    let (app, proxy) = app_with_proxied_postgres(TestDatabase { url, pool }).await;
    let booking = booking(&app).await;

    cluster.stop().await.expect("PostgreSQL stops");
    let mut restarted = None;
    fails_in_time(&app, "restarts", &booking, async || {
        let (cluster, url) = own_cluster(folder.path()).await;
        proxy.set_target(address_of(&url));
        restarted = Some(cluster);
    })
    .await;
    let answer = app.ask(Method::POST, "/appointments", Some(&booking)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    drop(app);
    drop(restarted);
}
