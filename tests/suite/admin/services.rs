//! Services over the API: changing and deactivating them.

use reqwest::Method;
use scheduler_tests::TestApp;
use serde_json::{Value, json};

use super::{ask, column, get, in_clinic, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_changes_only_the_sent_fields_and_is_listed_until_it_is_deactivated() {
    let app = TestApp::start().await;
    let body = json!({ "name": "Limpeza de pele", "duration_minutes": 60, "price_cents": 12000 });
    let made = post(&app, &in_clinic("services"), body).await;
    let id = text(&made, "serviceId");
    let path = format!("/services/{id}");

    let mut expected = made["service"].clone();
    for change in [
        json!({ "price_cents": null }),
        json!({ "name": "Limpeza profunda", "duration_minutes": 90 }),
        json!({ "description": "Com extração", "price_cents": 15000 }),
        json!({ "description": null }),
    ] {
        let changed = put(&app, &path, change.clone()).await["service"].clone();
        for (name, value) in change.as_object().expect("fields") {
            expected[name] = value.clone();
        }
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected);
    }

    let names = column(&get(&app, &in_clinic("services")).await, "services", "name");
    assert_eq!(names, ["Depilação a laser", "Limpeza profunda"]);
    let slots = in_clinic(&format!("available-slots?date=2026-02-18&serviceId={id}"));
    assert_eq!(get(&app, &slots).await["slots"][1], "10:40");
    assert_eq!(put(&app, &path, json!({ "active": false })).await["service"]["active"], false);
    let names = column(&get(&app, &in_clinic("services")).await, "services", "name");
    assert_eq!(names, ["Depilação a laser"]);
    ask(&app, Method::GET, &slots, Value::Null, 404).await;
}
