//! The webhook function gets ten thousand bodies that z-api would never send
//! (`docs/rules/reliability.md#fuzzed-webhooks`).

mod bodies;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bodies::Bodies;
use scheduler_api::request::MAX_BODY_BYTES;
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::ports::{Clock, WhatsAppProvider};
use scheduler_core::webhook_url::WebhookMasters;
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_local::fake_zapi::FakeZapi;
use scheduler_tests::messages::Sender;
use scheduler_tests::runtime_api::{LambdaProcess, WEBHOOK_MASTER, gateway_event, store_settings};
use scheduler_tests::tables::create_tables;
use scheduler_tests::{database, received, text};
use serde_json::Value;
use tokio::task::JoinSet;

const SEED: u64 = 0x5eed_0019;
/// Instances of the function that run in parallel, as on AWS when webhooks arrive at the same time.
const INSTANCES: usize = 4;
const BODIES_PER_INSTANCE: usize = 2_500;
/// Allowed growth of an instance's memory from its first quarter to its end, in KiB: one body of six
/// megabytes, or three KiB per body.
const ALLOWED_GROWTH: u64 = 6 * 1024;
/// Memory of the Lambda, in KiB.
const MEMORY: u64 = 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_fuzzed_bodies_are_all_answered_and_leave_no_memory_behind() {
    let database = database().await;
    let dynamodb = EmbeddedDynamoDb::start(None, 0).await.unwrap();
    let zapi = FakeZapi::start(Arc::new(SystemClock)).await.unwrap();
    create_tables(dynamodb.endpoint()).await;
    let settings = settings(&database.url, &dynamodb.endpoint(), &zapi.base_url());
    let started = Instant::now();
    let mut instances = JoinSet::new();
    for seed in (SEED..).take(INSTANCES) {
        let settings = settings.clone();
        instances.spawn(async move { fuzz(seed, &settings).await });
    }
    instances.join_all().await;
    println!("{} bodies in {:?}", INSTANCES * BODIES_PER_INSTANCE, started.elapsed());
    let function = LambdaProcess::start("whatsapp-webhook", &settings).await;
    let from = Sender { phone: "5511955550000".into(), lid: None, name: Some("Maria Silva".into()) };
    let sent_at = SystemClock.now().timestamp_millis();
    let hello = received(&from, "3EB0AFTERALL", sent_at, text("Olá")).to_string();
    let (hello, expected) = event(hello.as_bytes(), false);
    assert_eq!((&function.invoke(hello).await.unwrap()["statusCode"], expected), (&Value::from(200), 200));
    assert!(!zapi.outbox(Some(&from.phone)).is_empty(), "the next patient is answered");
    dynamodb.stop().await;
}

async fn fuzz(seed: u64, settings: &[(&str, String)]) {
    let function = LambdaProcess::start("whatsapp-webhook", settings).await;
    let mut bodies = Bodies::new(seed);
    let (mut kinds, mut statuses, mut held) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for number in 1..=BODIES_PER_INSTANCE {
        let body = bodies.next();
        *kinds.entry(body.kind).or_insert(0) += 1;
        let (event, expected) = event(&body.bytes, body.as_base64);
        *statuses.entry(expected).or_insert(0) += 1;
        let answer = function.invoke(event).await;
        let answer = answer.unwrap_or_else(|error| panic!("seed {seed:#x}, body {number}: {error}"));
        assert_eq!(answer["statusCode"], expected, "seed {seed:#x}, body {number}, {}: {answer}", body.kind);
        if number % (BODIES_PER_INSTANCE / 4) == 0 {
            held.push(function.memory().0);
        }
    }
    let peak = function.memory().1;
    println!("seed {seed:#x}: {kinds:?}, answered {statuses:?}");
    println!("seed {seed:#x}: {held:?} KiB held after each quarter, {peak} KiB at most");
    assert!(statuses[&200] > BODIES_PER_INSTANCE / 4, "{statuses:?}");
    assert!(held[3] < held[0] + ALLOWED_GROWTH, "{held:?}");
    assert!(peak < MEMORY, "{peak} KiB");
}

fn settings(database: &str, dynamodb: &str, zapi: &str) -> Vec<(&'static str, String)> {
    let mut settings = store_settings(database, dynamodb, zapi);
    let more = [
        ("ALLOWED_PHONES", "*"),
        // Freed memory goes back to the system at once, so the memory held is the memory in use.
        ("MALLOC_ARENA_MAX", "1"),
        ("MALLOC_MMAP_THRESHOLD_", "65536"),
        ("MALLOC_TRIM_THRESHOLD_", "65536"),
    ];
    settings.extend(more.map(|(name, value)| (name, value.to_owned())));
    settings
}

/// A body as API Gateway passes it on: in base64 if it is not UTF-8, or if `as_base64` asks for it. With the
/// status that it is answered: 200 if its instance can be read, whose token it then has.
fn event(body: &[u8], as_base64: bool) -> (Value, u16) {
    let instance = instance_of(body);
    let expected = if instance.is_some() { 200 } else { 401 };
    let masters = WebhookMasters::new(Secret::new(WEBHOOK_MASTER));
    let token = masters.token_of(instance.as_deref().unwrap_or_default());
    let plain = std::str::from_utf8(body).ok().filter(|_| !as_base64);
    let encoded = plain.is_none().then(|| BASE64_STANDARD.encode(body));
    let headers = [("Content-Type", "application/json")];
    let query = [("token", token.expose())];
    let body = encoded.as_deref().or(plain);
    let mut event = gateway_event("POST", "/webhook/whatsapp", Some("dev"), &query, &headers, body);
    event["isBase64Encoded"] = encoded.is_some().into();
    (event, expected)
}

/// The instance that a body names, if the body is JSON of at most 1 MiB.
fn instance_of(body: &[u8]) -> Option<String> {
    static PROVIDER: LazyLock<Zapi> = LazyLock::new(|| Zapi::new("http://127.0.0.1:9", None).unwrap());
    let payload: Value = serde_json::from_slice(body).ok().filter(|_| body.len() <= MAX_BODY_BYTES)?;
    PROVIDER.instance_id_of(&payload)
}
