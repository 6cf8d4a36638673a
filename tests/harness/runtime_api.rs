//! A stand-in for Lambda's Runtime API, and functions started under it as AWS starts them
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

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

/// A started function does something within this time, or the test fails.
const AT_MOST: Duration = Duration::from_secs(30);

/// What a function answered an event with; an error is what it reported as one.
pub type Outcome = Result<Value, Value>;

/// One function running as a Lambda.
pub struct Function {
    child: Child,
    to_first_poll: Duration,
    api: Arc<Api>,
}

struct Api {
    events: mpsc::UnboundedSender<Invocation>,
    waiting: Mutex<mpsc::UnboundedReceiver<Invocation>>,
    open: std::sync::Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    polled: std::sync::Mutex<Option<oneshot::Sender<Instant>>>,
}

struct Invocation {
    event: Value,
    answer: oneshot::Sender<Outcome>,
}

impl Function {
    /// Starts a binary with nothing in its environment but what AWS gives and `settings`, and waits
    /// until it asks for its first event.
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
        let mut function = Self { child, to_first_poll: Duration::ZERO, api };
        let at = tokio::time::timeout(AT_MOST, first_poll).await;
        let at = at.unwrap_or_else(|_| panic!("{binary} does not ask for events")).expect("a poll");
        function.to_first_poll = at - started;
        function
    }

    /// Runs a binary that cannot start to its end.
    pub async fn fail_to_start(binary: &str, settings: &[(&str, String)]) -> Output {
        let mut command = command(binary, settings, "127.0.0.1:9");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = tokio::process::Command::from(command).kill_on_drop(true).output();
        let ended = tokio::time::timeout(AT_MOST, ended).await;
        ended.unwrap_or_else(|_| panic!("{binary} started")).expect("the function starts")
    }

    /// From the process's start to its first poll, its connections made.
    pub fn to_first_poll(&self) -> Duration {
        self.to_first_poll
    }

    /// What its process holds in memory now, and the most it has held, in KiB.
    pub fn memory(&self) -> (u64, u64) {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux tells");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            figure.unwrap_or_else(|| panic!("no {name} in {status}"))
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Gives it an event and waits for what it answers.
    pub async fn invoke(&self, event: Value) -> Outcome {
        let (answer, answered) = oneshot::channel();
        self.api.events.send(Invocation { event, answer }).expect("the stand-in is there");
        tokio::time::timeout(AT_MOST, answered).await.expect("an answer in time").expect("an answer")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request as API Gateway's REST API gives it to a function (payload format 1.0). With a stage
/// it is `requestContext` that tells it.
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
    let invocation = api.waiting.lock().await.recv().await.expect("the test goes on");
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

fn settle(api: &Api, id: &str, outcome: Outcome) -> StatusCode {
    let open = api.open.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    match open.map(|answer| answer.send(outcome)) {
        Some(_) => StatusCode::ACCEPTED,
        None => StatusCode::NOT_FOUND,
    }
}

fn command(binary: &str, settings: &[(&str, String)], runtime_api: &str) -> Command {
    let mut command = Command::new(folder().join(binary));
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

/// Builds the functions, once, and answers where they are. With the test that is running, which is
/// there already: without it the workspace has other features, and every dependency is compiled again.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--bins", "--test", "suite"])
            .arg("--message-format=json-render-diagnostics")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "the functions do not compile");
        let made = String::from_utf8_lossy(&built.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|made| made["target"]["kind"][0] == "bin")
            .find_map(|made| made["executable"].as_str().map(PathBuf::from))
            .expect("cargo says where the functions are");
        made.parent().expect("a folder").to_owned()
    })
}
