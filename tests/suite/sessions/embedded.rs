//! Tables of a test's own, on an embedded DynamoDB.

use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::config::TablesConfig;
use tokio::net::TcpListener;

/// All three, as `sls/resources` defines them; they end with the test.
pub async fn tables() -> Tables {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    let tables = Tables::new(TablesConfig {
        sessions: "sessions".into(),
        events: "events".into(),
        reminders: "reminders".into(),
        endpoint: Some(endpoint),
        region: "sa-east-1".into(),
    });
    scheduler_local::tables::create(tables.client(), tables.names()).await.unwrap();
    tables
}
