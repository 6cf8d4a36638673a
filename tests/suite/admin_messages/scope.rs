//! A clinic's key opens nothing of another clinic, whatever the request names it by.

use std::sync::Arc;

use http::Request;
use scheduler_api::metrics::Metrics;
use scheduler_api::{World, dispatch};
use scheduler_core::adapters::postgres::Db;
use scheduler_core::config::{ApiKey, DatabaseConfig, SslMode};
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::ClinicId;
use scheduler_tests::{CLINIC, TestClock, database};
use serde_json::json;

use super::MARIA;

#[tokio::test]
async fn another_clinics_key_finds_no_wording_no_question_and_sends_nothing() {
    let database = database().await;
    let config =
        DatabaseConfig { url: Secret::new(&database.url), ssl_mode: SslMode::Disable, root_cert: None };
    let key = ApiKey { clinic: Some(ClinicId("another".into())), key: Secret::new("theirs") };
    let world = World {
        db: Db::held(&config).unwrap(),
        chats: None,
        reminders: None,
        clock: Arc::new(TestClock::new()),
        keys: vec![key],
        webhook_token: None,
        metrics: Metrics::default(),
        sheets: None,
    };
    let id = async |table: &str, column: &str| -> String {
        let sql = format!("select {column}::text from scheduler.{table} where clinic_id = $1 limit 1");
        sqlx::query_scalar(&sql).bind(CLINIC).fetch_one(&database.pool).await.unwrap()
    };
    let template = format!("/templates/{}", id("message_templates", "id").await);
    let faq = format!("/faq/{}", id("faq_items", "id").await);
    let content = json!({ "content": "Oi" });
    let letter = json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Oi" });
    let of_clinic = |resource: &str| format!("/clinics/{CLINIC}/{resource}");
    for (method, path, body) in [
        ("GET", of_clinic("templates"), json!(null)),
        ("POST", of_clinic("templates"), json!({ "template_key": "LEFT", "content": "Oi" })),
        ("PUT", template, content),
        ("GET", of_clinic("faq"), json!(null)),
        ("POST", of_clinic("faq"), json!({ "question_key": "A", "question_label": "A", "answer": "A" })),
        ("PUT", faq, json!({ "answer": "Oi" })),
        ("POST", "/send".to_owned(), letter),
    ] {
        let request = Request::builder().method(method).uri(&path).header("x-api-key", "theirs");
        let response = dispatch(&world, request.body(body.to_string().into_bytes()).unwrap()).await;
        assert_eq!(response.status(), 404, "{method} {path}: {}", response.body());
    }
    for table in ["message_templates", "faq_items"] {
        let written = "content = 'Oi' or template_key = 'LEFT'";
        let written = if table == "faq_items" { "answer in ('Oi', 'A')" } else { written };
        let sql = format!("select count(*) from scheduler.{table} where {written}");
        assert_eq!(database.number(&sql).await, 0, "{table}");
    }
}
