//! One call as a handler sees it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use scheduler_core::domain::ids::ClinicId;
use serde_json::Value;

use crate::error::ApiError;

/// The largest body that is read.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// One call, its caller known.
#[derive(Debug)]
pub struct ApiRequest {
    /// The clinic whose key it came with; none for a key to every clinic.
    pub scope: Option<ClinicId>,
    /// The body; `None` if there is none, or it is no JSON.
    pub body: Option<Value>,
    /// When it came.
    pub now: DateTime<Utc>,
    pub(crate) headers: HeaderMap,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) path: Vec<(&'static str, String)>,
}

impl ApiRequest {
    /// The clinic of the path, if this key may touch it; 404 otherwise.
    pub fn clinic(&self) -> Result<ClinicId, ApiError> {
        let id = ClinicId(self.placeholder("clinicId")?.to_owned());
        // PostgreSQL takes no U+0000, and so no clinic has one.
        if id.as_str().contains('\0') {
            return Err(ApiError::NotFound("Clínica não encontrada."));
        }
        self.in_scope(&id)?;
        Ok(id)
    }

    /// 404 for a clinic that this key may not touch, as if it were not there.
    pub fn in_scope(&self, clinic: &ClinicId) -> Result<(), ApiError> {
        match &self.scope {
            Some(own) if own != clinic => Err(ApiError::NotFound("Clínica não encontrada.")),
            _ => Ok(()),
        }
    }

    /// 404 for a key to one clinic alone: to it there are no others.
    pub fn every_clinic(&self) -> Result<(), ApiError> {
        if self.scope.is_some() { Err(ApiError::NotFound("Rota não encontrada.")) } else { Ok(()) }
    }

    /// An id of the path; what is no id is not there either.
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
        found.map(|(_, value)| value.as_str()).ok_or_else(|| ApiError::internal("no such placeholder"))
    }
}

/// Reads a body as JSON; `None` if it is not JSON.
pub(crate) fn read_body(bytes: &[u8]) -> Result<Option<Value>, ApiError> {
    if bytes.len() > LARGEST_BODY { Err(ApiError::TooLarge) } else { Ok(serde_json::from_slice(bytes).ok()) }
}

/// The parameters of a query; the first of a name counts.
pub(crate) fn read_query(query: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        values.entry(decoded(&name.replace('+', " "))).or_insert_with(|| decoded(&value.replace('+', " ")));
    }
    values
}

/// Percent-decodes a part of a URL; what is no such code stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
