//! The embedded DynamoDB deletes what has expired, and its file becomes smaller again.

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_local::dynamodb::{EmbeddedDynamoDb, Sweeper};
use scheduler_tests::clock::MONDAY;
use scheduler_tests::tables::create_tables;
use tempfile::TempDir;

fn now() -> DateTime<Utc> {
    MONDAY.parse().unwrap()
}

fn sweeper(embedded: &EmbeddedDynamoDb, tables: &Tables) -> Sweeper {
    embedded.sweeper(scheduler_local::tables::expiring(tables.names()).unwrap())
}

/// Stores an item of 40 KB. `ttl` is in seconds after now.
async fn put(tables: &Tables, table: &str, key: &str, ttl: Option<i64>) {
    let mut item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.to_owned())),
        ("sk".to_owned(), AttributeValue::S("one".to_owned())),
        ("content".to_owned(), AttributeValue::S("x".repeat(40_000))),
    ]);
    if let Some(seconds) = ttl {
        let at = now().timestamp() + seconds;
        item.insert("ttl".to_owned(), AttributeValue::N(at.to_string()));
    }
    tables.client().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

async fn keys(tables: &Tables, table: &str) -> Vec<String> {
    let found = tables.client().scan().table_name(table).projection_expression("pk").send().await.unwrap();
    let mut keys: Vec<String> =
        found.items().iter().map(|item| item["pk"].as_s().unwrap().to_owned()).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn expired_items_of_every_table_are_deleted_and_no_others() {
    let embedded = EmbeddedDynamoDb::start(None, 0).await.unwrap();
    let tables = create_tables(embedded.endpoint()).await;
    for table in tables.names() {
        put(&tables, table, "just expired", Some(-1)).await;
        put(&tables, table, "long expired", Some(-1_000_000)).await;
        put(&tables, table, "at this second", Some(0)).await;
        put(&tables, table, "later", Some(3_600)).await;
        put(&tables, table, "never", None).await;
    }
    let sweeper = sweeper(&embedded, &tables);
    assert_eq!(sweeper.sweep(now()).await.unwrap(), 6);
    for table in tables.names() {
        assert_eq!(keys(&tables, table).await, ["at this second", "later", "never"], "{table}");
    }
    assert_eq!(sweeper.sweep(now()).await.unwrap(), 0);
    embedded.stop().await;
}

#[tokio::test]
async fn a_sweep_goes_through_all_pages_and_the_file_shrinks() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("dynamodb.sqlite");
    let size = |file: &Path| std::fs::metadata(file).unwrap().len();
    let embedded = EmbeddedDynamoDb::start(Some(&file), 0).await.unwrap();
    let tables = create_tables(embedded.endpoint()).await;
    let [_, events, _] = tables.names();
    for number in 0..120 {
        let ttl = if number % 12 == 0 { 3_600 } else { -1 };
        put(&tables, events, &format!("{number:03}"), Some(ttl)).await;
    }
    assert!(size(&file) > 2_000_000, "{}", size(&file));
    assert_eq!(sweeper(&embedded, &tables).sweep(now()).await.unwrap(), 110);
    assert_eq!(keys(&tables, events).await.len(), 10);
    assert!(size(&file) < 1_000_000, "{}", size(&file));
    embedded.stop().await;
}
