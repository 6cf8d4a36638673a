//! The whole product over HTTP, with stores and a z-api that belong to the test.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use reqwest::{Client, Method};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_core::ports::Clock;
use scheduler_local::zapi_stand_in::ZapiStandIn;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::TestClock;
use crate::database::{TestDatabase, database};
use crate::http::{Answered, KEY, ask, ask_with, client};
use crate::patient::Patient;
use crate::process::Process;

/// The example clinic.
pub const CLINIC: &str = "laser-beauty-sp";

/// How a product is set up.
#[derive(Debug, Clone)]
pub struct Setting {
    /// `DATABASE_URL`, where it isn't the test database's own.
    pub database_url: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`; without, the server's own, kept in its folder.
    pub dynamodb: Option<String>,
    /// `ALLOWED_PHONES`
    pub allowed: &'static str,
    /// `WEBHOOK_TOKEN`
    pub webhook_token: Option<&'static str>,
    /// `SCHEDULER_API_KEY`; [`KEY`] must be among them.
    pub keys: &'static str,
    /// Whether the clock stands still at [`crate::clock::MONDAY`].
    pub clock_stands: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            database_url: None,
            dynamodb: None,
            allowed: "*",
            webhook_token: None,
            keys: KEY,
            clock_stands: true,
        }
    }
}

/// The running product.
pub struct Product {
    /// Its database.
    pub database: TestDatabase,
    /// Its z-api.
    pub zapi: ZapiStandIn,
    /// What the server's clock shows while it stands.
    pub clock: Arc<TestClock>,
    server: Process,
    client: Client,
    setting: Setting,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    message: AtomicU64,
}

impl Product {
    /// With everything as a test mostly wants it.
    pub async fn start() -> Self {
        Self::with(Setting::default()).await
    }

    /// Set up so.
    pub async fn with(setting: Setting) -> Self {
        Self::on(database().await, setting).await
    }

    /// On a database that is there.
    pub async fn on(database: TestDatabase, setting: Setting) -> Self {
        let clock = Arc::new(TestClock::new());
        let zapi = ZapiStandIn::start(clock.clone()).await.expect("a port for z-api");
        let folder = TempDir::new().expect("a folder");
        let server = spawn(folder.path(), &database, &zapi, &setting, &[], None).await;
        let message = AtomicU64::new(0);
        let product = Self {
            database,
            zapi,
            clock,
            server,
            client: client(),
            setting,
            environment: Vec::new(),
            folder,
            message,
        };
        product.set_clock().await;
        product
    }

    /// From its next start on, with this in its environment.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.environment.push((name, value));
    }

    /// The same product after a death: stores and z-api live on. It ends at a point of contract 7
    /// where one is given.
    pub async fn restart(&mut self, end_at: Option<&str>) {
        self.server.kill();
        self.server =
            spawn(self.folder.path(), &self.database, &self.zapi, &self.setting, &self.environment, end_at)
                .await;
        self.set_clock().await;
    }

    /// Moves the clock on: where it runs, it stands from now on.
    pub async fn passes(&mut self, time: TimeDelta) {
        if !self.setting.clock_stands {
            self.clock.set(SystemClock.now());
            self.setting.clock_stands = true;
        }
        self.clock.advance(time);
        self.set_clock().await;
    }

    async fn set_clock(&self) {
        if self.setting.clock_stands {
            let now = json!({ "now": self.clock.now() });
            let answered = self.ask(Method::PUT, "/_local/clock", Some(&now)).await;
            assert_eq!(answered.status, 200, "{}", answered.body);
        }
    }

    /// What time the server takes it to be.
    pub fn now(&self) -> DateTime<Utc> {
        if self.setting.clock_stands { self.clock.now() } else { SystemClock.now() }
    }

    /// Everything the server has written.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// The process.
    pub fn server(&mut self) -> &mut Process {
        &mut self.server
    }

    /// A request with the key; panics where the connection breaks.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answered {
        self.try_ask(method, path, body).await.expect("an answer")
    }

    /// A request with the key.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answered, reqwest::Error> {
        ask(&self.client, method, &format!("{}{path}", self.server.base()), body).await
    }

    /// A request as somebody else: with another key, or with none.
    pub async fn ask_with(
        &self,
        key: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answered {
        ask_with(&self.client, key, method, &self.url(path), body).await.expect("an answer")
    }

    /// Where anything at all may be posted.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base())
    }

    /// The client of this product.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Posts a webhook as z-api does.
    pub async fn webhook(&self, body: &Value) -> Answered {
        self.try_webhook(body).await.expect("an answer")
    }

    /// Posts a webhook; an error means that the connection broke.
    pub async fn try_webhook(&self, body: &Value) -> Result<Answered, reqwest::Error> {
        let token = self.setting.webhook_token.map(|token| format!("?token={token}")).unwrap_or_default();
        self.try_ask(Method::POST, &format!("/webhook/whatsapp{token}"), Some(body)).await
    }

    /// A number of its own for each message.
    pub(crate) fn next_message(&self) -> u64 {
        self.message.fetch_add(1, Ordering::Relaxed)
    }

    /// Somebody who writes from this address, with this profile.
    pub fn patient<'a>(&'a self, phone: &str, name: &str) -> Patient<'a> {
        Patient::new(self, phone, name)
    }

    /// Session and history of one person.
    pub async fn chat(&self, phone: &str) -> Value {
        let phone = phone.replace('@', "%40");
        let path = format!("/_local/chats/{phone}?clinicId={CLINIC}");
        let answered = self.ask(Method::GET, &path, None).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.body
    }

    /// The stored state of a chat.
    pub async fn state(&self, phone: &str) -> String {
        let chat = self.chat(phone).await;
        chat["session"]["currentState"].as_str().unwrap_or_default().to_owned()
    }

    /// Message events in the order of their keys.
    pub async fn events(&self, phone: &str) -> Vec<Value> {
        let chat = self.chat(phone).await;
        chat["events"].as_array().cloned().unwrap_or_default()
    }

    /// Every visit of two months, cancelled ones too.
    pub async fn visits(&self) -> Vec<Value> {
        let from = self.now().date_naive();
        let to = from + TimeDelta::days(60);
        let path = format!("/clinics/{CLINIC}/appointments?from={from}&to={to}");
        let answered = self.ask(Method::GET, &path, None).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.body["appointments"].as_array().cloned().unwrap_or_default()
    }

    /// The visits of one person in a status.
    pub async fn visits_of(&self, phone: &str, status: &str) -> Vec<Value> {
        let mut visits = self.visits().await;
        visits.retain(|visit| visit["patient_phone"] == phone && visit["status"] == status);
        visits
    }

    /// The example clinic's one service.
    pub async fn service_id(&self) -> String {
        let answered = self.ask(Method::GET, &format!("/clinics/{CLINIC}/services"), None).await;
        answered.body["services"][0]["service_id"].as_str().expect("a service").to_owned()
    }

    /// Free times of a day over the API.
    pub async fn slots(&self, date: NaiveDate) -> Vec<String> {
        let service = self.service_id().await;
        let path = format!("/clinics/{CLINIC}/available-slots?date={date}&serviceId={service}");
        let answered = self.ask(Method::GET, &path, None).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        serde_json::from_value(answered.body["slots"].clone()).expect("times")
    }

    /// Runs the Reconciler once and answers its summary.
    pub async fn reconcile(&self) -> Value {
        let answered = self.ask(Method::POST, "/_local/jobs/reconciler", None).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.body
    }
}

/// Polls until it holds; panics after `at_most`.
pub async fn until(what: &str, at_most: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + at_most;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within {at_most:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn spawn(
    folder: &Path,
    database: &TestDatabase,
    zapi: &ZapiStandIn,
    setting: &Setting,
    environment: &[(&'static str, String)],
    end_at: Option<&str>,
) -> Process {
    let url = setting.database_url.clone().unwrap_or_else(|| database.url.clone());
    let mut settings = vec![
        ("DATABASE_URL", url),
        ("ZAPI_BASE_URL", zapi.base_url()),
        ("ALLOWED_PHONES", setting.allowed.to_owned()),
        ("SCHEDULER_API_KEY", setting.keys.to_owned()),
    ];
    settings.extend(setting.dynamodb.clone().map(|url| ("AWS_ENDPOINT_URL_DYNAMODB", url)));
    settings.extend(setting.webhook_token.map(|token| ("WEBHOOK_TOKEN", token.to_owned())));
    // A test says when a job runs: nothing happens behind its back.
    settings.push(("LOCAL_JOBS", "off".to_owned()));
    settings.extend(environment.iter().cloned());
    settings.extend(end_at.map(|point| ("SCHEDULER_END_AT", point.to_owned())));
    Process::start(folder, &settings).await
}
