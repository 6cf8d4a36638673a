//! Who is calling: keys and tokens, compared in constant time over their digests.

use scheduler_core::config::ApiKey;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::ClinicId;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;
use crate::request::Call;

/// Finds the caller's key (contract 1.3) and what it may touch: one clinic, or every one. A key in
/// the body is taken out of it.
pub(crate) fn scope_of(call: &mut Call, keys: &[ApiKey]) -> Result<Option<ClinicId>, ApiError> {
    let in_body = match &mut call.body {
        Some(Value::Object(fields)) => fields.remove("api_key"),
        _ => None,
    };
    let given = bearer(call)
        .or_else(|| call.header("x-api-key"))
        .or_else(|| call.query("api_key"))
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

/// Lets a webhook in that knows the token, where there is one.
pub(crate) fn check_token(call: &Call, token: Option<&Secret>) -> Result<(), ApiError> {
    let Some(token) = token else { return Ok(()) };
    let given = call.query("token").unwrap_or_default();
    if bool::from(same(given, token.expose())) { Ok(()) } else { Err(ApiError::Unauthorized) }
}

fn bearer(call: &Call) -> Option<&str> {
    let (scheme, key) = call.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn same(given: &str, right: &str) -> Choice {
    Sha256::digest(given.as_bytes()).as_slice().ct_eq(Sha256::digest(right.as_bytes()).as_slice())
}
