//! What reception says to patients: its own wordings, its questions, and messages of its own.

mod faq;
mod scope;
mod sending;
mod sending_fails;
mod templates;

use reqwest::Method;
use scheduler_tests::{CLINIC, Product};
use serde_json::Value;

/// A number with its ninth digit, as reception knows it.
const MARIA: &str = "5511999990000";

/// Posts to a resource of the example clinic and panics unless it is made.
async fn made(product: &Product, resource: &str, body: &Value) -> Value {
    let path = format!("/clinics/{CLINIC}/{resource}");
    let answered = product.ask(Method::POST, &path, Some(body)).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    answered.body
}

/// What a list of the example clinic shows.
async fn listed(product: &Product, resource: &str, name: &str) -> Vec<Value> {
    let answered = product.ask(Method::GET, &format!("/clinics/{CLINIC}/{resource}"), None).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    answered.body[name].as_array().expect("a list").clone()
}

/// Asks and panics unless the answer has this status.
async fn ask(product: &Product, method: Method, path: &str, body: &Value, status: u16) -> Value {
    let answered = product.ask(method, path, Some(body)).await;
    assert_eq!(answered.status, status, "{path} {body}: {}", answered.body);
    answered.body
}

/// The fields that an answer finds fault with.
fn faulty(answer: &Value) -> Vec<&str> {
    let faults = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    faults.iter().filter_map(|fault| fault["field"].as_str()).collect()
}
