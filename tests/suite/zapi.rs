//! z-api: what each webhook means, and what becomes of each answer to a call.

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

fn now() -> DateTime<Utc> {
    "2026-02-14T12:00:00Z".parse().unwrap()
}
