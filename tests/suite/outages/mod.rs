//! PostgreSQL, DynamoDB or z-api fails (docs/rules/reliability.md): callers get an answer in time, and
//! nothing is lost or half done.

mod dynamodb;
mod postgres;
mod thaw;
mod zapi;

use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_tests::{FaultyDynamoDb, Protocol, Proxy, ProxyMode, TestApp, TestConfig, TestDatabase};

const MARIA: &str = "5511999990000";

/// An app that reaches PostgreSQL through a proxy.
pub(crate) async fn app_with_proxied_postgres(database: TestDatabase) -> (TestApp, Proxy) {
    let proxy = Proxy::start(database.address(), Protocol::Postgres).await;
    let config =
        TestConfig { database_url: Some(database.url_via(proxy.address())), ..TestConfig::default() };
    (TestApp::on(database, config).await, proxy)
}

/// An app that reaches DynamoDB through a proxy. Drop the app before the DynamoDB is stopped.
pub(crate) async fn app_with_proxied_dynamodb() -> (TestApp, Proxy, EmbeddedDynamoDb) {
    let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
    let target = embedded.endpoint().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::start(target, Protocol::DynamoDb).await;
    let dynamodb = Some(format!("http://{}", proxy.address()));
    let app = TestApp::with(TestConfig { dynamodb, ..TestConfig::default() }).await;
    (app, proxy, embedded)
}

/// An app whose DynamoDB calls can be made to fail. Drop the app before the DynamoDB is stopped.
async fn app_with_faulty_dynamodb() -> (TestApp, FaultyDynamoDb, EmbeddedDynamoDb) {
    let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
    let faulty = FaultyDynamoDb::start(embedded.endpoint()).await;
    let app = TestApp::with(TestConfig { dynamodb: Some(faulty.endpoint()), ..TestConfig::default() }).await;
    (app, faulty, embedded)
}

/// Sets the mode for new connections. Open connections hang in [`ProxyMode::Hang`]; in any other mode
/// they are reset.
pub(crate) fn switch_to(proxy: &Proxy, mode: ProxyMode) {
    proxy.set_mode(mode);
    if mode == ProxyMode::Hang { proxy.hang_connections() } else { proxy.reset_connections() }
}
