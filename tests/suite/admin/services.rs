//! Services are changed and taken back.

use reqwest::Method;
use scheduler_tests::Product;
use serde_json::{Value, json};

use super::{ask, below, column, get, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_changes_field_by_field_and_leaves_the_list_when_it_is_taken_back() {
    let product = Product::start().await;
    let body = json!({ "name": "Limpeza de pele", "duration_minutes": 60, "price_cents": 12000 });
    let made = post(&product, &below("services"), body).await;
    let id = text(&made, "serviceId");
    let path = format!("/services/{id}");

    let mut expected = made["service"].clone();
    for change in [
        json!({ "price_cents": null }),
        json!({ "name": "Limpeza profunda", "duration_minutes": 90 }),
        json!({ "description": "Com extração", "price_cents": 15000 }),
        json!({ "description": null }),
    ] {
        let changed = put(&product, &path, change.clone()).await["service"].clone();
        for (name, value) in change.as_object().expect("fields") {
            expected[name] = value.clone();
        }
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected);
    }

    let names = column(&get(&product, &below("services")).await, "services", "name");
    assert_eq!(names, ["Depilação a laser", "Limpeza profunda"]);
    let slots = below(&format!("available-slots?date=2026-02-18&serviceId={id}"));
    assert_eq!(get(&product, &slots).await["slots"][1], "10:40");
    assert_eq!(put(&product, &path, json!({ "active": false })).await["service"]["active"], false);
    let names = column(&get(&product, &below("services")).await, "services", "name");
    assert_eq!(names, ["Depilação a laser"]);
    ask(&product, Method::GET, &slots, Value::Null, 404).await;
}
