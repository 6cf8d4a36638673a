//! Tables of a test's own, on an embedded DynamoDB.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::config::TablesConfig;
use tokio::net::TcpListener;

fn text(name: &str) -> AttributeDefinition {
    let definition =
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    definition.build().unwrap()
}

fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap())
        .to_vec()
}

/// Sessions with their index, and events; they end with the test.
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
    let everything = Projection::builder().projection_type(ProjectionType::All).build();
    let due = GlobalSecondaryIndex::builder()
        .index_name("due-index")
        .set_key_schema(Some(keys("dueShard", "dueAt")))
        .projection(everything)
        .build()
        .unwrap();
    let create = |name: &str| {
        let table = tables.client().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        table
            .attribute_definitions(text("pk"))
            .attribute_definitions(text("sk"))
            .set_key_schema(Some(keys("pk", "sk")))
    };
    let sessions =
        create("sessions").attribute_definitions(text("dueShard")).attribute_definitions(text("dueAt"));
    sessions.global_secondary_indexes(due).send().await.unwrap();
    create("events").send().await.unwrap();
    tables
}
