//! The three DynamoDB tables of a test.

use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::config::TablesConfig;

/// Creates the tables `sessions`, `events` and `reminders` and returns a client for them.
pub async fn create_tables(endpoint: String) -> Tables {
    let tables = Tables::new(TablesConfig {
        sessions: "sessions".into(),
        events: "events".into(),
        reminders: "reminders".into(),
        endpoint: Some(endpoint),
        region: "us-east-1".into(),
    });
    scheduler_local::tables::create(tables.client(), tables.names()).await.expect("the tables");
    tables
}
