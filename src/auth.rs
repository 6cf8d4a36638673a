//! Checks API keys and the webhook token. Secrets are compared by their digests, in constant time.

use scheduler_core::config::ApiKey;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::ClinicId;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;
use crate::request::ApiRequest;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Callers with an API key (docs/rules/api.md#keys).
    Key,
    /// Callers with the webhook token.
    Token,
}

/// Checks the caller's key (docs/rules/api.md#keys) and returns the clinic that it gives access to, or `None`
/// if it gives access to every clinic. Removes `api_key` from the body, so that it does not count as an
/// unknown field.
pub(crate) fn scope_of(request: &mut ApiRequest, keys: &[ApiKey]) -> Result<Option<ClinicId>, ApiError> {
    let in_body = match &mut request.body {
        Some(Value::Object(fields)) => fields.remove("api_key"),
        _ => None,
    };
    let given = bearer(request)
        .or_else(|| request.header("x-api-key"))
        .or_else(|| request.query("api_key"))
        .or_else(|| in_body.as_ref().and_then(Value::as_str))
        .ok_or(ApiError::Unauthorized)?;
    // Compare every key, so that the time does not reveal which one matched.
    let mut matching = None;
    for key in keys {
        if bool::from(digests_match(given, key.key.expose())) {
            matching = Some(key.clinic.clone());
        }
    }
    matching.ok_or(ApiError::Unauthorized)
}

/// The secret in the webhooks' URLs.
#[derive(Debug, Clone)]
pub enum WebhookToken {
    /// Webhooks carry it as `?token=`.
    Required(Secret),
    /// Every call is accepted. Local server only.
    NotRequired,
}

impl WebhookToken {
    pub(crate) fn check(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let Self::Required(token) = self else { return Ok(()) };
        let given = request.query("token").unwrap_or_default();
        if bool::from(digests_match(given, token.expose())) { Ok(()) } else { Err(ApiError::Unauthorized) }
    }
}

fn bearer(request: &ApiRequest) -> Option<&str> {
    let (scheme, key) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn digests_match(given: &str, expected: &str) -> Choice {
    Sha256::digest(given.as_bytes()).as_slice().ct_eq(Sha256::digest(expected.as_bytes()).as_slice())
}
