//! Checks API keys and the webhooks' tokens. Secrets are compared by their digests, in constant time.

use scheduler_core::config::ApiKey;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::webhook_url::WebhookMasters;
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
    /// Callers with the token of the z-api instance that the body names (docs/rules/api.md#webhooks).
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

/// Which token a webhook needs.
#[derive(Debug, Clone)]
pub enum WebhookToken {
    /// The token of its instance, as `?token=`.
    Required {
        /// The secrets from which the tokens are made.
        masters: WebhookMasters,
        /// Whether a master is accepted too, while the instances get tokens of their own.
        accepts_master: bool,
    },
    /// Every call is accepted. Local server only.
    NotRequired,
}

/// Why a webhook was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// No token is required.
    WithoutToken,
    /// The token is the instance's own.
    ByInstance,
    /// The token is a master.
    ByMaster,
}

impl WebhookToken {
    /// Checks the token that a webhook of this instance carries.
    pub(crate) fn check(&self, given: &str, instance_id: Option<&str>) -> Result<Accepted, ApiError> {
        let Self::Required { masters, accepts_master } = self else { return Ok(Accepted::WithoutToken) };
        let instance_id = instance_id.ok_or(ApiError::Unauthorized)?;
        // Compare with every secret, so that the time does not reveal which one matched.
        let by_instance = any_matches(given, masters.tokens_of(instance_id));
        let by_master = any_matches(given, masters.all().cloned());
        if bool::from(by_instance) {
            Ok(Accepted::ByInstance)
        } else if *accepts_master && bool::from(by_master) {
            Ok(Accepted::ByMaster)
        } else {
            Err(ApiError::Unauthorized)
        }
    }
}

fn bearer(request: &ApiRequest) -> Option<&str> {
    let (scheme, key) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn any_matches(given: &str, secrets: impl Iterator<Item = Secret>) -> Choice {
    secrets.fold(Choice::from(0_u8), |found, secret| found | digests_match(given, secret.expose()))
}

fn digests_match(given: &str, expected: &str) -> Choice {
    Sha256::digest(given.as_bytes()).as_slice().ct_eq(Sha256::digest(expected.as_bytes()).as_slice())
}
