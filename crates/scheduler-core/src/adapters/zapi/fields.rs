//! Reads fields of a payload that may be absent or of another type than documented.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use serde_json::Value;

/// Maximum bytes of an id, because ids become parts of DynamoDB keys.
const MAX_ID_BYTES: usize = 128;

/// A string, or a number as a string. U+0000 is removed (docs/rules/security.md#names-and-texts).
pub(super) fn text(object: &Value, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.replace('\0', "")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An id: trimmed, not empty, and short enough for a key.
pub(super) fn id(object: &Value, name: &str) -> Option<String> {
    let text = text(object, name)?;
    let id = text.trim();
    (!id.is_empty() && id.len() <= MAX_ID_BYTES).then(|| id.to_owned())
}

/// A boolean; `None` if it is absent or of another type.
pub(super) fn flag(object: &Value, name: &str) -> Option<bool> {
    object.get(name)?.as_bool()
}

/// Whether a field is present and not `null`.
pub(super) fn has(object: &Value, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

/// z-api's time `momment`, in milliseconds. Some callbacks send seconds, others a meaningless number: `None`
/// for times before 2015 or more than a day ahead.
pub(super) fn momment(payload: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let value = payload.get("momment")?.as_i64()?;
    let millis = if value < 100_000_000_000 { value.checked_mul(1000)? } else { value };
    let at = Utc.timestamp_millis_opt(millis).single()?;
    let earliest = Utc.with_ymd_and_hms(2015, 1, 1, 0, 0, 0).single()?;
    (at >= earliest && at <= now + TimeDelta::days(1)).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn momment_is_read_in_milliseconds_and_in_seconds() {
        let now = "2026-02-14T12:00:00Z".parse().unwrap();
        let check = |momment: Value, expected: Option<&str>| {
            let at = super::momment(&json!({ "momment": momment }), now);
            assert_eq!(at, expected.map(|at| at.parse().unwrap()), "{momment}");
        };
        check(json!(1_632_228_638_000_i64), Some("2021-09-21T12:50:38Z"));
        check(json!(1_632_228_638), Some("2021-09-21T12:50:38Z"));
        check(json!(26_151_515_154_i64), None);
        check(json!(1_163_342), None);
        check(json!(-5), None);
        check(json!(i64::MAX), None);
        check(json!(u64::MAX), None);
        check(json!("1632228638000"), None);
        check(json!(null), None);
    }

    #[test]
    fn fields_of_another_type_are_absent() {
        let payload = json!({ "a": " x ", "b": 5, "c": ["x"], "d": "  ", "e": "x".repeat(200), "f": "a\0b" });
        assert_eq!(id(&payload, "a").as_deref(), Some("x"));
        assert_eq!(id(&payload, "b").as_deref(), Some("5"));
        assert_eq!(id(&payload, "c"), None);
        assert_eq!(id(&payload, "d"), None);
        assert_eq!(id(&payload, "e"), None);
        assert_eq!(text(&payload, "f").as_deref(), Some("ab"));
        assert_eq!(flag(&payload, "a"), None);
        assert_eq!(id(&json!("no object"), "a"), None);
    }
}
