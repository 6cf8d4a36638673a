//! PostgreSQL fails (quality 3, row 12): callers are told in time, and nothing is done by half.

use std::time::{Duration, Instant};

use reqwest::Method;
use scheduler_tests::database::{fill, own_cluster};
use scheduler_tests::{CLINIC, Manner, Product, Proxy, Setting, Speaks, TestDatabase, database, until};
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;

const MARIA: &str = "5511999990000";

fn visit(service: &str) -> Value {
    json!({"clinicId": CLINIC, "phone": MARIA, "serviceId": service, "date": "2026-02-17", "time": "10:00"})
}

/// A booking that cannot be made is told in time; made good, the product is right again.
async fn is_told(product: &Product, how: &str, visit: &Value, mend: impl AsyncFnOnce()) {
    let answer = product.ask(Method::POST, "/appointments", Some(visit)).await;
    assert_eq!(answer.status, 503, "{how}: {}", answer.body);
    assert!(answer.body["traceId"].is_string(), "{how}: {}", answer.body);
    mend().await;
    let back = Instant::now();
    let healthy = async || product.ask(Method::GET, &format!("/clinics/{CLINIC}"), None).await.status == 200;
    until("healthy again", Duration::from_secs(15), healthy).await;
    println!(
        "PostgreSQL {how}: 503 after {:?} (bar 4 s), right again after {:?} (bar 2 s)",
        answer.took,
        back.elapsed()
    );
    assert!(answer.took < Duration::from_secs(8), "{how}: an API call has 8 seconds: {:?}", answer.took);
    assert_eq!(product.visits().await.len(), 0, "{how}: no half booking");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_away_is_a_503_in_time_and_leaves_nothing_by_half() {
    let database = database().await;
    let proxy = Proxy::start(database.address(), Speaks::Postgres).await;
    let setting = Setting { database_url: Some(database.url_by(proxy.address())), ..Setting::default() };
    let product = Product::on(database, setting).await;
    let service = product.service_id().await;
    let visit = visit(&service);
    for (how, manner) in [("refuses", Manner::Refuse), ("is full", Manner::Full), ("hangs", Manner::Hang)] {
        proxy.treats(manner);
        // Connections that were open carry nothing any more, or are gone.
        if manner == Manner::Hang {
            proxy.silence()
        } else {
            proxy.cut()
        }
        is_told(&product, how, &visit, async || {
            proxy.treats(Manner::Carry);
            proxy.cut();
        })
        .await;
    }
    let patients = product.database.number("select count(*) from scheduler.patients").await;
    assert_eq!(patients, 0, "nobody was made for a visit that was not");
    let answer = product.ask(Method::POST, "/appointments", Some(&visit)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_or_locked_postgres_is_a_503_in_time_too() {
    let database = database().await;
    let proxy = Proxy::start(database.address(), Speaks::Postgres).await;
    let setting = Setting { database_url: Some(database.url_by(proxy.address())), ..Setting::default() };
    let product = Product::on(database, setting).await;
    let service = product.service_id().await;
    let visit = visit(&service);

    proxy.delays(Duration::from_secs(5));
    is_told(&product, "takes 5 s each way", &visit, async || {
        proxy.delays(Duration::ZERO);
        proxy.cut();
    })
    .await;

    let mut lock = product.database.pool.begin().await.expect("a transaction");
    let locked = "lock table scheduler.appointments in access exclusive mode";
    sqlx::query(locked).execute(&mut *lock).await.expect("a lock");
    is_told(&product, "holds a lock", &visit, async || lock.rollback().await.expect("unlocked")).await;

    let answer = product.ask(Method::POST, "/appointments", Some(&visit)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_postgres_is_a_503_and_then_forgotten() {
    let folder = TempDir::new().expect("a folder");
    let (cluster, url) = own_cluster(folder.path()).await;
    fill(folder.path(), &url);
    let pool = PgPoolOptions::new().connect_lazy(&url).expect("a PostgreSQL URL");
    let database = TestDatabase { url, pool };
    let proxy = Proxy::start(database.address(), Speaks::Postgres).await;
    let setting = Setting { database_url: Some(database.url_by(proxy.address())), ..Setting::default() };
    let product = Product::on(database, setting).await;
    let service = product.service_id().await;
    let visit = visit(&service);

    cluster.stop().await.expect("PostgreSQL stops");
    let mut again = None;
    is_told(&product, "restarts", &visit, async || {
        let (cluster, url) = own_cluster(folder.path()).await;
        proxy.leads_to(scheduler_tests::database::address_of(&url));
        again = Some(cluster);
    })
    .await;
    let answer = product.ask(Method::POST, "/appointments", Some(&visit)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    drop(product);
    drop(again);
}
