//! The functions inside the test's process, with one held PostgreSQL connection as in a Lambda, and with
//! a counting proxy in front of PostgreSQL, DynamoDB and z-api.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use scheduler_api::auth::WebhookToken;
use scheduler_api::metrics::Metrics;
use scheduler_api::{Contexts, dispatch};
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::chats::Chats;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::call_stats;
use scheduler_core::config::{DatabaseConfig, SslMode};
use scheduler_core::domain::allowed_phones::AllowedPhones;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::send_limits::SendLimits;
use scheduler_core::ports::Clock;
use scheduler_local::dynamodb::EmbeddedDynamoDb;
use scheduler_local::fake_zapi::{FakeZapi, OutboxMessage};
use serde_json::Value;

use crate::clock::TestClock;
use crate::database::{TestDatabase, database};
use crate::messages::{Sender, received, text};
use crate::patient::{last_prompt, press};
use crate::proxy::{Proxy, Wait, sequential_waits};
use crate::tables::create_tables;
use crate::wire::Protocol;
use crate::write_units::WriteUnitCounter;

/// Everything that a function needs, and the servers that it talks to.
pub struct InProcessFunction {
    /// What [`dispatch()`] and the jobs are called with.
    pub contexts: Contexts,
    /// Advances 10 seconds with each message, because only twenty messages a minute are worked on.
    pub clock: Arc<TestClock>,
    /// By it the connections to PostgreSQL and the profiles of clinics grow old. It stands still.
    pub connection_clock: Arc<TestClock>,
    /// The fake z-api server.
    pub zapi: FakeZapi,
    /// URL of the proxy in front of z-api.
    pub zapi_url: String,
    database: TestDatabase,
    embedded: EmbeddedDynamoDb,
    proxies: [Proxy; 3],
    message: AtomicU64,
}

/// What one message costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Length of the longest chain of network waits, each starting after the previous one ended.
    pub sequential_waits: usize,
    /// Waits as the function counts them for its metrics.
    pub waits_in_metrics: usize,
    /// PostgreSQL statements.
    pub statements: usize,
    /// DynamoDB calls.
    pub dynamodb_calls: usize,
    /// z-api calls.
    pub zapi_calls: usize,
    /// From the request to the response.
    pub took: Duration,
}

impl InProcessFunction {
    /// Starts with an empty DynamoDB and the example clinic.
    pub async fn start() -> Self {
        let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
        let endpoint = embedded.endpoint();
        Self::start_on(embedded, &endpoint).await
    }

    /// Like [`Self::start`], with a counter of the write units behind the proxy in front of DynamoDB.
    pub async fn start_with_unit_counter() -> (Self, WriteUnitCounter) {
        let embedded = EmbeddedDynamoDb::start(None, 0).await.expect("DynamoDB starts");
        let counter = WriteUnitCounter::start(embedded.endpoint()).await;
        let function = Self::start_on(embedded, &counter.endpoint()).await;
        (function, counter)
    }

    /// Starts on a DynamoDB that is reached at `endpoint`.
    async fn start_on(embedded: EmbeddedDynamoDb, endpoint: &str) -> Self {
        let database = database().await;
        let (clock, connection_clock) = (Arc::new(TestClock::new()), Arc::new(TestClock::new()));
        let zapi = FakeZapi::start(clock.clone()).await.expect("z-api starts");
        let target = |url: &str| url.trim_start_matches("http://").parse().expect("an address");
        let postgres = Proxy::start(database.address(), Protocol::Postgres).await;
        let dynamodb = Proxy::start(target(endpoint), Protocol::DynamoDb).await;
        let whatsapp = Proxy::start(target(&zapi.base_url()), Protocol::Http).await;
        let config = DatabaseConfig {
            url: Secret::new(database.url_via(postgres.address())),
            ssl_mode: SslMode::Disable,
            root_cert: None,
            connections: 1,
        };
        let db = Db::held_connections(&config).expect("an address").with_clock(connection_clock.clone());
        let tables = create_tables(format!("http://{}", dynamodb.address())).await;
        let zapi_url = format!("http://{}", whatsapp.address());
        let chats = Chats {
            db,
            tables,
            whatsapp: Arc::new(Zapi::new(&zapi_url, None).expect("a client")),
            clock: clock.clone(),
            allowed: AllowedPhones::All,
        };
        let (token, limits) = (WebhookToken::NotRequired, SendLimits::default());
        let contexts = Contexts::new(chats, SheetSync::Off, Vec::new(), token, None, limits, Metrics::OFF);
        let proxies = [postgres, dynamodb, whatsapp];
        Self {
            contexts,
            clock,
            connection_clock,
            zapi,
            zapi_url,
            database,
            embedded,
            proxies,
            message: AtomicU64::new(0),
        }
    }

    /// Delays all traffic through the proxies by this long in each direction.
    pub fn set_delay(&self, each_way: Duration) {
        for proxy in &self.proxies {
            proxy.set_delay(each_way);
        }
    }

    /// The PostgreSQL database.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The proxy in front of PostgreSQL.
    pub fn postgres(&self) -> &Proxy {
        &self.proxies[0]
    }

    /// Sends a text.
    pub async fn says(&self, phone: &str, words: &str) -> Cost {
        self.posts(phone, text(words)).await
    }

    /// Presses the first offered option whose id starts with `id`.
    pub async fn presses(&self, phone: &str, id: &str) -> Cost {
        self.posts(phone, press(&self.prompt(phone), id)).await
    }

    /// A webhook body with the next message, ten seconds after the one before.
    pub fn next_webhook(&self, phone: &str, content: Value) -> Value {
        self.clock.advance(TimeDelta::seconds(10));
        let number = self.message.fetch_add(1, Ordering::Relaxed);
        let from = Sender { phone: phone.to_owned(), lid: None, name: Some("Maria Silva".into()) };
        let sent_at = self.clock.now().timestamp_millis();
        received(&from, &format!("3EB0{number:016X}"), sent_at, content)
    }

    /// Posts a webhook. Panics unless it is answered with 200.
    pub async fn delivers(&self, webhook: &Value) -> Cost {
        for proxy in &self.proxies {
            proxy.take_traffic();
        }
        let body = webhook.to_string().into_bytes();
        let request = http::Request::post("/webhook/whatsapp").body(body).expect("a request");
        let started = Instant::now();
        let (response, stats) = call_stats::measure(dispatch(&self.contexts, request)).await;
        let took = started.elapsed();
        assert_eq!(response.status(), 200, "{}", response.body());
        let [postgres, dynamodb, whatsapp] = self.proxies.each_ref().map(Proxy::take_traffic);
        let waits: Vec<Wait> =
            [&postgres, &dynamodb, &whatsapp].into_iter().flat_map(|traffic| traffic.waits.clone()).collect();
        Cost {
            sequential_waits: sequential_waits(&waits),
            waits_in_metrics: stats.waits as usize,
            statements: postgres.calls.len(),
            dynamodb_calls: dynamodb.calls.len(),
            zapi_calls: whatsapp.calls.len(),
            took,
        }
    }

    /// The last message with options.
    pub fn prompt(&self, phone: &str) -> OutboxMessage {
        last_prompt(self.zapi.outbox(Some(phone)))
    }

    /// Stops the embedded DynamoDB.
    pub async fn stop(self) {
        drop(self.proxies);
        self.database.pool.close().await;
        self.embedded.stop().await;
    }

    async fn posts(&self, phone: &str, content: Value) -> Cost {
        let webhook = self.next_webhook(phone, content);
        self.delivers(&webhook).await
    }
}
