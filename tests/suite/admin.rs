//! The clinic's desk over HTTP, on a real database.

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
use scheduler_tests::{CLINIC, Product};
use serde_json::Value;

/// The answer to a request with the key to every clinic, after a look at its status.
async fn ask(product: &Product, method: Method, path: &str, body: Value, expected: u16) -> Value {
    let shown = format!("{method} {path} {body}");
    let body = Some(body).filter(|body| !body.is_null());
    let answered = product.ask(method, path, body.as_ref()).await;
    assert_eq!(answered.status, expected, "{shown}: {}", answered.body);
    answered.body
}

async fn get(product: &Product, path: &str) -> Value {
    ask(product, Method::GET, path, Value::Null, 200).await
}

async fn post(product: &Product, path: &str, body: Value) -> Value {
    ask(product, Method::POST, path, body, 201).await
}

async fn put(product: &Product, path: &str, body: Value) -> Value {
    ask(product, Method::PUT, path, body, 200).await
}

/// The fields that an answer of 400 names.
fn fields(answer: &Value) -> Vec<&str> {
    answer["errors"].as_array().into_iter().flatten().filter_map(|fault| fault["field"].as_str()).collect()
}

/// A text of an answer.
fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// One column of the rows of a list.
fn column(answer: &Value, list: &str, name: &str) -> Vec<Value> {
    answer[list].as_array().into_iter().flatten().map(|row| row[name].clone()).collect()
}

/// A path below the example clinic.
fn below(path: &str) -> String {
    format!("/clinics/{CLINIC}/{path}")
}

/// A day of the week in which the tests' clock stands still on Monday, the 16th of February 2026.
fn february(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, day).expect("a day")
}
