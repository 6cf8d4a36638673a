//! What z-api's refusals mean, in phrases that tell nothing of anybody.

use serde_json::Value;

use crate::ports::whatsapp::{SendError, SendErrorKind};

/// Phrases by which z-api says that the whole instance is at fault, whatever the status code.
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

/// Other phrases of z-api's that are worth reading in a log.
const OTHER_FAULTS: [&str; 3] =
    ["message is empty", "unable to find matching target resource", "internal server error"];

/// The error in an answer of this status. Of z-api's words only the phrases known here are kept:
/// the rest may repeat a token, a phone or what the message said.
pub(super) fn refusal(status: u16, body: &Value) -> SendError {
    let words = words(body).to_lowercase();
    let known = INSTANCE_FAULTS.iter().chain(&OTHER_FAULTS).find(|phrase| words.contains(**phrase));
    let detail = match known {
        Some(phrase) => format!("HTTP {status}: {phrase}"),
        None if words.is_empty() => format!("HTTP {status}"),
        None => format!("HTTP {status}: words that are not known"),
    };
    SendError { kind: kind(status, &words), detail }
}

fn kind(status: u16, words: &str) -> SendErrorKind {
    if matches!(status, 401 | 403) || INSTANCE_FAULTS.iter().any(|fault| words.contains(fault)) {
        SendErrorKind::Instance
    } else if matches!(status, 408 | 425 | 429 | 500..) {
        SendErrorKind::Later
    } else {
        SendErrorKind::Permanent
    }
}

fn words(body: &Value) -> String {
    let said = ["error", "message"].into_iter().filter_map(|field| body.get(field)?.as_str());
    said.collect::<Vec<_>>().join(": ")
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
    fn refusals_are_the_instances_the_moments_or_the_messages_fault() {
        use SendErrorKind::{Instance, Later, Permanent};
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
        check(408, "", Later);
        check(429, "too many", Later);
        check(500, "", Later);
        check(503, "", Later);
    }

    #[test]
    fn only_known_phrases_are_kept() {
        let check = |error: &str, expected: &str| {
            assert_eq!(refusal(400, &json!({ "error": error })).to_string(), expected);
        };
        check("Client-Token s3cret not allowed", "HTTP 400: client-token");
        check("bad phone 5511999990000: oi, sou a Maria", "HTTP 400: words that are not known");
        check("", "HTTP 400");
    }
}
