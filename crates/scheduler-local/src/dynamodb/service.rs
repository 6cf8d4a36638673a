//! DynamoDB's protocol over HTTP: a header names the operation, bodies are JSON.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use scheduler_dynamodb::{DynamoDb, Failure};
use uuid::Uuid;

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const TARGET_PREFIXES: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
const UNKNOWN_OPERATION: &str = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;
const INTERNAL_ERROR: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"see the log"}"#;
/// DynamoDB's limit.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Answers POST `/` with the result of an operation, and GET `/` with the state of the server.
pub(super) fn router(engine: Arc<DynamoDb>) -> Router {
    Router::new().route("/", any(answer)).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).with_state(engine)
}

async fn answer(
    State(engine): State<Arc<DynamoDb>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    match method {
        Method::GET => "healthy: embedded DynamoDB\n".into_response(),
        Method::POST if is_json(&headers) => run(engine, &uri, &headers, body).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Runs the operation on a thread of its own, because it blocks.
async fn run(engine: Arc<DynamoDb>, uri: &Uri, headers: &HeaderMap, body: String) -> Response {
    let Some(operation) = operation(headers) else {
        return json_response(StatusCode::BAD_REQUEST, UNKNOWN_OPERATION);
    };
    let missing = DynamoDb::missing_signature(
        text(headers, "authorization"),
        uri.query().unwrap_or_default(),
        headers.contains_key("x-amz-date") || headers.contains_key("date"),
    );
    if let Some(missing) = missing {
        return json_response(StatusCode::BAD_REQUEST, missing);
    }
    let name = operation.clone();
    match tokio::task::spawn_blocking(move || engine.run(&operation, &body)).await {
        Ok(Some(Ok(answer))) => json_response(StatusCode::OK, answer),
        Ok(Some(Err(failure))) => failure_response(&name, failure),
        Ok(None) => json_response(StatusCode::BAD_REQUEST, UNKNOWN_OPERATION),
        Err(error) => {
            tracing::error!(
                step = "dynamodb",
                operation = name.as_str(),
                panicked = error.is_panic(),
                "the embedded DynamoDB ended an operation without an answer"
            );
            json_response(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR)
        }
    }
}

/// The operation that the header `x-amz-target` names, such as `PutItem` for `DynamoDB_20120810.PutItem`.
fn operation(headers: &HeaderMap) -> Option<String> {
    let target = text(headers, "x-amz-target")?;
    TARGET_PREFIXES.iter().find_map(|prefix| target.strip_prefix(*prefix)).map(str::to_owned)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = text(headers, "content-type").and_then(|kind| kind.split(';').next());
    let is = |expected: &str| kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected));
    is(CONTENT_TYPE) || is("application/json")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn failure_response(operation: &str, failure: Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::error!(step = "dynamodb", operation, error = %failure, "the embedded DynamoDB failed");
    }
    json_response(status, failure.body)
}

fn json_response(status: StatusCode, body: impl Into<String>) -> Response {
    let headers = [
        ("content-type", CONTENT_TYPE.to_owned()),
        ("x-amzn-requestid", Uuid::new_v4().simple().to_string()),
    ];
    (status, headers, body.into()).into_response()
}
