//! Invalid request bodies: every invalid field is named at once, and nothing is written.

use reqwest::{Method, StatusCode};
use scheduler_tests::http::KEY;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};

use super::{ask, error_fields, in_clinic};

async fn post_bytes(app: &TestApp, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let request = app.client().post(app.url(path)).header("x-api-key", KEY).body(body);
    let response = request.send().await.expect("an answer");
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_every_invalid_field_and_writes_nothing() {
    let app = TestApp::start().await;
    let service = app.service_id().await;
    let before = app.database.fingerprint().await;
    let clinic = |changed: Value| {
        let mut body = json!({ "name": "Outra", "business_hours": {} });
        body.as_object_mut().expect("fields").extend(changed.as_object().expect("fields").clone());
        body
    };
    let service_path = format!("/services/{service}");
    let clinic_path = format!("/clinics/{CLINIC}");
    let cases = [
        (
            Method::POST,
            in_clinic("services"),
            json!({ "name": " ", "duration_minutes": 0, "price_cents": "abc", "colour": "blue" }),
            &["name", "duration_minutes", "price_cents", "colour"][..],
        ),
        (Method::POST, in_clinic("services"), json!({ "name": "A" }), &["duration_minutes"]),
        (Method::PUT, service_path.clone(), json!({ "price_cents": "abc" }), &["price_cents"]),
        (Method::PUT, service_path.clone(), json!({ "duration_minutes": 0 }), &["duration_minutes"]),
        (Method::PUT, service_path.clone(), json!({ "name": null }), &["name"]),
        (Method::PUT, service_path.clone(), json!({ "clinic_id": "x" }), &["clinic_id"]),
        (Method::PUT, service_path, json!({}), &["body"]),
        (Method::POST, "/clinics".into(), json!({}), &["name", "business_hours"]),
        (Method::POST, "/clinics".into(), clinic(json!({ "active": true })), &["active"]),
        (
            Method::POST,
            "/clinics".into(),
            clinic(json!({ "timezone": "America/Nowhere", "phone": "(20) 99999-0000" })),
            &["phone", "timezone"],
        ),
        (
            Method::POST,
            "/clinics".into(),
            clinic(json!({ "business_hours": { "mon": { "start": "18:00", "end": "09:00" } } })),
            &["business_hours"],
        ),
        (
            Method::POST,
            "/clinics".into(),
            clinic(json!({ "business_hours": { "monday": { "start": "09:00", "end": "18:00" } } })),
            &["business_hours"],
        ),
        (
            Method::PUT,
            clinic_path.clone(),
            json!({ "timezone": "America/Nowhere", "phone": "123", "buffer_minutes": -1, "colour": 1 }),
            &["phone", "timezone", "buffer_minutes", "colour"],
        ),
        (Method::PUT, clinic_path, json!({}), &["body"]),
        (
            Method::POST,
            in_clinic("professionals"),
            json!({ "name": 1, "role": "", "active": true }),
            &["name", "role", "active"],
        ),
        (
            Method::POST,
            in_clinic("availability-rules"),
            json!({ "day_of_week": 1, "start_time": "18:00", "end_time": "09:00" }),
            &["end_time"],
        ),
        (
            Method::POST,
            in_clinic("availability-exceptions"),
            json!({ "exception_date": "2026-02-31", "exception_type": "BLOCKED" }),
            &["exception_date"],
        ),
        (
            Method::POST,
            "/appointments".into(),
            json!({ "clinicId": CLINIC, "phone": "11 9999", "serviceId": service, "date": "2026-02-31",
                "time": "9h" }),
            &["phone", "date", "time"],
        ),
    ];
    let count = cases.len();
    for (method, path, body, named) in cases {
        let refused = ask(&app, method, &path, body.clone(), 400).await;
        assert_eq!(error_fields(&refused), named, "{path} {body}: {refused}");
    }
    println!("{count} bodies refused and nothing written");
    assert_eq!(app.database.fingerprint().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_one_mebibyte_is_413_and_invalid_json_is_400() {
    let app = TestApp::start().await;
    let padded = |length: usize| {
        let frame = r#"{"name":"Limpeza","duration_minutes":30,"description":"Pele"}"#;
        let mut body = frame.as_bytes().to_vec();
        body.resize(length, b' ');
        body
    };
    let path = in_clinic("services");
    let (status, answer) = post_bytes(&app, &path, padded((1 << 20) + 1)).await;
    assert_eq!(status, 413, "{answer}");
    let (status, answer) = post_bytes(&app, &path, b"{\"name\":".to_vec()).await;
    assert_eq!((status.as_u16(), error_fields(&answer)), (400, vec!["body"]), "{answer}");
    assert_eq!(app.database.number("select count(*) from scheduler.services").await, 1);
    let (status, answer) = post_bytes(&app, &path, padded(1 << 20)).await;
    assert_eq!(status, 201, "{answer}");
}
