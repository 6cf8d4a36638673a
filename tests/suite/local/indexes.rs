//! The tables in the folder of an earlier release get the indexes that came later.

use aws_sdk_dynamodb::types::{AttributeValue, DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_tests::tables::create_tables;

const INDEX: &str = "due-work-index";

#[tokio::test]
async fn an_index_that_an_older_table_lacks_is_created_with_what_waits_in_the_table() {
    let embedded = EmbeddedDynamoDb::start(None, 0).await.unwrap();
    let tables = create_tables(embedded.endpoint()).await;
    let (client, [sessions, ..]) = (tables.client(), tables.names());
    let delete = DeleteGlobalSecondaryIndexAction::builder().index_name(INDEX).build().unwrap();
    client
        .update_table()
        .table_name(sessions)
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().delete(delete).build())
        .send()
        .await
        .unwrap();
    let mut item = client.put_item().table_name(sessions);
    for (name, value) in [
        ("pk", "chat"),
        ("sk", "SESSION"),
        ("dueShard", "0"),
        ("dueAt", "2026-02-16T12:00:00Z"),
        ("state", "X"),
    ] {
        item = item.item(name, AttributeValue::S(value.to_owned()));
    }
    item.send().await.unwrap();

    for _ in 0..2 {
        scheduler_local::tables::create(client, tables.names()).await.unwrap();
    }
    let due = client
        .query()
        .table_name(sessions)
        .index_name(INDEX)
        .key_condition_expression("dueShard = :shard")
        .expression_attribute_values(":shard", AttributeValue::S("0".to_owned()))
        .send()
        .await
        .unwrap();
    let [due] = due.items() else { panic!("{:?}", due.items()) };
    assert!(due.contains_key("pk") && !due.contains_key("state"), "keys and waitingSince alone: {due:?}");
}
