//! Professionals come and go, and their hours with them.

use reqwest::Method;
use scheduler_tests::{CLINIC, Product};
use serde_json::{Value, json};

use super::{ask, below, column, february, get, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_professional_who_is_taken_back_takes_the_hours_with_them() {
    let product = Product::start().await;
    let saturday = february(21);
    let body = json!({ "name": "Dra. Ana Souza", "role": "Biomédica esteta" });
    let made = post(&product, &below("professionals"), body).await;
    let id = text(&made, "professionalId");
    assert_eq!(made["professional"]["professional_id"], *id);
    let rule = json!({ "day_of_week": 6, "start_time": "10:00", "end_time": "12:00", "professional_id": id });
    post(&product, &below("availability-rules"), rule).await;
    assert_eq!(product.slots(saturday).await, ["10:00", "10:55"]);

    let path = format!("/professionals/{id}");
    let changed = put(&product, &path, json!({ "name": "Dra. Ana Lima", "role": null })).await;
    assert_eq!(
        (&changed["professional"]["name"], &changed["professional"]["role"]),
        (&json!("Dra. Ana Lima"), &Value::Null)
    );
    let names = column(&get(&product, &below("professionals")).await, "professionals", "name");
    assert_eq!(names, ["Biomédica esteta", "Dra. Ana Lima"]);

    put(&product, &path, json!({ "active": false })).await;
    let names = column(&get(&product, &below("professionals")).await, "professionals", "name");
    assert_eq!(names, ["Biomédica esteta"]);
    assert!(product.slots(saturday).await.is_empty());
    let visit = json!({ "clinicId": CLINIC, "phone": "5511999990000", "date": "2026-02-21", "time": "10:00",
        "serviceId": product.service_id().await, "professionalId": id });
    ask(&product, Method::POST, "/appointments", visit, 404).await;

    put(&product, &path, json!({ "active": true })).await;
    assert_eq!(product.slots(saturday).await, ["10:00", "10:55"]);
}
