//! The admin routes over HTTP, on a real database.

mod appointments;
mod clinics;
mod exceptions;
mod faults;
mod professionals;
mod rules;
mod services;
mod tenancy;

use chrono::NaiveDate;
use reqwest::Method;
use scheduler_tests::http::error_fields;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::Value;

/// Sends a request and returns the body of the answer. Null as `body` sends no body.
async fn ask(app: &TestApp, method: Method, path: &str, body: Value, expected: u16) -> Value {
    let body = Some(body).filter(|body| !body.is_null());
    app.ask_expecting(method, path, body.as_ref(), expected).await
}

async fn get(app: &TestApp, path: &str) -> Value {
    ask(app, Method::GET, path, Value::Null, 200).await
}

async fn post(app: &TestApp, path: &str, body: Value) -> Value {
    ask(app, Method::POST, path, body, 201).await
}

async fn put(app: &TestApp, path: &str, body: Value) -> Value {
    ask(app, Method::PUT, path, body, 200).await
}

/// A string field of an answer.
fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// One field of every row of a list.
fn column(answer: &Value, list: &str, name: &str) -> Vec<Value> {
    answer[list].as_array().into_iter().flatten().map(|row| row[name].clone()).collect()
}

/// The path of a resource of the example clinic.
fn in_clinic(path: &str) -> String {
    format!("/clinics/{CLINIC}/{path}")
}

/// A day of February 2026. The test clock starts on Monday, the 16th.
fn february(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, day).expect("a day")
}
