//! What the local server is told by its environment, and what it assumes where it is told nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use scheduler_core::config::{ApiKey, ConfigError, DatabaseConfig, EnvReader, Lookup, SheetsConfig, SslMode};
use scheduler_core::domain::clinic::Secret;

use crate::tables::{self, TablesError};

/// The key where none is set.
pub const USUAL_KEY: &str = "test-api-key";

/// Everything that can be set (contract 2 and 5).
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the data of what it starts itself is kept.
    pub folder: PathBuf,
    /// Where it listens.
    pub host: IpAddr,
    /// The port wanted.
    pub port: u16,
    /// The port wanted for the embedded DynamoDB.
    pub dynamodb_port: u16,
    /// Another database than its own.
    pub database: Option<DatabaseConfig>,
    /// Another DynamoDB than its own.
    pub dynamodb_endpoint: Option<String>,
    /// Sessions, events, reminders.
    pub tables: [String; 3],
    /// The region, which only a real DynamoDB minds.
    pub region: String,
    /// Another z-api than the stand-in.
    pub zapi_base_url: Option<String>,
    /// The account's token.
    pub client_token: Option<Secret>,
    /// `ALLOWED_PHONES`.
    pub allowed_phones: String,
    /// Google Sheets, where a service account is configured.
    pub sheets: Option<SheetsConfig>,
    /// Who may call the admin routes.
    pub keys: Vec<ApiKey>,
    /// The webhooks' token, if there is one.
    pub webhook_token: Option<Secret>,
    /// The stage whose figures are written; none writes none.
    pub stage: Option<String>,
    /// Whether the jobs run on their schedule, or only when they are asked for.
    pub runs_jobs: bool,
}

/// The settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Variables are missing or unreadable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tables have no names.
    #[error(transparent)]
    Tables(#[from] TablesError),
    /// A port is none.
    #[error("{0} is no port")]
    Port(&'static str),
    /// An address is none.
    #[error("{0} is no IP address")]
    Host(&'static str),
}

impl Settings {
    /// Reads them; what is not set has the contract's defaults.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, SettingsError> {
        let mut reader = EnvReader::new(&lookup);
        let own_database = ["DATABASE_URL", "RDS_HOST"].iter().all(|name| reader.optional(name).is_none());
        let database = (!own_database).then(|| reader.database(SslMode::Prefer));
        let zapi = reader.zapi();
        let zapi_base_url = reader.optional("ZAPI_BASE_URL").map(|_| zapi.base_url);
        // Unset and empty differ: empty lets nothing out.
        let allowed_phones = match lookup("ALLOWED_PHONES") {
            Some(list) => list,
            None if zapi_base_url.is_none() => "*".to_owned(),
            None => String::new(),
        };
        let usual = tables::names("clinic-scheduler-infra-local")?;
        let names = ["CONVERSATION_SESSIONS_TABLE", "MESSAGE_EVENTS_TABLE", "SCHEDULED_REMINDERS_TABLE"];
        let mut tables = usual;
        for (table, name) in tables.iter_mut().zip(names) {
            if let Some(given) = reader.optional(name) {
                *table = given;
            }
        }
        let keys = match reader.optional("SCHEDULER_API_KEY") {
            Some(_) => reader.api_keys(),
            None => vec![ApiKey { clinic: None, key: Secret::new(USUAL_KEY) }],
        };
        let settings = Self {
            folder: PathBuf::from(".local"),
            host: host(&reader, "LOCAL_ADDRESS")?,
            port: port(&reader, "PORT", 9000)?,
            dynamodb_port: port(&reader, "DYNAMODB_PORT", 8000)?,
            database,
            dynamodb_endpoint: reader
                .optional("AWS_ENDPOINT_URL_DYNAMODB")
                .or_else(|| reader.optional("AWS_ENDPOINT_URL")),
            tables,
            region: reader.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".into()),
            zapi_base_url,
            client_token: zapi.client_token,
            allowed_phones,
            sheets: reader.sheets(),
            keys,
            webhook_token: reader.optional("WEBHOOK_TOKEN").map(Secret::new),
            stage: reader.optional("STAGE"),
            runs_jobs: reader.optional("LOCAL_JOBS").as_deref() != Some("off"),
        };
        Ok(reader.finish(settings)?)
    }
}

fn host(reader: &EnvReader<'_>, name: &'static str) -> Result<IpAddr, SettingsError> {
    match reader.optional(name) {
        None => Ok(Ipv4Addr::LOCALHOST.into()),
        Some(host) => host.parse().map_err(|_| SettingsError::Host(name)),
    }
}

fn port(reader: &EnvReader<'_>, name: &'static str, usual: u16) -> Result<u16, SettingsError> {
    match reader.optional(name) {
        None => Ok(usual),
        Some(port) => port.parse().map_err(|_| SettingsError::Port(name)),
    }
}
