//! Contexts for tests that need PostgreSQL alone, or no store at all.

use std::sync::Arc;

use scheduler_api::Contexts;
use scheduler_api::auth::WebhookToken;
use scheduler_api::metrics::Metrics;
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::postgres::Db;
use scheduler_core::adapters::zapi::Zapi;
use scheduler_core::app::chats::Chats;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::config::{ApiKey, DatabaseConfig, SslMode, TablesConfig};
use scheduler_core::domain::allowed_phones::AllowedPhones;
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::send_limits::SendLimits;

use crate::clock::TestClock;

/// An address where nothing answers.
const UNREACHABLE: &str = "http://127.0.0.1:9";

/// Contexts over the database at `url`; DynamoDB and z-api are unreachable.
pub fn contexts_with_database(url: &str, keys: Vec<ApiKey>, token: WebhookToken) -> Contexts {
    let database =
        DatabaseConfig { url: Secret::new(url), ssl_mode: SslMode::Disable, root_cert: None, connections: 1 };
    let tables = TablesConfig {
        sessions: "sessions".into(),
        events: "events".into(),
        reminders: "reminders".into(),
        endpoint: Some(UNREACHABLE.into()),
        region: "us-east-1".into(),
    };
    let chats = Chats {
        db: Db::held_connections(&database).expect("a database URL"),
        tables: Tables::new(tables),
        whatsapp: Arc::new(Zapi::new(UNREACHABLE, None).expect("an HTTP client")),
        clock: Arc::new(TestClock::new()),
        allowed: AllowedPhones::All,
    };
    let limits = SendLimits::default();
    Contexts::new(chats, SheetSync::Off, keys, token, None, limits, Metrics::OFF)
}
