//! The environment: the only place that reads it. Every piece is read through a lookup, so that a
//! function takes only what it uses and a test needs no environment.

use std::fmt;
use std::path::PathBuf;

use crate::domain::clinic::Secret;
use crate::domain::ids::ClinicId;

/// How a variable is looked up: `None` where it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a variable of this process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Variables that are missing or cannot be read, all of them; never their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Each with what is wrong with it.
    pub errors: Vec<VariableError>,
}

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableError {
    /// Its name.
    pub name: &'static str,
    /// Such as "is not set".
    pub wrong: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment is not complete:")?;
        for error in &self.errors {
            write!(f, " {} {};", error.name, error.wrong)?;
        }
        Ok(())
    }
}

/// How far the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS where the server offers it, unchecked.
    Prefer,
    /// TLS, the certificate's chain and host name checked.
    VerifyFull,
}

/// How to reach PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgres://…`, made from the `RDS_*` variables where they are used.
    pub url: Secret,
    /// How far the server's certificate is checked.
    pub ssl_mode: SslMode,
    /// Root certificates for `verify-full`, where the system's do not do.
    pub root_cert: Option<PathBuf>,
}

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablesConfig {
    /// `CONVERSATION_SESSIONS_TABLE`
    pub sessions: String,
    /// `MESSAGE_EVENTS_TABLE`
    pub events: String,
    /// `SCHEDULED_REMINDERS_TABLE`
    pub reminders: String,
    /// Another DynamoDB than Amazon's (`AWS_ENDPOINT_URL_DYNAMODB`).
    pub endpoint: Option<String>,
    /// Such as `sa-east-1` (`AWS_REGION`, which Lambda sets).
    pub region: String,
}

/// Where the reminders are, for a function that has no other table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemindersConfig {
    /// `SCHEDULED_REMINDERS_TABLE`
    pub table: String,
    /// As in [`TablesConfig`].
    pub endpoint: Option<String>,
    /// As in [`TablesConfig`].
    pub region: String,
}

/// How to reach WhatsApp, and who may be written to.
#[derive(Debug, Clone)]
pub struct ZapiConfig {
    /// Without a slash at its end.
    pub base_url: String,
    /// The account's Client-Token, where a clinic has none of its own.
    pub client_token: Option<Secret>,
    /// `ALLOWED_PHONES` as it was set; unset is empty, which is nobody.
    pub allowed_phones: String,
}

/// How to reach Google Sheets.
#[derive(Debug, Clone)]
pub struct SheetsConfig {
    /// The service account's key, as Google gives it: JSON.
    pub service_account: Secret,
    /// Another Sheets API than Google's, without a slash at its end.
    pub base_url: Option<String>,
}

/// One entry of `SCHEDULER_API_KEY`.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The only clinic it may touch; none means every clinic.
    pub clinic: Option<ClinicId>,
    /// The key.
    pub key: Secret,
}

/// Collects what is wrong while the pieces of one function's configuration are read.
pub struct EnvReader<'a> {
    lookup: Lookup<'a>,
    errors: Vec<VariableError>,
}

impl<'a> EnvReader<'a> {
    /// Reads through `lookup`.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup, errors: Vec::new() }
    }

    /// What was read, unless something was wrong: then all of it is named.
    pub fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        if self.errors.is_empty() { Ok(read) } else { Err(ConfigError { errors: self.errors }) }
    }

    /// Contract 2: `DATABASE_URL`, or the five `RDS_*`; `RDS_SSL_MODE`, by default `usual`.
    pub fn database(&mut self, usual: SslMode) -> DatabaseConfig {
        let url = match self.optional("DATABASE_URL") {
            Some(url) => url,
            None => {
                let host = self.required("RDS_HOST");
                let port = self.required("RDS_PORT");
                let name = self.required("RDS_DATABASE");
                let user = self.required("RDS_USERNAME");
                let password = self.required("RDS_PASSWORD");
                if !port.is_empty() && port.parse::<u16>().is_err() {
                    self.error("RDS_PORT", "is no port");
                }
                format!("postgres://{}:{}@{host}:{port}/{}", escape(&user), escape(&password), escape(&name))
            }
        };
        let ssl_mode = match self.optional("RDS_SSL_MODE").as_deref() {
            None => usual,
            Some("disable") => SslMode::Disable,
            Some("prefer") => SslMode::Prefer,
            Some("verify-full") => SslMode::VerifyFull,
            Some(_) => {
                self.error("RDS_SSL_MODE", "is none of disable, prefer, verify-full");
                usual
            }
        };
        let root_cert = self.optional("RDS_ROOT_CERT").map(PathBuf::from);
        DatabaseConfig { url: Secret::new(url), ssl_mode, root_cert }
    }

    /// The tables.
    pub fn tables(&mut self) -> TablesConfig {
        TablesConfig {
            sessions: self.required("CONVERSATION_SESSIONS_TABLE"),
            events: self.required("MESSAGE_EVENTS_TABLE"),
            reminders: self.required("SCHEDULED_REMINDERS_TABLE"),
            endpoint: self.dynamodb(),
            region: self.region(),
        }
    }

    /// The reminders alone.
    pub fn reminders(&mut self) -> RemindersConfig {
        let table = self.required("SCHEDULED_REMINDERS_TABLE");
        RemindersConfig { table, endpoint: self.dynamodb(), region: self.region() }
    }

    /// WhatsApp; nothing of it is required.
    pub fn zapi(&mut self) -> ZapiConfig {
        let base_url = self.optional("ZAPI_BASE_URL").unwrap_or_else(|| "https://api.z-api.io".into());
        ZapiConfig {
            base_url: base_url.trim_end_matches('/').to_owned(),
            client_token: self.optional("ZAPI_CLIENT_TOKEN").map(Secret::new),
            allowed_phones: self.optional("ALLOWED_PHONES").unwrap_or_default(),
        }
    }

    /// Google Sheets; `None`: no service account, and no clinic has a sheet.
    pub fn sheets(&mut self) -> Option<SheetsConfig> {
        let service_account = Secret::new(self.optional("GOOGLE_SHEETS_SERVICE_ACCOUNT")?);
        let base_url = self.optional("GOOGLE_SHEETS_BASE_URL");
        let base_url = base_url.map(|url| url.trim_end_matches('/').to_owned());
        Some(SheetsConfig { service_account, base_url })
    }

    /// `SCHEDULER_API_KEY`: `<key>` or `<clinicId>:<key>`, separated by commas.
    pub fn api_keys(&mut self) -> Vec<ApiKey> {
        let entries = self.required("SCHEDULER_API_KEY");
        let keys: Vec<ApiKey> = entries.split(',').filter_map(|entry| api_key(entry.trim())).collect();
        if keys.is_empty() && !entries.is_empty() {
            self.error("SCHEDULER_API_KEY", "holds no key");
        }
        keys
    }

    /// `WEBHOOK_TOKEN`, without which a deployed webhook does not start.
    pub fn webhook_token(&mut self) -> Secret {
        Secret::new(self.required("WEBHOOK_TOKEN"))
    }

    /// A variable that may be left out; an empty one counts as left out.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn dynamodb(&self) -> Option<String> {
        self.optional("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| self.optional("AWS_ENDPOINT_URL"))
    }

    fn region(&self) -> String {
        self.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".into())
    }

    fn required(&mut self, name: &'static str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.error(name, "is not set");
        }
        value.unwrap_or_default()
    }

    fn error(&mut self, name: &'static str, wrong: &'static str) {
        self.errors.push(VariableError { name, wrong });
    }
}

/// The point of failure at which this process ends, for tests (contract 7): debug builds only.
#[cfg(debug_assertions)]
pub fn failpoint() -> Option<String> {
    environment("SCHEDULER_END_AT")
}

fn api_key(entry: &str) -> Option<ApiKey> {
    let (clinic, key) = match entry.split_once(':') {
        Some((clinic, key)) => (Some(ClinicId(clinic.to_owned())), key),
        None => (None, entry),
    };
    (!key.is_empty()).then(|| ApiKey { clinic, key: Secret::new(key) })
}

/// Percent-encodes what may not stand in a URL's user, password or path.
fn escape(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looking_up<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once_and_no_value_is_printed() {
        let lookup = looking_up(&[("RDS_HOST", "marked-host"), ("RDS_PORT", "marked-port")]);
        let mut reader = EnvReader::new(&lookup);
        reader.database(SslMode::VerifyFull);
        reader.tables();
        let error = reader.finish(()).unwrap_err().to_string();
        for name in ["RDS_PORT", "RDS_DATABASE", "RDS_USERNAME", "RDS_PASSWORD", "MESSAGE_EVENTS_TABLE"] {
            assert!(error.contains(name), "{error}");
        }
        assert!(!error.contains("marked"), "{error}");
    }

    #[test]
    fn a_password_of_any_characters_reaches_the_database() {
        let lookup = looking_up(&[
            ("RDS_HOST", "db"),
            ("RDS_PORT", "5432"),
            ("RDS_DATABASE", "clinic"),
            ("RDS_USERNAME", "app"),
            ("RDS_PASSWORD", "a@b:/%"),
        ]);
        let mut reader = EnvReader::new(&lookup);
        let config = reader.database(SslMode::Prefer);
        assert_eq!(config.url.expose(), "postgres://app:a%40b%3A%2F%25@db:5432/clinic");
        assert_eq!(config.ssl_mode, SslMode::Prefer);
    }

    #[test]
    fn keys_may_be_for_every_clinic_or_for_one() {
        let lookup = looking_up(&[("SCHEDULER_API_KEY", "one, sp-1:two")]);
        let mut reader = EnvReader::new(&lookup);
        let keys = reader.api_keys();
        let read: Vec<_> =
            keys.iter().map(|key| (key.clinic.as_ref().map(ClinicId::as_str), key.key.expose())).collect();
        assert_eq!(read, [(None, "one"), (Some("sp-1"), "two")]);
    }
}
