//! What the API refuses without using a store: keys, tokens, methods, sizes, fields.

use http::{Request, StatusCode};
use scheduler_api::auth::WebhookToken;
use scheduler_api::{Contexts, dispatch};
use scheduler_core::config::ApiKey;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::webhook_url::WebhookMasters;
use scheduler_tests::contexts_with_database;
use scheduler_tests::http::error_fields;
use serde_json::{Value, json};

const CREATE: &str = "/appointments";

/// A function with an unavailable database, the key `all` for every clinic and the key `one` for `sp-1`.
fn contexts() -> Contexts {
    let key = |clinic: Option<&str>, key: &str| ApiKey {
        clinic: clinic.map(|id| ClinicId(id.to_owned())),
        key: Secret::new(key),
    };
    contexts_with_database(
        "postgres://nobody:nothing@127.0.0.1:9/none",
        vec![key(None, "all"), key(Some("sp-1"), "one")],
        WebhookToken::Required { masters: WebhookMasters::new(Secret::new("master")), accepts_master: false },
    )
}

async fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = dispatch(&contexts(), request.body(body.as_bytes().to_vec()).unwrap()).await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    (response.status(), serde_json::from_str(response.body()).unwrap_or_default())
}

#[tokio::test]
async fn a_key_is_read_from_four_places_and_opens_only_its_clinic() {
    // A call with the right key gets 503, because the database is unavailable.
    let clinic = "/clinics/sp-1";
    for (path, headers, body, expected) in [
        (clinic, &[][..], "", 401),
        (clinic, &[("authorization", "Bearer wrong")], "", 401),
        (clinic, &[("authorization", "Basic all")], "", 401),
        (clinic, &[("x-api-key", "")], "", 401),
        ("/clinics/sp-1?api_key=al", &[], "", 401),
        (clinic, &[("authorization", "Bearer all")], "", 503),
        (clinic, &[("authorization", "bearer one")], "", 503),
        (clinic, &[("x-api-key", "all")], "", 503),
        ("/clinics/sp-1?api_key=one", &[], "", 503),
        ("/dev/clinics/sp-1?api_key=one", &[], "", 503),
        (clinic, &[], r#"{"api_key":"all"}"#, 503),
        ("/clinics/sp-2", &[("x-api-key", "one")], "", 404),
        ("/clinics/sp-2", &[("x-api-key", "all")], "", 503),
    ] {
        let (status, answer) = ask("GET", path, headers, body).await;
        assert_eq!(status, expected, "{path} {headers:?} {body}: {answer}");
        assert_eq!(answer["status"], "ERROR");
    }
}

#[tokio::test]
async fn a_missing_key_a_wrong_key_and_a_wrong_token_get_the_same_401_whatever_the_body() {
    let (_, first) = ask("POST", CREATE, &[], "no json").await;
    for (headers, body) in [(&[][..], "{}"), (&[("x-api-key", "wrong")], "{}"), (&[], &"x".repeat(2 << 20))] {
        let (status, answer) = ask("POST", CREATE, headers, body).await;
        assert_eq!((status, &answer), (StatusCode::UNAUTHORIZED, &first));
    }
    let (status, answer) = ask("POST", "/webhook/whatsapp?token=wrong", &[], "{}").await;
    assert_eq!((status, &answer), (StatusCode::UNAUTHORIZED, &first));
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_large_bodies_get_their_status() {
    let large = "x".repeat((1 << 20) + 1);
    for (method, path, body, expected) in [
        ("GET", "/nothing", "", 404),
        ("DELETE", "/clinics/sp-1", "", 405),
        ("GET", "/appointments", "", 405),
        ("POST", CREATE, large.as_str(), 413),
        ("PUT", "/appointments/no-uuid", "{}", 404),
        ("OPTIONS", "/clinics/sp-1", "", 204),
    ] {
        let (status, answer) = ask(method, path, &[("x-api-key", "all")], body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_answered_with_the_allowed_ones() {
    let request = Request::delete("/clinics/sp-1").body(Vec::new()).unwrap();
    let response = dispatch(&contexts(), request).await;
    assert_eq!(response.headers()["allow"], "GET, PUT, OPTIONS");
}

#[tokio::test]
async fn one_answer_names_every_wrong_field_of_a_request() {
    let id = "00000000-0000-0000-0000-000000000000";
    let appointment = |changed: Value| {
        let mut body = json!({"clinicId": "sp-1", "phone": "(11) 99999-0000", "serviceId": id,
            "date": "2026-02-17", "time": "09:00"});
        body.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        body
    };
    let appointment_path = format!("/appointments/{id}");
    let hours = |start: &str, end: &str| json!({"business_hours": {"mon": {"start": start, "end": end}}});
    for (method, path, body, fields) in [
        ("POST", CREATE, json!({}), &["clinicId", "phone", "serviceId", "date", "time"][..]),
        ("POST", CREATE, json!([]), &["body"]),
        (
            "POST",
            CREATE,
            appointment(json!({"phone": "(20) 99999-0000", "date": "2026-02-30"})),
            &["phone", "date"],
        ),
        ("POST", CREATE, appointment(json!({"time": "24:00", "colour": 1})), &["time", "colour"]),
        ("POST", CREATE, appointment(json!({"notes": "a\u{0}b", "name": "**"})), &["name", "notes"]),
        ("PUT", &appointment_path, json!({}), &["body"]),
        ("PUT", &appointment_path, json!({"date": "2026-02-17"}), &["date"]),
        (
            "PUT",
            &appointment_path,
            json!({"status": "GONE", "version": "1", "notify": 1}),
            &["version", "status", "notify"],
        ),
        (
            "POST",
            "/clinics/sp-1/services",
            json!({"name": " ", "duration_minutes": 721, "price_cents": -1}),
            &["name", "duration_minutes", "price_cents"],
        ),
        (
            "POST",
            "/clinics/sp-1/availability-rules",
            json!({"day_of_week": 7, "start_time": "9:00", "end_time": "x", "professional_id": 1}),
            &["professional_id", "day_of_week", "start_time", "end_time"],
        ),
        (
            "POST",
            "/clinics/sp-1/availability-rules",
            json!({"day_of_week": 1, "start_time": "09:00", "end_time": "09:00"}),
            &["end_time"],
        ),
        (
            "POST",
            "/clinics/sp-1/availability-exceptions",
            json!({"exception_date": "2026-02-17", "exception_type": "SPECIAL_HOURS"}),
            &["start_time", "end_time"],
        ),
        (
            "POST",
            "/clinics/sp-1/availability-exceptions",
            json!({"exception_date": "2026-02-17", "exception_type": "BLOCKED", "start_time": "09:00"}),
            &["end_time"],
        ),
        ("GET", "/clinics/sp-1/available-slots", Value::Null, &["date", "serviceId"]),
        (
            "GET",
            "/clinics/sp-1/appointments?from=2026-01-01&to=2026-03-05&limit=101&cursor=x",
            Value::Null,
            &["limit", "cursor", "to"],
        ),
        (
            "GET",
            "/clinics/sp-1/appointments?from=2026-03-02&to=2026-03-01&colour=1",
            Value::Null,
            &["to", "colour"],
        ),
        ("GET", "/clinics/sp-1/appointments?limit=%2B5", Value::Null, &["limit"]),
        ("GET", "/clinics/sp-1/appointments?limit=05", Value::Null, &["limit"]),
        ("GET", "/clinics/sp-1/appointments?limit=5.0", Value::Null, &["limit"]),
        ("PUT", "/clinics/sp-1", hours("9:00", "18:00"), &["business_hours"]),
        ("PUT", "/clinics/sp-1", hours("09:00", "18:0"), &["business_hours"]),
        ("PUT", "/clinics/sp-1", hours(" 09:00", "18:00"), &["business_hours"]),
        ("PUT", "/clinics/sp-1", hours("09:00", "18:00:00"), &["business_hours"]),
        ("PUT", "/clinics/sp-1", hours("+9:00", "18:00"), &["business_hours"]),
        ("PUT", "/clinics/sp-1", hours("09:00", "24:00"), &["business_hours"]),
    ] {
        let (status, answer) = ask(method, path, &[("x-api-key", "one")], &body.to_string()).await;
        let named = error_fields(&answer);
        assert_eq!(
            (status, named.as_slice()),
            (StatusCode::BAD_REQUEST, fields),
            "{method} {path} {body}: {answer}"
        );
    }
}

#[tokio::test]
async fn an_idempotency_key_is_1_to_200_visible_characters() {
    let body = json!({"clinicId": "sp-1", "phone": "5511999990000", "date": "2026-02-17", "time": "09:00",
        "serviceId": "00000000-0000-0000-0000-000000000000"});
    // A valid request gets 503, because the database is unavailable.
    for (key, expected) in [
        ("reception-1", 503),
        (&"k".repeat(200), 503),
        ("!#~", 503),
        (&"k".repeat(201), 400),
        ("", 400),
        ("two words", 400),
        ("a\tb", 400),
    ] {
        let headers = [("x-api-key", "one"), ("Idempotency-Key", key)];
        let (status, answer) = ask("POST", CREATE, &headers, &body.to_string()).await;
        assert_eq!(status, expected, "{key:?}: {answer}");
        if expected == 400 {
            assert_eq!(error_fields(&answer), ["Idempotency-Key"], "{key:?}");
        }
    }
}

#[tokio::test]
async fn an_unavailable_store_is_answered_with_retry_after_and_no_details() {
    let request = Request::get("/clinics/sp-1").header("x-api-key", "all").body(Vec::new()).unwrap();
    let response = dispatch(&contexts(), request).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert!(!response.body().contains("postgres") && !response.body().contains("127.0.0.1"));
}
