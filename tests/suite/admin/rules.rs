//! Weekly windows are changed and taken back, and the slots follow.

use reqwest::Method;
use scheduler_tests::Product;
use serde_json::{Value, json};

use super::{ask, below, column, february, fields, get, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slots_follow_a_rule_until_it_is_taken_back() {
    let product = Product::start().await;
    let saturday = february(21);
    assert!(product.slots(saturday).await.is_empty());
    let body = json!({ "day_of_week": 6, "start_time": "10:00", "end_time": "12:00" });
    let made = post(&product, &below("availability-rules"), body).await;
    let path = format!("/availability-rules/{}", text(&made, "ruleId"));
    assert_eq!(product.slots(saturday).await, ["10:00", "10:55"]);

    let changed = put(&product, &path, json!({ "start_time": "11:00" })).await;
    assert_eq!(
        (&changed["rule"]["start_time"], &changed["rule"]["end_time"]),
        (&json!("11:00"), &json!("12:00"))
    );
    assert_eq!(product.slots(saturday).await, ["11:00"]);
    put(&product, &path, json!({ "start_time": "14:00", "end_time": "15:00" })).await;
    assert_eq!(product.slots(saturday).await, ["14:00"]);
    put(&product, &path, json!({ "day_of_week": 0 })).await;
    assert!(product.slots(saturday).await.is_empty());
    assert_eq!(product.slots(february(22)).await, ["14:00"]);

    let days = column(&get(&product, &below("availability-rules")).await, "rules", "day_of_week");
    assert_eq!(days, [0, 1, 2, 3, 4, 5]);
    put(&product, &path, json!({ "active": false })).await;
    let days = column(&get(&product, &below("availability-rules")).await, "rules", "day_of_week");
    assert_eq!(days, [1, 2, 3, 4, 5]);
    assert!(product.slots(february(22)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_does_not_fit_the_one_that_stands_is_refused_by_its_name() {
    let product = Product::start().await;
    let body = json!({ "day_of_week": 6, "start_time": "10:00", "end_time": "12:00" });
    let made = post(&product, &below("availability-rules"), body).await;
    let path = format!("/availability-rules/{}", text(&made, "ruleId"));
    let before = product.database.fingerprint().await;
    for (change, named) in [
        (json!({ "end_time": "10:00" }), "end_time"),
        (json!({ "start_time": "12:00" }), "start_time"),
        (json!({ "start_time": "13:00", "end_time": "12:30" }), "end_time"),
        (json!({ "start_time": null }), "start_time"),
        (json!({ "day_of_week": 7 }), "day_of_week"),
    ] {
        let refused = ask(&product, Method::PUT, &path, change, 400).await;
        assert_eq!(fields(&refused), [named]);
    }
    let nobody = json!({ "professional_id": "00000000-0000-0000-0000-000000000000" });
    ask(&product, Method::PUT, &path, nobody, 404).await;
    assert_eq!(product.database.fingerprint().await, before);

    let ana = get(&product, &below("professionals")).await["professionals"][0]["professional_id"].clone();
    let given = put(&product, &path, json!({ "professional_id": ana })).await;
    assert_eq!(given["rule"]["professional_id"], ana);
    let nobodys = put(&product, &path, json!({ "professional_id": null })).await;
    assert_eq!(nobodys["rule"]["professional_id"], Value::Null);
}
