//! Classifies z-api's refusals, and describes them without personal data or tokens.

use serde_json::Value;

use crate::ports::whatsapp::{SendError, SendErrorKind};

/// Phrases with which z-api reports a fault of the whole instance, under any status code.
const INSTANCE_FAULTS: [&str; 8] = [
    "client-token",
    "not allowed",
    "must subscribe to this instance",
    "restore a session",
    "restore the session",
    "instance not found",
    "you are not connected",
    "device has been disconnected",
];

/// Other phrases of z-api that are kept for the log.
const OTHER_FAULTS: [&str; 3] =
    ["message is empty", "unable to find matching target resource", "internal server error"];

/// The error for an answer with this status. Of z-api's text only known phrases are kept, because the rest
/// may quote a token, a phone or the message (docs/rules/security.md#logs).
pub(super) fn refusal(status: u16, body: &Value) -> SendError {
    let text = error_text(body).to_lowercase();
    let known = INSTANCE_FAULTS.iter().chain(&OTHER_FAULTS).find(|phrase| text.contains(**phrase));
    let detail = match known {
        Some(phrase) => format!("HTTP {status}: {phrase}"),
        None if text.is_empty() => format!("HTTP {status}"),
        None => format!("HTTP {status}: unknown reason"),
    };
    SendError { kind: kind(status, &text), detail }
}

fn kind(status: u16, text: &str) -> SendErrorKind {
    if matches!(status, 401 | 403) || INSTANCE_FAULTS.iter().any(|fault| text.contains(fault)) {
        SendErrorKind::Instance
    } else if matches!(status, 408 | 425 | 429 | 500..) {
        SendErrorKind::Retryable
    } else {
        SendErrorKind::Permanent
    }
}

fn error_text(body: &Value) -> String {
    let texts = ["error", "message"].into_iter().filter_map(|field| body.get(field)?.as_str());
    texts.collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: u16, error: &str, expected: SendErrorKind) {
        let refused = refusal(status, &json!({ "error": error }));
        assert_eq!(refused.kind, expected, "{status} {error}");
    }

    #[test]
    fn refusals_are_classified_by_status_and_text() {
        use SendErrorKind::{Instance, Permanent, Retryable};
        check(400, "your client-token is not configured", Instance);
        check(403, "Client-Token ABC not allowed", Instance);
        check(403, "", Instance);
        check(200, "null not allowed", Instance);
        check(400, "To continue sending a message, you must subscribe to this instance again", Instance);
        check(
            400,
            "It was not possible to restore a session with the current token, please login again",
            Instance,
        );
        check(404, "Instance not found", Instance);
        check(200, "Instance not found", Instance);
        check(200, "NOT_FOUND", Permanent);
        check(200, "", Permanent);
        check(301, "", Permanent);
        check(400, "message is empty", Permanent);
        check(405, "", Permanent);
        check(415, "", Permanent);
        check(408, "", Retryable);
        check(429, "too many", Retryable);
        check(500, "", Retryable);
        check(503, "", Retryable);
    }

    #[test]
    fn only_known_phrases_are_kept() {
        let check = |error: &str, expected: &str| {
            assert_eq!(refusal(400, &json!({ "error": error })).to_string(), expected);
        };
        check("Client-Token s3cret not allowed", "HTTP 400: client-token");
        check("bad phone 5511999990000: oi, sou a Maria", "HTTP 400: unknown reason");
        check("", "HTTP 400");
    }
}
