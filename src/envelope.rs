//! What every answer looks like (contract 1.2).

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::ApiError;

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
        answer(reply.status, Value::Object(reply.body).to_string())
    }
}

/// An answer with the headers that all of them have.
pub(crate) fn answer(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,PUT,OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type,Authorization,x-api-key,Idempotency-Key"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
