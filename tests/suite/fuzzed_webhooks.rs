//! The webhook's function under ten thousand bodies that z-api would never send (quality 3, row 19).

mod bodies;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bodies::Bodies;
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::config::TablesConfig;
use scheduler_core::ports::Clock;
use scheduler_local::dynamodb::Embedded;
use scheduler_local::tables;
use scheduler_local::zapi_stand_in::ZapiStandIn;
use scheduler_tests::messages::Sender;
use scheduler_tests::runtime_api::{Function, gateway_event};
use scheduler_tests::{database, received, text};
use serde_json::Value;
use tokio::task::JoinSet;

const SEED: u64 = 0x5eed_0019;
/// As many instances of the function are there as AWS starts when webhooks come at once.
const INSTANCES: usize = 4;
const BODIES_OF_AN_INSTANCE: usize = 2_500;
/// How much more an instance may hold at its end than after a quarter, in KiB: as much as one body
/// of six megabytes, or as three KiB of every body.
const FLAT: u64 = 6 * 1024;
/// What it is given as a Lambda, in KiB.
const MEMORY: u64 = 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_fuzzed_bodies_are_all_answered_and_nothing_of_them_is_kept_in_memory() {
    let database = database().await;
    let dynamodb = Embedded::start(None, 0).await.unwrap();
    let zapi = ZapiStandIn::start(Arc::new(SystemClock)).await.unwrap();
    let stores = Tables::new(TablesConfig {
        sessions: "sessions".into(),
        events: "events".into(),
        reminders: "reminders".into(),
        endpoint: Some(dynamodb.endpoint()),
        region: "us-east-1".into(),
    });
    tables::create(stores.client(), stores.names()).await.unwrap();
    let settings = settings(&database.url, &dynamodb.endpoint(), &zapi.base_url());
    let started = Instant::now();
    let mut instances = JoinSet::new();
    for seed in (SEED..).take(INSTANCES) {
        let settings = settings.clone();
        instances.spawn(async move { fuzz(seed, &settings).await });
    }
    instances.join_all().await;
    println!("{} bodies in {:?}", INSTANCES * BODIES_OF_AN_INSTANCE, started.elapsed());
    let function = Function::start("whatsapp-webhook", &settings).await;
    let from = Sender { phone: "5511955550000".into(), lid: None, name: Some("Maria Silva".into()) };
    let momment = SystemClock.now().timestamp_millis();
    let hello = received(&from, "3EB0AFTERALL", momment, text("Olá")).to_string();
    assert_eq!(function.invoke(event(hello.as_bytes(), false)).await.unwrap()["statusCode"], 200);
    assert!(!zapi.outbox(Some(&from.phone)).is_empty(), "the next patient is answered");
    dynamodb.stop().await;
}

async fn fuzz(seed: u64, settings: &[(&str, String)]) {
    let function = Function::start("whatsapp-webhook", settings).await;
    let mut bodies = Bodies::new(seed);
    let (mut kinds, mut held) = (BTreeMap::new(), Vec::new());
    for number in 1..=BODIES_OF_AN_INSTANCE {
        let body = bodies.next();
        *kinds.entry(body.kind).or_insert(0) += 1;
        let outcome = function.invoke(event(&body.bytes, body.as_base64)).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("seed {seed:#x}, body {number}: {error}"));
        assert_eq!(outcome["statusCode"], 200, "seed {seed:#x}, body {number}, {}: {outcome}", body.kind);
        if number % (BODIES_OF_AN_INSTANCE / 4) == 0 {
            held.push(function.memory().0);
        }
    }
    let most = function.memory().1;
    println!("seed {seed:#x}: {kinds:?}; {held:?} KiB held after each quarter, {most} at most");
    assert!(held[3] < held[0] + FLAT, "{held:?}");
    assert!(most < MEMORY, "{most} KiB");
}

fn settings(database: &str, dynamodb: &str, zapi: &str) -> Vec<(&'static str, String)> {
    [
        ("DATABASE_URL", database),
        ("RDS_SSL_MODE", "disable"),
        ("CONVERSATION_SESSIONS_TABLE", "sessions"),
        ("MESSAGE_EVENTS_TABLE", "events"),
        ("SCHEDULED_REMINDERS_TABLE", "reminders"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("ZAPI_BASE_URL", zapi),
        ("ALLOWED_PHONES", "*"),
        ("WEBHOOK_TOKEN", "test-token"),
        // Has what is freed given back at once, so that what is held is what was kept.
        ("MALLOC_ARENA_MAX", "1"),
        ("MALLOC_MMAP_THRESHOLD_", "65536"),
        ("MALLOC_TRIM_THRESHOLD_", "65536"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// As API Gateway hands a body on: in base64 where it is no text, or where it takes it for none.
fn event(body: &[u8], as_base64: bool) -> Value {
    let plain = std::str::from_utf8(body).ok().filter(|_| !as_base64);
    let encoded = plain.is_none().then(|| BASE64_STANDARD.encode(body));
    let headers = [("Content-Type", "application/json")];
    let query = [("token", "test-token")];
    let body = encoded.as_deref().or(plain);
    let mut event = gateway_event("POST", "/webhook/whatsapp", Some("dev"), &query, &headers, body);
    event["isBase64Encoded"] = encoded.is_some().into();
    event
}
