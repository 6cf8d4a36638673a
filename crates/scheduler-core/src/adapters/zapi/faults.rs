//! What z-api's refusals mean, and their words without secrets.

use serde_json::Value;

use crate::domain::clinic::Secret;
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

/// Longest part of z-api's words that is kept, in characters.
const DETAIL: usize = 200;
/// Longest word that is kept: anything longer may be a token.
const WORD: usize = 20;

/// The error in an answer of this status, its words free of these secrets and of numbers.
pub(super) fn refusal<'a>(status: u16, body: &Value, secrets: impl Iterator<Item = &'a Secret>) -> SendError {
    let mut words = words(body);
    let kind = kind(status, &words.to_lowercase());
    for secret in secrets.filter(|secret| !secret.expose().is_empty()) {
        words = words.replace(secret.expose(), "***");
    }
    let said = redacted(&words);
    let detail = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") };
    SendError { kind, detail }
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

fn redacted(words: &str) -> String {
    let word = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.chars().count() > WORD || digits >= 6 { "***".to_owned() } else { word.to_owned() }
    };
    let kept = words.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    kept.chars().take(DETAIL).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: u16, error: &str, expected: SendErrorKind) {
        let refused = refusal(status, &json!({ "error": error }), std::iter::empty());
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
    fn words_are_kept_without_tokens_and_numbers() {
        let check = |error: &str, expected: &str| {
            let secrets = [Secret::new("s3cret")];
            let refused = refusal(400, &json!({ "error": error }), secrets.iter());
            assert_eq!(refused.to_string(), expected);
        };
        check("Client-Token s3cret not allowed", "HTTP 400: Client-Token *** not allowed");
        check(
            "Client-Token F1e2d3c4b5a697886950403020 not allowed",
            "HTTP 400: Client-Token *** not allowed",
        );
        check("bad phone 5511999990000", "HTTP 400: bad phone ***");
        check("", "HTTP 400");
    }
}
