//! A fake of [Lambda's Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), and
//! function binaries that run against it as they do on AWS.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path as InPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::process::memory_kib;

/// Deadline for a start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Deadline for an invocation: the longest timeout that a function is deployed with.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(300);

/// What a function answered to an event, or the error that it reported.
pub type InvocationResult = Result<Value, Value>;

/// A function's binary, running as a Lambda.
pub struct LambdaProcess {
    child: Child,
    startup_time: Duration,
    api: Arc<Api>,
}

struct Api {
    events: mpsc::UnboundedSender<Invocation>,
    waiting: Mutex<mpsc::UnboundedReceiver<Invocation>>,
    /// Invocations without an answer so far, by request id.
    open: std::sync::Mutex<HashMap<String, oneshot::Sender<InvocationResult>>>,
    /// Notified at the first poll.
    polled: std::sync::Mutex<Option<oneshot::Sender<Instant>>>,
}

struct Invocation {
    event: Value,
    answer: oneshot::Sender<InvocationResult>,
}

impl LambdaProcess {
    /// Starts a binary and waits for its first poll. Its environment has only the variables that AWS sets,
    /// and `settings`.
    pub async fn start(binary: &str, settings: &[(&str, String)]) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let (polled, first_poll) = oneshot::channel();
        let api = Arc::new(Api {
            events,
            waiting: Mutex::new(waiting),
            open: std::sync::Mutex::default(),
            polled: std::sync::Mutex::new(Some(polled)),
        });
        let address = serve(api.clone()).await;
        let mut command = command(binary, settings, &address);
        let started = Instant::now();
        let child = command.spawn().expect("the function starts");
        let mut function = Self { child, startup_time: Duration::ZERO, api };
        let at = tokio::time::timeout(START_TIMEOUT, first_poll).await;
        let at = at.unwrap_or_else(|_| panic!("{binary} does not poll for events")).expect("a poll");
        function.startup_time = at - started;
        function
    }

    /// Runs a binary that is expected to fail at its start, and returns its output.
    pub async fn fail_to_start(binary: &str, settings: &[(&str, String)]) -> Output {
        let mut command = command(binary, settings, "127.0.0.1:9");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::process::Command::from(command).kill_on_drop(true).output();
        let output = tokio::time::timeout(START_TIMEOUT, output).await;
        output.unwrap_or_else(|_| panic!("{binary} started")).expect("the binary runs")
    }

    /// From the start of the process to its first poll, including its connections.
    pub fn startup_time(&self) -> Duration {
        self.startup_time
    }

    /// The memory that the process holds now, and the most it has held so far, in KiB.
    pub fn memory(&self) -> (u64, u64) {
        (memory_kib(self.child.id(), "VmRSS:"), memory_kib(self.child.id(), "VmHWM:"))
    }

    /// Sends an event and waits for the answer.
    pub async fn invoke(&self, event: Value) -> InvocationResult {
        let (answer, result) = oneshot::channel();
        self.api.events.send(Invocation { event, answer }).expect("the Runtime API is running");
        tokio::time::timeout(INVOCATION_TIMEOUT, result).await.expect("an answer in time").expect("an answer")
    }
}

impl Drop for LambdaProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The master of the webhooks' tokens in [`store_settings`].
pub const WEBHOOK_MASTER: &str = "test-master";

/// Settings that point a function at these stores and this z-api.
pub fn store_settings(database_url: &str, dynamodb: &str, zapi_url: &str) -> Vec<(&'static str, String)> {
    [
        ("DATABASE_URL", database_url),
        ("RDS_SSL_MODE", "disable"),
        ("CONVERSATION_SESSIONS_TABLE", "sessions"),
        ("MESSAGE_EVENTS_TABLE", "events"),
        ("SCHEDULED_REMINDERS_TABLE", "reminders"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("ZAPI_BASE_URL", zapi_url),
        ("WEBHOOK_TOKEN", WEBHOOK_MASTER),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// A request as API Gateway's REST API passes it to a function (payload format 1.0). A stage appears only in
/// `requestContext`.
pub fn gateway_event(
    method: &str,
    path: &str,
    stage: Option<&str>,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Value {
    let map = |pairs: &[(&str, &str)]| -> Value {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let lists = |pairs: &[(&str, &str)]| -> Value {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!([value])))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut context = json!({
        "accountId": "123456789012",
        "apiId": "abcdef1234",
        "resourceId": "123456",
        "httpMethod": method,
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "protocol": "HTTP/1.1",
        "resourcePath": path,
        "path": stage.map_or_else(|| path.to_owned(), |stage| format!("/{stage}{path}")),
        "identity": { "sourceIp": "203.0.113.7", "userAgent": "test" },
    });
    if let Some(stage) = stage {
        context["stage"] = json!(stage);
    }
    json!({
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": map(headers),
        "multiValueHeaders": lists(headers),
        "queryStringParameters": map(query),
        "multiValueQueryStringParameters": lists(query),
        "pathParameters": {},
        "stageVariables": null,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": false,
    })
}

async fn serve(api: Arc<Api>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
        .with_state(api);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn next(State(api): State<Arc<Api>>) -> (HeaderMap, String) {
    if let Some(polled) = api.polled.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = polled.send(Instant::now());
    }
    let invocation = api.waiting.lock().await.recv().await.expect("the test is still running");
    let id = uuid::Uuid::new_v4().to_string();
    api.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), invocation.answer);
    let deadline = chrono::DateTime::<chrono::Utc>::MAX_UTC.timestamp_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", id.as_str()),
        ("lambda-runtime-deadline-ms", deadline.as_str()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:sa-east-1:123456789012:function:test"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
    ];
    let headers = headers.into_iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
    });
    (headers.collect(), invocation.event.to_string())
}

async fn respond(State(api): State<Arc<Api>>, InPath(id): InPath<String>, body: String) -> StatusCode {
    settle(&api, &id, Ok(serde_json::from_str(&body).unwrap_or_default()))
}

async fn fail(State(api): State<Arc<Api>>, InPath(id): InPath<String>, body: String) -> StatusCode {
    settle(&api, &id, Err(serde_json::from_str(&body).unwrap_or_default()))
}

fn settle(api: &Api, id: &str, result: InvocationResult) -> StatusCode {
    let open = api.open.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    match open.map(|answer| answer.send(result)) {
        Some(_) => StatusCode::ACCEPTED,
        None => StatusCode::NOT_FOUND,
    }
}

fn command(binary: &str, settings: &[(&str, String)], runtime_api: &str) -> Command {
    let mut command = Command::new(binary_path(binary));
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", binary)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/test")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
        .env("AWS_REGION", "sa-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .envs(settings.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The path of a function's binary.
pub fn binary_path(name: &str) -> PathBuf {
    folder().join(name)
}

/// Builds all functions once per test process and returns the folder of their binaries.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let binary = crate::process::build(&["--bins"])
            .iter()
            .filter(|artifact| artifact["target"]["kind"][0] == "bin")
            .find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from))
            .expect("cargo reports the path of a function");
        binary.parent().expect("a folder").to_owned()
    })
}
