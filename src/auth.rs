//! Who is calling: keys and tokens, compared in constant time over their digests.

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

/// Finds the caller's key (docs/rules/api.md#keys) and what it may touch: one clinic, or every one. A key in
/// the body is taken out of it.
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
    // Every key is compared, whichever fits: the time tells nothing.
    let mut fitting = None;
    for key in keys {
        if bool::from(same(given, key.key.expose())) {
            fitting = Some(key.clinic.clone());
        }
    }
    fitting.ok_or(ApiError::Unauthorized)
}

/// The secret in the webhooks' URLs.
#[derive(Debug, Clone)]
pub enum WebhookToken {
    /// Webhooks carry it as `?token=`.
    Required(Secret),
    /// Everybody may call: only on a local server.
    NotRequired,
}

impl WebhookToken {
    pub(crate) fn check(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let Self::Required(token) = self else { return Ok(()) };
        let given = request.query("token").unwrap_or_default();
        if bool::from(same(given, token.expose())) { Ok(()) } else { Err(ApiError::Unauthorized) }
    }
}

fn bearer(request: &ApiRequest) -> Option<&str> {
    let (scheme, key) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn same(given: &str, right: &str) -> Choice {
    Sha256::digest(given.as_bytes()).as_slice().ct_eq(Sha256::digest(right.as_bytes()).as_slice())
}
