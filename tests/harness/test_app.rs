//! The whole app over HTTP: the local server with stores and a fake z-api server that belong to the test.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use reqwest::{Client, Method};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::ports::Clock;
use scheduler_core::webhook_url::{WEBHOOK_PATH, WebhookMasters};
use scheduler_local::fake_zapi::FakeZapi;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::TestClock;
use crate::database::{TestDatabase, database};
use crate::http::{HttpResponse, KEY, ask, ask_with, client};
use crate::patient::Patient;
use crate::process::Process;

/// The id of the example clinic.
pub const CLINIC: &str = "laser-beauty-sp";

/// How the app is started.
#[derive(Debug, Clone)]
pub struct TestConfig {
    /// `DATABASE_URL`; by default the URL of the test database.
    pub database_url: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`; by default the server's embedded DynamoDB, kept in its folder.
    pub dynamodb: Option<String>,
    /// `ALLOWED_PHONES`
    pub allowed_phones: &'static str,
    /// `WEBHOOK_TOKEN`
    pub webhook_token: Option<&'static str>,
    /// `SCHEDULER_API_KEY`; must contain [`KEY`].
    pub keys: &'static str,
    /// Whether the clock starts at [`crate::clock::MONDAY`] and moves only when the test moves it.
    pub frozen_clock: bool,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self {
            database_url: None,
            dynamodb: None,
            allowed_phones: "*",
            webhook_token: None,
            keys: KEY,
            frozen_clock: true,
        }
    }
}

/// The running app.
pub struct TestApp {
    /// The PostgreSQL database.
    pub database: TestDatabase,
    /// The fake z-api server.
    pub zapi: FakeZapi,
    /// The server's time while its clock is frozen.
    pub clock: Arc<TestClock>,
    server: Process,
    client: Client,
    config: TestConfig,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    message: AtomicU64,
}

impl TestApp {
    /// Starts with the default configuration.
    pub async fn start() -> Self {
        Self::with(TestConfig::default()).await
    }

    /// Starts with another configuration.
    pub async fn with(config: TestConfig) -> Self {
        Self::on(database().await, config).await
    }

    /// Starts on an existing database.
    pub async fn on(database: TestDatabase, config: TestConfig) -> Self {
        let clock = Arc::new(TestClock::new());
        let zapi = FakeZapi::start(clock.clone()).await.expect("a port for z-api");
        let folder = TempDir::new().expect("a folder");
        let server = spawn(folder.path(), &database, &zapi, &config, &[], None).await;
        let message = AtomicU64::new(0);
        let app = Self {
            database,
            zapi,
            clock,
            server,
            client: client(),
            config,
            environment: Vec::new(),
            folder,
            message,
        };
        app.set_clock().await;
        app
    }

    /// Sets an environment variable for the next [`Self::restart`].
    pub fn set_env(&mut self, name: &'static str, value: String) {
        self.environment.push((name, value));
    }

    /// Kills the server and starts it again; the stores and z-api keep running. The new process exits at the
    /// failpoint, if one is given (`docs/rules/data.md#failpoints`).
    pub async fn restart(&mut self, failpoint: Option<&str>) {
        self.server.kill();
        self.server =
            spawn(self.folder.path(), &self.database, &self.zapi, &self.config, &self.environment, failpoint)
                .await;
        self.set_clock().await;
    }

    /// Moves the server's clock forward. A running clock is frozen first.
    pub async fn advance_clock(&mut self, time: TimeDelta) {
        if !self.config.frozen_clock {
            self.clock.set(SystemClock.now());
            self.config.frozen_clock = true;
        }
        self.clock.advance(time);
        self.set_clock().await;
    }

    async fn set_clock(&self) {
        if self.config.frozen_clock {
            let now = json!({ "now": self.clock.now() });
            self.ask_expecting(Method::PUT, "/_local/clock", Some(&now), 200).await;
        }
    }

    /// The server's current time.
    pub fn now(&self) -> DateTime<Utc> {
        if self.config.frozen_clock { self.clock.now() } else { SystemClock.now() }
    }

    /// Everything that the server has written to its log.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// The server process.
    pub fn server(&mut self) -> &mut Process {
        &mut self.server
    }

    /// Sends a request with the default key. Panics if the connection fails.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> HttpResponse {
        self.try_ask(method, path, body).await.expect("an answer")
    }

    /// Sends a request with the default key and returns the body. Panics unless the answer has this status.
    pub async fn ask_expecting(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        status: u16,
    ) -> Value {
        let response = self.ask(method.clone(), path, body).await;
        let sent = body.map(Value::to_string).unwrap_or_default();
        assert_eq!(response.status, status, "{method} {path} {sent}: {}", response.body);
        response.body
    }

    /// Sends a request with the default key. An error means that the connection failed.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<HttpResponse, reqwest::Error> {
        ask(&self.client, method, &self.url(path), body).await
    }

    /// Sends a request with another key, or without a key.
    pub async fn ask_with(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> HttpResponse {
        ask_with(&self.client, key, method, &self.url(path), body).await.expect("an answer")
    }

    /// The full URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }

    /// The HTTP client for this app.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Posts a webhook as z-api does. Panics if the connection fails.
    pub async fn webhook(&self, body: &Value) -> HttpResponse {
        self.try_webhook(body).await.expect("an answer")
    }

    /// Posts a webhook with the token of its instance. An error means that the connection failed.
    pub async fn try_webhook(&self, body: &Value) -> Result<HttpResponse, reqwest::Error> {
        let masters = self.config.webhook_token.and_then(WebhookMasters::parse);
        let instance = body["instanceId"].as_str().unwrap_or_default();
        let token = masters.map(|masters| format!("?token={}", masters.token_of(instance).expose()));
        let path = format!("{WEBHOOK_PATH}{}", token.unwrap_or_default());
        self.try_ask(Method::POST, &path, Some(body)).await
    }

    /// A new number for each message.
    pub(crate) fn next_message(&self) -> u64 {
        self.message.fetch_add(1, Ordering::Relaxed)
    }

    /// A patient with this phone number (or `…@lid`) and profile name.
    pub fn patient<'a>(&'a self, phone: &str, name: &str) -> Patient<'a> {
        Patient::new(self, phone, name)
    }

    /// Session, history and reminders of one patient: `{"session", "events", "reminders"}`.
    pub async fn chat(&self, phone: &str) -> Value {
        let phone = phone.replace('@', "%40");
        let path = format!("/_local/chats/{phone}?clinicId={CLINIC}");
        self.ask_expecting(Method::GET, &path, None, 200).await
    }

    /// The stored state of a chat, such as `MAIN_MENU`.
    pub async fn state(&self, phone: &str) -> String {
        let chat = self.chat(phone).await;
        chat["session"]["currentState"].as_str().unwrap_or_default().to_owned()
    }

    /// The message events of a chat in the order of their keys.
    pub async fn events(&self, phone: &str) -> Vec<Value> {
        let chat = self.chat(phone).await;
        chat["events"].as_array().cloned().unwrap_or_default()
    }

    /// All appointments of the next 60 days, including cancelled ones.
    pub async fn appointments(&self) -> Vec<Value> {
        let from = self.now().date_naive();
        let to = from + TimeDelta::days(60);
        let path = format!("/clinics/{CLINIC}/appointments?from={from}&to={to}");
        let body = self.ask_expecting(Method::GET, &path, None, 200).await;
        body["appointments"].as_array().cloned().unwrap_or_default()
    }

    /// The appointments of one patient that have this status.
    pub async fn appointments_of(&self, phone: &str, status: &str) -> Vec<Value> {
        let mut appointments = self.appointments().await;
        appointments
            .retain(|appointment| appointment["patient_phone"] == phone && appointment["status"] == status);
        appointments
    }

    /// The id of the example clinic's only service.
    pub async fn service_id(&self) -> String {
        let response = self.ask(Method::GET, &format!("/clinics/{CLINIC}/services"), None).await;
        response.body["services"][0]["service_id"].as_str().expect("a service").to_owned()
    }

    /// The free times of a day as the API lists them.
    pub async fn slots(&self, date: NaiveDate) -> Vec<String> {
        let service = self.service_id().await;
        let path = format!("/clinics/{CLINIC}/available-slots?date={date}&serviceId={service}");
        let body = self.ask_expecting(Method::GET, &path, None, 200).await;
        serde_json::from_value(body["slots"].clone()).expect("times")
    }

    /// Runs the Reconciler once and returns its summary.
    pub async fn reconcile(&self) -> Value {
        self.ask_expecting(Method::POST, "/_local/jobs/reconciler", None, 200).await
    }

    /// Runs the SheetWriter once and returns its summary.
    pub async fn write_sheets(&self) -> Value {
        self.ask_expecting(Method::POST, "/_local/jobs/sheet-writer", None, 200).await
    }
}

/// Polls until the condition holds. Panics with `what` after `at_most`.
pub async fn wait_until(what: &str, at_most: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + at_most;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within {at_most:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn spawn(
    folder: &Path,
    database: &TestDatabase,
    zapi: &FakeZapi,
    config: &TestConfig,
    environment: &[(&'static str, String)],
    failpoint: Option<&str>,
) -> Process {
    let url = config.database_url.clone().unwrap_or_else(|| database.url.clone());
    let mut settings = vec![
        ("DATABASE_URL", url),
        ("ZAPI_BASE_URL", zapi.base_url()),
        ("ALLOWED_PHONES", config.allowed_phones.to_owned()),
        ("SCHEDULER_API_KEY", config.keys.to_owned()),
    ];
    settings.extend(config.dynamodb.clone().map(|url| ("AWS_ENDPOINT_URL_DYNAMODB", url)));
    settings.extend(config.webhook_token.map(|token| ("WEBHOOK_TOKEN", token.to_owned())));
    // Jobs run only when a test starts them.
    settings.push(("LOCAL_JOBS", "off".to_owned()));
    settings.extend(environment.iter().cloned());
    settings.extend(failpoint.map(|point| ("SCHEDULER_END_AT", point.to_owned())));
    Process::start(folder, &settings).await
}
