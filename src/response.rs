//! The headers of every response.

use http::{HeaderValue, Response, StatusCode, header};

/// A response with this body and the headers that every response has.
pub(crate) fn with_headers(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,PUT,OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type,Authorization,x-api-key,Idempotency-Key"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
