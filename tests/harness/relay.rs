//! Passes requests of DynamoDB clients on to a DynamoDB, for the proxies in front of the embedded one.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Client;

/// The headers that a DynamoDB looks at.
const PASSED_HEADERS: [&str; 4] = ["x-amz-target", "content-type", "authorization", "x-amz-date"];

/// The operation that a request asks for, such as `PutItem`.
pub(crate) fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

/// Sends a request on. `None` if there is no complete answer.
pub(crate) async fn pass_on(
    client: &Client,
    target: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Option<(StatusCode, Bytes)> {
    let mut request = client.post(target).body(body);
    for name in PASSED_HEADERS {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.ok()?;
    let status = response.status();
    Some((status, response.bytes().await.ok()?))
}

/// An answer of DynamoDB.
pub(crate) fn json_response(status: StatusCode, body: Bytes) -> Response {
    (status, [("content-type", "application/x-amz-json-1.0")], body).into_response()
}
