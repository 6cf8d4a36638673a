//! The z-api adapter: how webhooks are read, and how answers to calls are classified.

mod not_text;
mod reading;
mod sending;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde_json::Value;

const PATIENT: &str = "5511999990000";

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mocks/zapi")
}

pub(crate) fn fixture(name: &str) -> Value {
    let path = fixtures().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// All payloads in `mocks/zapi`, sorted by file name.
pub(crate) fn payloads() -> Vec<Value> {
    let files = std::fs::read_dir(fixtures()).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// Collects the JSON pointers of all values in a payload.
pub(crate) fn walk(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, format!("{place}/{name}"), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| walk(value, format!("{place}/{n}"), places));
        }
        _ => {}
    }
    places.push(place);
}

fn now() -> DateTime<Utc> {
    "2026-02-14T12:00:00Z".parse().unwrap()
}
