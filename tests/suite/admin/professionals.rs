//! Professionals over the API: changing and deactivating them, and the effect on their hours.

use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

use super::{ask, column, february, get, in_clinic, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivating_a_professional_removes_their_hours_until_they_are_active_again() {
    let app = TestApp::start().await;
    let saturday = february(21);
    let body = json!({ "name": "Dra. Ana Souza", "role": "Biomédica esteta" });
    let made = post(&app, &in_clinic("professionals"), body).await;
    let id = text(&made, "professionalId");
    assert_eq!(made["professional"]["professional_id"], *id);
    let rule = json!({ "day_of_week": 6, "start_time": "10:00", "end_time": "12:00", "professional_id": id });
    post(&app, &in_clinic("availability-rules"), rule).await;
    assert_eq!(app.slots(saturday).await, ["10:00", "10:55"]);

    let path = format!("/professionals/{id}");
    let changed = put(&app, &path, json!({ "name": "Dra. Ana Lima", "role": null })).await;
    assert_eq!(
        (&changed["professional"]["name"], &changed["professional"]["role"]),
        (&json!("Dra. Ana Lima"), &Value::Null)
    );
    let names = column(&get(&app, &in_clinic("professionals")).await, "professionals", "name");
    assert_eq!(names, ["Biomédica esteta", "Dra. Ana Lima"]);

    put(&app, &path, json!({ "active": false })).await;
    let names = column(&get(&app, &in_clinic("professionals")).await, "professionals", "name");
    assert_eq!(names, ["Biomédica esteta"]);
    assert!(app.slots(saturday).await.is_empty());
    let appointment = json!({ "clinicId": CLINIC, "phone": "5511999990000", "date": "2026-02-21", "time": "10:00",
        "serviceId": app.service_id().await, "professionalId": id });
    ask(&app, Method::POST, "/appointments", appointment, 404).await;

    put(&app, &path, json!({ "active": true })).await;
    assert_eq!(app.slots(saturday).await, ["10:00", "10:55"]);
}
