//! Availability rules over the API: changing and deactivating them, and the slots that follow.

use reqwest::Method;
use scheduler_tests::TestApp;
use serde_json::{Value, json};

use super::{ask, column, error_fields, february, get, in_clinic, post, put, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_follow_a_rule_until_it_is_deactivated() {
    let app = TestApp::start().await;
    let saturday = february(21);
    assert!(app.slots(saturday).await.is_empty());
    let body = json!({ "day_of_week": 6, "start_time": "10:00", "end_time": "12:00" });
    let made = post(&app, &in_clinic("availability-rules"), body).await;
    let path = format!("/availability-rules/{}", text(&made, "ruleId"));
    assert_eq!(app.slots(saturday).await, ["10:00", "10:55"]);

    let changed = put(&app, &path, json!({ "start_time": "11:00" })).await;
    assert_eq!(
        (&changed["rule"]["start_time"], &changed["rule"]["end_time"]),
        (&json!("11:00"), &json!("12:00"))
    );
    assert_eq!(app.slots(saturday).await, ["11:00"]);
    put(&app, &path, json!({ "start_time": "14:00", "end_time": "15:00" })).await;
    assert_eq!(app.slots(saturday).await, ["14:00"]);
    put(&app, &path, json!({ "day_of_week": 0 })).await;
    assert!(app.slots(saturday).await.is_empty());
    assert_eq!(app.slots(february(22)).await, ["14:00"]);

    let days = column(&get(&app, &in_clinic("availability-rules")).await, "rules", "day_of_week");
    assert_eq!(days, [0, 1, 2, 3, 4, 5]);
    put(&app, &path, json!({ "active": false })).await;
    let days = column(&get(&app, &in_clinic("availability-rules")).await, "rules", "day_of_week");
    assert_eq!(days, [1, 2, 3, 4, 5]);
    assert!(app.slots(february(22)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_contradicts_the_stored_rule_is_refused_with_the_field_name() {
    let app = TestApp::start().await;
    let body = json!({ "day_of_week": 6, "start_time": "10:00", "end_time": "12:00" });
    let made = post(&app, &in_clinic("availability-rules"), body).await;
    let path = format!("/availability-rules/{}", text(&made, "ruleId"));
    let before = app.database.fingerprint().await;
    for (change, named) in [
        (json!({ "end_time": "10:00" }), "end_time"),
        (json!({ "start_time": "12:00" }), "start_time"),
        (json!({ "start_time": "13:00", "end_time": "12:30" }), "end_time"),
        (json!({ "start_time": null }), "start_time"),
        (json!({ "day_of_week": 7 }), "day_of_week"),
    ] {
        let refused = ask(&app, Method::PUT, &path, change, 400).await;
        assert_eq!(error_fields(&refused), [named]);
    }
    let unknown = json!({ "professional_id": "00000000-0000-0000-0000-000000000000" });
    ask(&app, Method::PUT, &path, unknown, 404).await;
    assert_eq!(app.database.fingerprint().await, before);

    let ana = get(&app, &in_clinic("professionals")).await["professionals"][0]["professional_id"].clone();
    let assigned = put(&app, &path, json!({ "professional_id": ana })).await;
    assert_eq!(assigned["rule"]["professional_id"], ana);
    let unassigned = put(&app, &path, json!({ "professional_id": null })).await;
    assert_eq!(unassigned["rule"]["professional_id"], Value::Null);
}
