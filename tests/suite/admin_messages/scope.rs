//! A key of one clinic neither reads nor changes another clinic's templates and FAQ, and sends nothing
//! in its name.

use http::Request;
use scheduler_api::auth::WebhookToken;
use scheduler_api::dispatch;
use scheduler_core::config::ApiKey;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::ClinicId;
use scheduler_tests::{CLINIC, contexts_with_database, database};
use serde_json::json;

use super::MARIA;

#[tokio::test]
async fn another_clinics_key_reaches_no_template_and_no_question_and_sends_no_message() {
    let database = database().await;
    let key = ApiKey { clinic: Some(ClinicId("another".into())), key: Secret::new("theirs") };
    let contexts = contexts_with_database(&database.url, vec![key], WebhookToken::NotRequired);
    let id = async |table: &str, column: &str| -> String {
        let sql = format!("select {column}::text from scheduler.{table} where clinic_id = $1 limit 1");
        sqlx::query_scalar(&sql).bind(CLINIC).fetch_one(&database.pool).await.unwrap()
    };
    let template = format!("/templates/{}", id("message_templates", "id").await);
    let faq = format!("/faq/{}", id("faq_items", "id").await);
    let content = json!({ "content": "Oi" });
    let message = json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Oi" });
    let clinic_path = |resource: &str| format!("/clinics/{CLINIC}/{resource}");
    for (method, path, body) in [
        ("GET", clinic_path("templates"), json!(null)),
        ("POST", clinic_path("templates"), json!({ "template_key": "LEFT", "content": "Oi" })),
        ("PUT", template, content),
        ("GET", clinic_path("faq"), json!(null)),
        ("POST", clinic_path("faq"), json!({ "question_key": "A", "question_label": "A", "answer": "A" })),
        ("PUT", faq, json!({ "answer": "Oi" })),
        ("POST", "/send".to_owned(), message),
    ] {
        let request = Request::builder().method(method).uri(&path).header("x-api-key", "theirs");
        let response = dispatch(&contexts, request.body(body.to_string().into_bytes()).unwrap()).await;
        assert_eq!(response.status(), 404, "{method} {path}: {}", response.body());
    }
    for table in ["message_templates", "faq_items"] {
        let written = "content = 'Oi' or template_key = 'LEFT'";
        let written = if table == "faq_items" { "answer in ('Oi', 'A')" } else { written };
        let sql = format!("select count(*) from scheduler.{table} where {written}");
        assert_eq!(database.number(&sql).await, 0, "{table}");
    }
}
