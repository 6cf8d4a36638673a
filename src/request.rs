//! One call as a handler sees it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use scheduler_core::domain::ids::ClinicId;
use serde_json::Value;

use crate::error::ApiError;
use crate::json_repair::repair_strings;

/// Maximum size of a body, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// One call. Handlers get it after its key or token was checked.
#[derive(Debug)]
pub struct ApiRequest {
    /// The only clinic that the key gives access to; `None` if it gives access to every clinic.
    pub scope: Option<ClinicId>,
    /// The body; `None` if it is empty or not JSON, and for a webhook also if it is over [`MAX_BODY_BYTES`].
    pub body: Option<Value>,
    /// When the call arrived.
    pub now: DateTime<Utc>,
    pub(crate) headers: HeaderMap,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) path: Vec<(&'static str, String)>,
}

impl ApiRequest {
    /// The clinic in the path; 404 if the key does not give access to it.
    pub fn clinic(&self) -> Result<ClinicId, ApiError> {
        let id = ClinicId(self.placeholder("clinicId")?.to_owned());
        // PostgreSQL stores no U+0000, so such a clinic cannot exist.
        if id.as_str().contains('\0') {
            return Err(ApiError::NotFound("Clínica não encontrada."));
        }
        self.require_scope(&id)?;
        Ok(id)
    }

    /// 404, as for an unknown clinic, if the key does not give access to this one.
    pub fn require_scope(&self, clinic: &ClinicId) -> Result<(), ApiError> {
        match &self.scope {
            Some(own) if own != clinic => Err(ApiError::NotFound("Clínica não encontrada.")),
            _ => Ok(()),
        }
    }

    /// 404 if the key gives access to only one clinic.
    pub fn require_access_to_every_clinic(&self) -> Result<(), ApiError> {
        if self.scope.is_some() { Err(ApiError::NotFound("Rota não encontrada.")) } else { Ok(()) }
    }

    /// 403 if the key gives access to only one clinic and the body has any of these fields, whatever their
    /// values.
    pub fn require_access_to_every_clinic_for(&self, fields: &[&'static str]) -> Result<(), ApiError> {
        let Some(Value::Object(body)) = self.body.as_ref().filter(|_| self.scope.is_some()) else {
            return Ok(());
        };
        let given: Vec<_> = fields.iter().copied().filter(|name| body.contains_key(*name)).collect();
        if given.is_empty() { Ok(()) } else { Err(ApiError::ForbiddenFields(given)) }
    }

    /// An id in the path; 404 if it is malformed, as for an unknown id.
    pub fn id<T: std::str::FromStr>(&self, name: &str, missing: &'static str) -> Result<T, ApiError> {
        self.placeholder(name)?.parse().map_err(|_| ApiError::NotFound(missing))
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query, unless it is empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn placeholder(&self, name: &str) -> Result<&str, ApiError> {
        let found = self.path.iter().find(|(placeholder, _)| *placeholder == name);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| ApiError::internal("the path has no such placeholder"))
    }
}

/// Reads a body as JSON; `None` if it is not JSON.
pub(crate) fn read_body(bytes: &[u8]) -> Result<Option<Value>, ApiError> {
    if bytes.len() > MAX_BODY_BYTES {
        Err(ApiError::TooLarge)
    } else {
        Ok(serde_json::from_slice(bytes).ok())
    }
}

/// Reads a webhook's body. If it is not JSON, reads it again with repaired strings: z-api does not send an
/// event again, so a message must not get lost over one character (docs/rules/api.md#webhooks).
pub(crate) fn read_webhook_body(bytes: &[u8]) -> Result<Option<Value>, ApiError> {
    let read = read_body(bytes)?;
    Ok(read.or_else(|| serde_json::from_str(&repair_strings(bytes)).ok()))
}

/// The parameters of a query. If a name is repeated, its first value counts.
pub(crate) fn read_query(query: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        values
            .entry(percent_decode(&name.replace('+', " ")))
            .or_insert_with(|| percent_decode(&value.replace('+', " ")));
    }
    values
}

/// Percent-decodes a part of a URL. Invalid escapes are left unchanged.
pub(crate) fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
