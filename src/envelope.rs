//! The envelope of a success (docs/rules/api.md#envelope).

use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::response::with_headers;

/// A success: status, message and data.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Map<String, Value>,
}

impl Reply {
    /// 200 with a message.
    pub fn ok(message: &str) -> Self {
        Self::of(StatusCode::OK, message)
    }

    /// 201 with a message.
    pub fn created(message: &str) -> Self {
        Self::of(StatusCode::CREATED, message)
    }

    /// 202 with a message.
    pub fn accepted(message: &str) -> Self {
        Self::of(StatusCode::ACCEPTED, message)
    }

    /// Adds data under a name.
    pub fn with(mut self, name: &str, data: impl Serialize) -> Result<Self, ApiError> {
        let data = serde_json::to_value(data).map_err(|error| ApiError::internal(error.to_string()))?;
        self.body.insert(name.to_owned(), data);
        Ok(self)
    }

    fn of(status: StatusCode, message: &str) -> Self {
        let body = [("status", "SUCCESS"), ("message", message)];
        Self { status, body: body.map(|(name, text)| (name.to_owned(), text.into())).into_iter().collect() }
    }
}

impl From<Reply> for Response<String> {
    fn from(reply: Reply) -> Self {
        with_headers(reply.status, Value::Object(reply.body).to_string())
    }
}
