//! What a clinic decides about messages: templates, FAQ entries, and messages that reception sends.

mod faq;
mod scope;
mod send_limits;
mod sending;
mod sending_fails;
mod templates;

use reqwest::Method;
use scheduler_tests::http::error_fields;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::Value;

/// A patient's phone with the ninth digit, as reception writes it.
const MARIA: &str = "5511999990000";

/// Creates a resource of the example clinic and returns the answer.
async fn create(app: &TestApp, resource: &str, body: &Value) -> Value {
    ask(app, Method::POST, &format!("/clinics/{CLINIC}/{resource}"), body, 201).await
}

/// The rows that a list of the example clinic has under `name`.
async fn list(app: &TestApp, resource: &str, name: &str) -> Vec<Value> {
    let path = format!("/clinics/{CLINIC}/{resource}");
    let body = app.ask_expecting(Method::GET, &path, None, 200).await;
    body[name].as_array().expect("a list").clone()
}

/// Sends a request and returns the body of the answer. Panics unless the answer has this status.
async fn ask(app: &TestApp, method: Method, path: &str, body: &Value, status: u16) -> Value {
    app.ask_expecting(method, path, Some(body), status).await
}
