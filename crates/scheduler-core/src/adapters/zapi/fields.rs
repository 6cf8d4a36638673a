//! Reads fields of a payload that may be absent or of another type than promised.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use serde_json::Value;

/// Longest id that is taken, in bytes: ids become keys of items.
const ID: usize = 128;

/// A text, or a number written as one. U+0000, which no store takes, is left out.
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
    (!id.is_empty() && id.len() <= ID).then(|| id.to_owned())
}

/// Yes or no, if it is there.
pub(super) fn flag(object: &Value, name: &str) -> Option<bool> {
    object.get(name)?.as_bool()
}

/// Whether something is there under this name; `null` is nothing.
pub(super) fn has(object: &Value, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

/// z-api's `momment`: milliseconds, seconds in some callbacks, nonsense in others. What is before
/// 2015 or more than a day ahead is not believed.
pub(super) fn momment(payload: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let value = payload.get("momment")?.as_i64()?;
    let millis = if value < 100_000_000_000 { value.checked_mul(1000)? } else { value };
    let at = Utc.timestamp_millis_opt(millis).single()?;
    let first = Utc.with_ymd_and_hms(2015, 1, 1, 0, 0, 0).single()?;
    (at >= first && at <= now + TimeDelta::days(1)).then_some(at)
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
