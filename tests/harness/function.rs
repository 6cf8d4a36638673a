//! The webhook as one Lambda has it, inside the test's process: one held connection, and a counting
//! proxy in front of PostgreSQL, DynamoDB and z-api.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use scheduler_api::metrics::Metrics;
use scheduler_api::{World, dispatch};
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::converse::{AllowedPhones, Chats};
use scheduler_core::config::{DatabaseConfig, SslMode, TablesConfig};
use scheduler_core::domain::clinic::Secret;
use scheduler_core::ports::Clock;
use scheduler_core::tally;
use scheduler_local::dynamodb::Embedded;
use scheduler_local::tables;
use scheduler_local::zapi_stand_in::{Outgoing, ZapiStandIn};
use serde_json::Value;

use crate::clock::TestClock;
use crate::database::{TestDatabase, database};
use crate::messages::{Sender, button, received, row, text};
use crate::proxy::{Proxy, Wait, waits_in_a_row};
use crate::wire::Speaks;

/// The webhook's function and what it reaches.
pub struct Function {
    /// What it is given.
    pub world: World,
    /// Moves on with each message: a patient writes no more than twenty a minute.
    pub clock: Arc<TestClock>,
    /// Its z-api.
    pub zapi: ZapiStandIn,
    /// z-api by way of its proxy.
    pub zapi_url: String,
    database: TestDatabase,
    embedded: Embedded,
    proxies: [Proxy; 3],
    message: AtomicU64,
}

/// What one message cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Network waits of which each began when the one before had ended.
    pub waits_in_a_row: usize,
    /// Times that it waited at all, as the function itself counts for its metrics.
    pub waits_counted: usize,
    /// PostgreSQL statements.
    pub statements: usize,
    /// DynamoDB calls.
    pub dynamodb_calls: usize,
    /// z-api calls.
    pub zapi_calls: usize,
    /// From the request to its answer.
    pub took: Duration,
}

impl Function {
    /// On stores of its own.
    pub async fn start() -> Self {
        let database = database().await;
        let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
        let clock = Arc::new(TestClock::new());
        let zapi = ZapiStandIn::start(clock.clone()).await.expect("z-api starts");
        let target = |url: &str| url.trim_start_matches("http://").parse().expect("an address");
        let postgres = Proxy::start(database.address(), Speaks::Postgres).await;
        let dynamodb = Proxy::start(target(&embedded.endpoint()), Speaks::DynamoDb).await;
        let whatsapp = Proxy::start(target(&zapi.base_url()), Speaks::Http).await;
        let config = DatabaseConfig {
            url: Secret::new(database.url_by(postgres.address())),
            ssl_mode: SslMode::Disable,
            root_cert: None,
        };
        let db = Db::held(&config).expect("an address");
        let stores = Tables::new(TablesConfig {
            sessions: "sessions".into(),
            events: "events".into(),
            reminders: "reminders".into(),
            endpoint: Some(format!("http://{}", dynamodb.address())),
            region: "us-east-1".into(),
        });
        tables::create(stores.client(), stores.names()).await.expect("the tables");
        let zapi_url = format!("http://{}", whatsapp.address());
        let chats = Chats {
            db: db.clone(),
            tables: stores,
            whatsapp: Arc::new(Zapi::new(&zapi_url, None).expect("a client")),
            clock: clock.clone(),
            allowed: AllowedPhones::All,
        };
        let world = World {
            db,
            reminders: Some(chats.tables.reminders().clone()),
            chats: Some(chats),
            clock: clock.clone(),
            keys: Vec::new(),
            webhook_token: None,
            metrics: Metrics::default(),
            sheets: None,
        };
        let proxies = [postgres, dynamodb, whatsapp];
        Self { world, clock, zapi, zapi_url, database, embedded, proxies, message: AtomicU64::new(0) }
    }

    /// Each way through each proxy takes so much longer.
    pub fn delays(&self, each_way: Duration) {
        for proxy in &self.proxies {
            proxy.delays(each_way);
        }
    }

    /// Its database.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// What is in front of its PostgreSQL.
    pub fn postgres(&self) -> &Proxy {
        &self.proxies[0]
    }

    /// Writes words, and tells what that cost.
    pub async fn says(&self, phone: &str, words: &str) -> Cost {
        self.posts(phone, text(words)).await
    }

    /// Presses the first offered option whose id begins so, and tells what that cost.
    pub async fn presses(&self, phone: &str, id: &str) -> Cost {
        let prompt = self.prompt(phone);
        let option = prompt.options.iter().find(|option| option.id.starts_with(id));
        let option = option.unwrap_or_else(|| panic!("{id} is not offered: {prompt:?}"));
        let press = if prompt.kind == "list" { row } else { button };
        self.posts(phone, press(&option.id, &option.label)).await
    }

    /// The last message that came with something to press.
    pub fn prompt(&self, phone: &str) -> Outgoing {
        let mut outbox = self.zapi.outbox(Some(phone));
        outbox.retain(|sent| !sent.options.is_empty());
        outbox.pop().expect("something to press")
    }

    /// Ends its DynamoDB.
    pub async fn stop(self) {
        drop(self.proxies);
        self.database.pool.close().await;
        self.embedded.stop().await;
    }

    async fn posts(&self, phone: &str, content: Value) -> Cost {
        self.clock.advance(TimeDelta::seconds(10));
        for proxy in &self.proxies {
            proxy.take_traffic();
        }
        let number = self.message.fetch_add(1, Ordering::Relaxed);
        let from = Sender { phone: phone.to_owned(), lid: None, name: Some("Maria Silva".into()) };
        let momment = self.clock.now().timestamp_millis();
        let body = received(&from, &format!("3EB0{number:016X}"), momment, content).to_string();
        let request = http::Request::post("/webhook/whatsapp").body(body.into_bytes()).expect("a request");
        let started = Instant::now();
        let (answer, tally) = tally::of(dispatch(&self.world, request)).await;
        let took = started.elapsed();
        assert_eq!(answer.status(), 200, "{}", answer.body());
        let [postgres, dynamodb, whatsapp] = self.proxies.each_ref().map(Proxy::take_traffic);
        let waits: Vec<Wait> =
            [&postgres, &dynamodb, &whatsapp].into_iter().flat_map(|traffic| traffic.waits.clone()).collect();
        Cost {
            waits_in_a_row: waits_in_a_row(&waits),
            waits_counted: tally.waits as usize,
            statements: postgres.calls.len(),
            dynamodb_calls: dynamodb.calls.len(),
            zapi_calls: whatsapp.calls.len(),
            took,
        }
    }
}
