//! DynamoDB tables for one test, on an embedded DynamoDB.

use scheduler_core::adapters::dynamodb::Tables;
use scheduler_tests::tables::create_tables;
use tokio::net::TcpListener;

/// Creates the three tables of `sls/resources`. They live as long as the test.
pub async fn tables() -> Tables {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    create_tables(endpoint).await
}
