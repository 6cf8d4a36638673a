//! What is around the server fails (quality 3, rows 12 and 14): callers are told in time, and
//! nothing is lost or done by half.

use std::time::{Duration, Instant};

use reqwest::Method;
use scheduler_local::dynamodb::Embedded;
use scheduler_tests::{CLINIC, Manner, Product, Proxy, Setting, Speaks, database, until};
use serde_json::json;

const MARIA: &str = "5511999990000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_away_is_a_503_in_time_and_leaves_nothing_by_half() {
    let database = database().await;
    let proxy = Proxy::start(database.address(), Speaks::Postgres).await;
    let setting = Setting { database_url: Some(database.url_by(proxy.address())), ..Setting::default() };
    let product = Product::on(database, setting).await;
    let service = product.service_id().await;
    let visit = json!({"clinicId": CLINIC, "phone": MARIA, "serviceId": service,
        "date": "2026-02-17", "time": "10:00"});
    for (how, manner) in [("refuses", Manner::Refuse), ("is full", Manner::Full), ("hangs", Manner::Hang)] {
        proxy.treats(manner);
        // Connections that were open carry nothing any more, or are gone.
        if manner == Manner::Hang {
            proxy.silence()
        } else {
            proxy.cut()
        }
        let answer = product.ask(Method::POST, "/appointments", Some(&visit)).await;
        assert_eq!(answer.status, 503, "{how}: {}", answer.body);
        assert!(answer.body["traceId"].is_string(), "{how}: {}", answer.body);
        let told = answer.took;

        proxy.treats(Manner::Carry);
        proxy.cut();
        let back = Instant::now();
        let healthy =
            async || product.ask(Method::GET, &format!("/clinics/{CLINIC}"), None).await.status == 200;
        until("healthy again", Duration::from_secs(15), healthy).await;
        println!(
            "PostgreSQL {how}: 503 after {told:?} (bar 4 s), right again after {:?} (bar 2 s)",
            back.elapsed()
        );
        assert!(told < Duration::from_secs(8), "an API call has 8 seconds: {told:?}");
        assert_eq!(product.visits().await.len(), 0, "{how}: no half booking");
    }
    let patients = product.database.number("select count(*) from scheduler.patients").await;
    assert_eq!(patients, 0, "nobody was made for a visit that was not");
    let answer = product.ask(Method::POST, "/appointments", Some(&visit)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb_away_is_told_inside_the_webhooks_deadline() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let target = embedded.endpoint().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::start(target, Speaks::DynamoDb).await;
    let dynamodb = Some(format!("http://{}", proxy.address()));
    let product = Product::with(Setting { dynamodb, ..Setting::default() }).await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    for (how, manner) in [("refuses", Manner::Refuse), ("hangs", Manner::Hang)] {
        proxy.treats(manner);
        if manner == Manner::Hang {
            proxy.silence()
        } else {
            proxy.cut()
        }
        let webhook = maria.webhook(scheduler_tests::text("dúvidas"));
        let answer = product.webhook(&webhook).await;
        println!("DynamoDB {how}: {} after {:?} (deadline 12 s)", answer.status, answer.took);
        assert_eq!(answer.status, 503, "{how}: it is stored nowhere: {}", answer.body);
        assert!(answer.took < Duration::from_secs(12), "{how}: {:?}", answer.took);

        proxy.treats(Manner::Carry);
        proxy.cut();
        maria.replies();
        // z-api sends it again, or not; the patient may write again in any case.
        let again = async || product.webhook(&webhook).await.status == 200;
        until("taken", Duration::from_secs(15), again).await;
        until("answered", Duration::from_secs(15), async || !maria.replies().is_empty()).await;
    }
    drop(product);
    embedded.stop().await;
}
