//! A proxy in front of the embedded DynamoDB that injects the errors of a real one: throttling,
//! transaction conflicts, internal errors, slow and stale answers.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::relay::{json_response, operation, pass_on};

/// What is wrong with the answer to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `ProvisionedThroughputExceededException`.
    Throttled,
    /// `TransactionConflictException`, or a cancelled transaction with the reason `TransactionConflict`.
    Conflict,
    /// `InternalServerError`, status 500.
    InternalError,
    /// The operation runs, but its answer is delayed by this long.
    Slow(Duration),
    /// A repeated request gets its previous answer again, without the writes since then.
    Stale,
}

/// The running proxy. It stops when this is dropped.
pub struct FaultyDynamoDb {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    target: String,
    client: Client,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    /// Operation, fault, and how many more calls it hits.
    faults: Vec<(&'static str, Fault, usize)>,
    call_counts: BTreeMap<String, usize>,
    /// The last successful answer to each request body.
    answers: HashMap<Bytes, Bytes>,
}

impl FaultyDynamoDb {
    /// Starts in front of an endpoint such as `http://127.0.0.1:8000`.
    pub async fn start(target: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let client = crate::http::client();
        let shared = Arc::new(Shared { target, client, script: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { endpoint, shared, server }
    }

    /// The proxy's URL.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Injects a fault into the next `times` calls of an operation such as `UpdateItem`.
    pub fn inject(&self, operation: &'static str, fault: Fault, times: usize) {
        self.shared.script().faults.push((operation, fault, times));
    }

    /// Removes all injected faults.
    pub fn clear_faults(&self) {
        self.shared.script().faults.clear();
    }

    /// The number of calls per operation since this was last called.
    pub fn take_call_counts(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.shared.script().call_counts)
    }
}

impl Drop for FaultyDynamoDb {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call and takes the fault that it gets, if any.
    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut script = self.script();
        *script.call_counts.entry(operation.to_owned()).or_default() += 1;
        let at = script.faults.iter().position(|(faulty, _, left)| *faulty == operation && *left > 0)?;
        script.faults[at].2 -= 1;
        Some(script.faults[at].1)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = operation(&headers);
    match shared.next_fault(operation) {
        Some(Fault::Throttled) => error_response(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "message": "The level of configured provisioned throughput for the table was exceeded."}),
        ),
        Some(Fault::Conflict) if operation == "TransactWriteItems" => error_response(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
                "CancellationReasons": [{"Code": "TransactionConflict",
                    "Message": "Transaction is ongoing for the item"}]}),
        ),
        Some(Fault::Conflict) => error_response(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "message": "Transaction is ongoing for the item"}),
        ),
        Some(Fault::InternalError) => error_response(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "message": "Internal server error"}),
        ),
        Some(Fault::Slow(delay)) => {
            let response = forward(&shared, &headers, body).await;
            tokio::time::sleep(delay).await;
            response
        }
        Some(Fault::Stale) => {
            let previous = shared.script().answers.get(&body).cloned();
            let nothing = Bytes::from_static(br#"{"Count":0,"Items":[],"ScannedCount":0}"#);
            json_response(StatusCode::OK, previous.unwrap_or(nothing))
        }
        None => forward(&shared, &headers, body).await,
    }
}

async fn forward(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Response {
    let answer = pass_on(&shared.client, &shared.target, headers, body.clone()).await;
    let Some((status, bytes)) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    if status.is_success() {
        shared.script().answers.insert(body, bytes.clone());
    }
    json_response(status, bytes)
}

fn error_response(status: StatusCode, body: &Value) -> Response {
    json_response(status, body.to_string().into())
}
