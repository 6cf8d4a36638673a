//! A DynamoDB on a bad day: answers as Amazon's does when it throttles, conflicts or fails, which an
//! embedded one never does, and passes everything else on.

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

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// More was asked than the table is given.
    Throttled,
    /// Another transaction has the item.
    Conflict,
    /// DynamoDB's own fault.
    Broken,
    /// It is done, and the answer comes only after this long.
    Slow(Duration),
    /// The same question as before gets the same answer as before, whatever was written since.
    Stale,
}

/// The running stand-in. It ends when this is dropped.
pub struct BadDynamoDb {
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
    faults: Vec<(&'static str, Fault, usize)>,
    asked: BTreeMap<String, usize>,
    answers: HashMap<Bytes, Bytes>,
}

impl BadDynamoDb {
    /// In front of an endpoint such as `http://127.0.0.1:8000`.
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

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// An operation such as `UpdateItem` goes wrong so often, then right again.
    pub fn fails(&self, operation: &'static str, fault: Fault, times: usize) {
        self.shared.script().faults.push((operation, fault, times));
    }

    /// Everything goes right again.
    pub fn heals(&self) {
        self.shared.script().faults.clear();
    }

    /// How often each operation was asked since the last call.
    pub fn take_asked(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.shared.script().asked)
    }
}

impl Drop for BadDynamoDb {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault that this call meets, and one less to come.
    fn fault(&self, operation: &str) -> Option<Fault> {
        let mut script = self.script();
        *script.asked.entry(operation.to_owned()).or_default() += 1;
        let at = script.faults.iter().position(|(failing, _, left)| *failing == operation && *left > 0)?;
        script.faults[at].2 -= 1;
        Some(script.faults[at].1)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    match shared.fault(operation) {
        Some(Fault::Throttled) => refusal(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "message": "The level of configured provisioned throughput for the table was exceeded."}),
        ),
        Some(Fault::Conflict) if operation == "TransactWriteItems" => refusal(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
                "CancellationReasons": [{"Code": "TransactionConflict",
                    "Message": "Transaction is ongoing for the item"}]}),
        ),
        Some(Fault::Conflict) => refusal(
            StatusCode::BAD_REQUEST,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "message": "Transaction is ongoing for the item"}),
        ),
        Some(Fault::Broken) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "message": "Internal server error"}),
        ),
        Some(Fault::Slow(delay)) => {
            let answered = pass_on(&shared, &headers, body).await;
            tokio::time::sleep(delay).await;
            answered
        }
        Some(Fault::Stale) => {
            let before = shared.script().answers.get(&body).cloned();
            match before {
                Some(before) => (json_headers(), before).into_response(),
                None => (json_headers(), r#"{"Count":0,"Items":[],"ScannedCount":0}"#).into_response(),
            }
        }
        None => pass_on(&shared, &headers, body).await,
    }
}

async fn pass_on(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Response {
    let mut request = shared.client.post(&shared.target).body(body.clone());
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answered = match request.send().await {
        Ok(answered) => (answered.status(), answered.bytes().await),
        Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
    };
    let (status, Ok(bytes)) = answered else { return StatusCode::BAD_GATEWAY.into_response() };
    if status.is_success() {
        shared.script().answers.insert(body, bytes.clone());
    }
    (status, json_headers(), bytes).into_response()
}

fn refusal(status: StatusCode, body: &Value) -> Response {
    (status, json_headers(), body.to_string()).into_response()
}

fn json_headers() -> [(&'static str, &'static str); 1] {
    [("content-type", "application/x-amz-json-1.0")]
}
