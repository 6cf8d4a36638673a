//! Reads the local server's settings from environment variables and fills in the defaults.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use scheduler_core::config::{ApiKey, ConfigError, DatabaseConfig, EnvReader, Lookup, SheetsConfig, SslMode};
use scheduler_core::domain::clinic::Secret;
use scheduler_core::domain::send_limits::SendLimits;
use scheduler_core::webhook_url::WebhookMasters;

use crate::tables::{self, TablesError};

/// The API key if `SCHEDULER_API_KEY` is not set.
pub const DEFAULT_API_KEY: &str = "test-api-key";

/// Settings of the local server (docs/rules/api.md#environment).
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder for the data of the stores that the server starts.
    pub folder: PathBuf,
    /// Address to listen on.
    pub host: IpAddr,
    /// Names by which the server may be asked, besides addresses and `localhost`; in lower case.
    pub hosts: Vec<String>,
    /// Origins whose pages may use the server, besides its own; such as `https://example.com`.
    pub origins: Vec<String>,
    /// Preferred HTTP port; the next free one is used if it is taken. 0 means any.
    pub port: u16,
    /// Preferred port of the embedded DynamoDB, likewise.
    pub dynamodb_port: u16,
    /// Database to use; `None` starts a PostgreSQL in `folder`.
    pub database: Option<DatabaseConfig>,
    /// DynamoDB endpoint to use; `None` starts the embedded one.
    pub dynamodb_endpoint: Option<String>,
    /// Names of the tables of sessions, message events and reminders.
    pub tables: [String; 3],
    /// AWS region. The embedded DynamoDB ignores it.
    pub region: String,
    /// Base URL of z-api; `None` starts the fake z-api server.
    pub zapi_base_url: Option<String>,
    /// The z-api account's Client-Token, for clinics without their own.
    pub client_token: Option<Secret>,
    /// `ALLOWED_PHONES`, not parsed yet (docs/rules/security.md#allowed-phones).
    pub allowed_phones: String,
    /// Google Sheets access; `None` if no service account is configured, so that no sheets are written.
    pub sheets: Option<SheetsConfig>,
    /// Keys that open the admin routes.
    pub keys: Vec<ApiKey>,
    /// Masters of the tokens that the webhooks require; `None` accepts every call.
    pub webhook_masters: Option<WebhookMasters>,
    /// Whether a master is accepted as a token.
    pub accepts_webhook_master: bool,
    /// What precedes the path in the webhooks' URLs; `None` means the server's own address.
    pub webhook_base_url: Option<String>,
    /// How many messages `POST /send` sends per clinic and day.
    pub send_limits: SendLimits,
    /// Stage name on the metrics; `None` writes no metrics.
    pub stage: Option<String>,
    /// Whether jobs run on their schedule. If not, they run only through `/_local/jobs`.
    pub runs_jobs: bool,
}

/// Why the settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Variables are missing or invalid; the text names all of them.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The default table names could not be read from the table definitions.
    #[error(transparent)]
    Tables(#[from] TablesError),
    /// This variable is not a port number.
    #[error("{0} is not a port")]
    Port(&'static str),
    /// This variable is not an IP address.
    #[error("{0} is not an IP address")]
    Host(&'static str),
    /// An entry of this variable is not the name of a host.
    #[error("{0} is not a list of host names without ports, such as scheduler.example.com")]
    HostName(&'static str),
    /// An entry of this variable is not an origin.
    #[error("{0} is not a list of origins such as https://example.com")]
    Origin(&'static str),
}

impl Settings {
    /// Reads the settings; unset variables get their defaults.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, SettingsError> {
        let mut reader = EnvReader::new(&lookup);
        let manages_database =
            ["DATABASE_URL", "RDS_HOST"].iter().all(|name| reader.optional(name).is_none());
        let database = (!manages_database).then(|| reader.database(SslMode::Prefer));
        let zapi = reader.zapi();
        let zapi_base_url = reader.optional("ZAPI_BASE_URL").map(|_| zapi.base_url);
        // Unset and empty differ: an empty list allows no phone.
        let allowed_phones = match lookup("ALLOWED_PHONES") {
            Some(list) => list,
            None if zapi_base_url.is_none() => "*".to_owned(),
            None => String::new(),
        };
        let mut tables = tables::default_names("clinic-scheduler-infra-local")?;
        let names = ["CONVERSATION_SESSIONS_TABLE", "MESSAGE_EVENTS_TABLE", "SCHEDULED_REMINDERS_TABLE"];
        for (table, name) in tables.iter_mut().zip(names) {
            if let Some(given) = reader.optional(name) {
                *table = given;
            }
        }
        let keys = match reader.optional("SCHEDULER_API_KEY") {
            Some(_) => reader.api_keys(),
            None => vec![ApiKey { clinic: None, key: Secret::new(DEFAULT_API_KEY) }],
        };
        let settings = Self {
            folder: PathBuf::from(".local"),
            host: host(&reader, "LOCAL_ADDRESS")?,
            hosts: host_names(&reader, "LOCAL_HOSTS")?,
            origins: origins(&reader, "LOCAL_ORIGINS")?,
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
            webhook_masters: reader.optional_webhook_masters(),
            accepts_webhook_master: reader.accepts_webhook_master(),
            webhook_base_url: reader.webhook_base_url(),
            send_limits: reader.send_limits(),
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

fn host_names(reader: &EnvReader<'_>, name: &'static str) -> Result<Vec<String>, SettingsError> {
    let names: Vec<String> = entries(reader, name);
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if !names.iter().all(|name| name.split('.').all(is_part)) {
        return Err(SettingsError::HostName(name));
    }
    Ok(names)
}

fn origins(reader: &EnvReader<'_>, name: &'static str) -> Result<Vec<String>, SettingsError> {
    let origins: Vec<String> = entries(reader, name);
    let is_origin = |origin: &String| {
        origin.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', '?', '#', '@'])
        })
    };
    if !origins.iter().all(is_origin) {
        return Err(SettingsError::Origin(name));
    }
    Ok(origins)
}

/// The entries of a list separated by commas, in lower case.
fn entries(reader: &EnvReader<'_>, name: &str) -> Vec<String> {
    let list = reader.optional(name).unwrap_or_default();
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).collect()
}

fn port(reader: &EnvReader<'_>, name: &'static str, default: u16) -> Result<u16, SettingsError> {
    match reader.optional(name) {
        None => Ok(default),
        Some(port) => port.parse().map_err(|_| SettingsError::Port(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Settings, SettingsError> {
        Settings::read(&|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn hosts_and_origins_are_lists_without_addresses_of_pages() {
        let hosts = read("LOCAL_HOSTS", "Scheduler, tunnel.example.com,").unwrap().hosts;
        assert_eq!(hosts, ["scheduler", "tunnel.example.com"]);
        let origins = read("LOCAL_ORIGINS", "https://Example.com, http://localhost:5173").unwrap().origins;
        assert_eq!(origins, ["https://example.com", "http://localhost:5173"]);
        for wrong in ["scheduler:9000", "https://example.com", "*", "a..b", "a b"] {
            let error = read("LOCAL_HOSTS", wrong).unwrap_err();
            assert!(matches!(error, SettingsError::HostName("LOCAL_HOSTS")), "{wrong}: {error}");
        }
        for wrong in ["example.com", "*", "https://", "https://example.com/page", "null"] {
            let error = read("LOCAL_ORIGINS", wrong).unwrap_err();
            assert!(matches!(error, SettingsError::Origin("LOCAL_ORIGINS")), "{wrong}: {error}");
        }
    }
}
