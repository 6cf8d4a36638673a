//! Configuration from environment variables (`docs/rules/api.md#environment`). No other module reads the
//! environment; only the AWS SDK reads its credentials there. Variables are read through a [`Lookup`], so
//! that tests need none, and in parts, so that each function reads only what it uses.

mod key_strength;

use std::fmt;
use std::path::PathBuf;

pub use self::key_strength::{MIN_KEY_CHARS, check_key_strength};
use crate::domain::clinic::Secret;
use crate::domain::ids::ClinicId;
use crate::domain::send_limits::SendLimits;
use crate::webhook_url::{WebhookMasters, WebhookUrls};

/// Looks up a variable by name; `None` if it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads an environment variable of this process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// All variables that are missing or not valid, without their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// One entry per variable.
    pub errors: Vec<VariableError>,
}

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableError {
    /// Name of the variable.
    pub name: &'static str,
    /// Completes a sentence that starts with the name, such as "is not set".
    pub wrong: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment variables are not valid:")?;
        for error in &self.errors {
            write!(f, " {} {};", error.name, error.wrong)?;
        }
        Ok(())
    }
}

/// TLS mode of the connection to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it. The certificate is not checked.
    Prefer,
    /// TLS is required. The certificate's chain and host name are checked.
    VerifyFull,
}

/// How to reach PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgres://…`: `DATABASE_URL`, or built from the `RDS_*` variables.
    pub url: Secret,
    /// `RDS_SSL_MODE`.
    pub ssl_mode: SslMode,
    /// File of root certificates for `verify-full`, if the default ones are not enough.
    pub root_cert: Option<PathBuf>,
    /// Connections that the process may hold.
    pub connections: usize,
}

/// The DynamoDB tables, and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablesConfig {
    /// `CONVERSATION_SESSIONS_TABLE`
    pub sessions: String,
    /// `MESSAGE_EVENTS_TABLE`
    pub events: String,
    /// `SCHEDULED_REMINDERS_TABLE`
    pub reminders: String,
    /// URL of a DynamoDB other than Amazon's (`AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// AWS region, such as `sa-east-1` (`AWS_REGION`, which Lambda sets).
    pub region: String,
}

/// The reminders table alone, for a function that uses no other table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemindersConfig {
    /// `SCHEDULED_REMINDERS_TABLE`
    pub table: String,
    /// As in [`TablesConfig`].
    pub endpoint: Option<String>,
    /// As in [`TablesConfig`].
    pub region: String,
}

/// How to reach z-api, the WhatsApp provider, and to whom messages may be sent.
#[derive(Debug, Clone)]
pub struct ZapiConfig {
    /// Without a slash at the end.
    pub base_url: String,
    /// The z-api account's Client-Token, for clinics without one.
    pub client_token: Option<Secret>,
    /// `ALLOWED_PHONES` verbatim. It is empty if the variable is not set, which allows nobody.
    pub allowed_phones: String,
}

/// How to reach Google Sheets.
#[derive(Debug, Clone)]
pub struct SheetsConfig {
    /// The service account's key, in Google's JSON format.
    pub service_account: Secret,
    /// URL of a Sheets API other than Google's, without a slash at the end.
    pub base_url: Option<String>,
}

/// One entry of `SCHEDULER_API_KEY`.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The only clinic that the key opens; `None` means every clinic.
    pub clinic: Option<ClinicId>,
    /// The secret that clients send.
    pub key: Secret,
}

/// Reads the parts of one function's configuration, and collects the errors of all of them.
pub struct EnvReader<'a> {
    lookup: Lookup<'a>,
    errors: Vec<VariableError>,
    connections: usize,
}

impl<'a> EnvReader<'a> {
    /// Reads through `lookup`.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup, errors: Vec::new(), connections: 1 }
    }

    /// Returns `config`, or all errors that were found while it was read.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.errors.is_empty() { Ok(config) } else { Err(ConfigError { errors: self.errors }) }
    }

    /// Lets the process hold this many connections to PostgreSQL; without this call, one.
    pub fn use_connections(&mut self, connections: usize) {
        self.connections = connections;
    }

    /// `DATABASE_URL`, or the five `RDS_*` variables. `default_ssl_mode` applies if `RDS_SSL_MODE` is not
    /// set.
    pub fn database(&mut self, default_ssl_mode: SslMode) -> DatabaseConfig {
        let url = match self.optional("DATABASE_URL") {
            Some(url) => url,
            None => {
                let host = self.required("RDS_HOST");
                let port = self.required("RDS_PORT");
                let name = self.required("RDS_DATABASE");
                let user = self.required("RDS_USERNAME");
                let password = self.required("RDS_PASSWORD");
                if !port.is_empty() && port.parse::<u16>().is_err() {
                    self.error("RDS_PORT", "is not a port number");
                }
                let (user, password, name) =
                    (percent_encode(&user), percent_encode(&password), percent_encode(&name));
                format!("postgres://{user}:{password}@{host}:{port}/{name}")
            }
        };
        let ssl_mode = match self.optional("RDS_SSL_MODE").as_deref() {
            None => default_ssl_mode,
            Some("disable") => SslMode::Disable,
            Some("prefer") => SslMode::Prefer,
            Some("verify-full") => SslMode::VerifyFull,
            Some(_) => {
                self.error("RDS_SSL_MODE", "is not one of disable, prefer, verify-full");
                default_ssl_mode
            }
        };
        let root_cert = self.optional("RDS_ROOT_CERT").map(PathBuf::from);
        DatabaseConfig { url: Secret::new(url), ssl_mode, root_cert, connections: self.connections }
    }

    /// Names of the three DynamoDB tables, with endpoint and region.
    pub fn tables(&mut self) -> TablesConfig {
        TablesConfig {
            sessions: self.required("CONVERSATION_SESSIONS_TABLE"),
            events: self.required("MESSAGE_EVENTS_TABLE"),
            reminders: self.required("SCHEDULED_REMINDERS_TABLE"),
            endpoint: self.dynamodb_endpoint(),
            region: self.region(),
        }
    }

    /// Name of the reminders table, with endpoint and region.
    pub fn reminders(&mut self) -> RemindersConfig {
        let table = self.required("SCHEDULED_REMINDERS_TABLE");
        RemindersConfig { table, endpoint: self.dynamodb_endpoint(), region: self.region() }
    }

    /// How to reach z-api. All of its variables are optional.
    pub fn zapi(&mut self) -> ZapiConfig {
        let base_url = self.optional("ZAPI_BASE_URL").unwrap_or_else(|| "https://api.z-api.io".into());
        ZapiConfig {
            base_url: base_url.trim_end_matches('/').to_owned(),
            client_token: self.optional("ZAPI_CLIENT_TOKEN").map(Secret::new),
            allowed_phones: self.optional("ALLOWED_PHONES").unwrap_or_default(),
        }
    }

    /// How to reach Google Sheets; `None` if `GOOGLE_SHEETS_SERVICE_ACCOUNT` is not set. Then no sheet is
    /// written.
    pub fn sheets(&mut self) -> Option<SheetsConfig> {
        let service_account = Secret::new(self.optional("GOOGLE_SHEETS_SERVICE_ACCOUNT")?);
        let base_url = self.optional("GOOGLE_SHEETS_BASE_URL");
        let base_url = base_url.map(|url| url.trim_end_matches('/').to_owned());
        Some(SheetsConfig { service_account, base_url })
    }

    /// `SCHEDULER_API_KEY`: entries `<key>` or `<clinicId>:<key>`, separated by commas
    /// (`docs/rules/api.md#keys`).
    pub fn api_keys(&mut self) -> Vec<ApiKey> {
        let entries = self.required("SCHEDULER_API_KEY");
        let keys: Vec<ApiKey> = entries.split(',').filter_map(|entry| api_key(entry.trim())).collect();
        if keys.is_empty() && !entries.is_empty() {
            self.error("SCHEDULER_API_KEY", "contains no key");
        }
        keys
    }

    /// `WEBHOOK_TOKEN`: the masters of the webhooks' tokens. A deployed webhook does not start without it.
    pub fn webhook_masters(&mut self) -> WebhookMasters {
        let list = self.required("WEBHOOK_TOKEN");
        // Without a master there is an error, so the empty one is never used.
        self.masters_in(&list).unwrap_or_else(|| WebhookMasters::new(Secret::new("")))
    }

    /// `WEBHOOK_TOKEN`, where it may be missing.
    pub fn optional_webhook_masters(&mut self) -> Option<WebhookMasters> {
        let list = self.optional("WEBHOOK_TOKEN")?;
        self.masters_in(&list)
    }

    /// `WEBHOOK_ACCEPT_MASTER`: whether a master is accepted as a token.
    pub fn accepts_webhook_master(&mut self) -> bool {
        match self.optional("WEBHOOK_ACCEPT_MASTER").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.error("WEBHOOK_ACCEPT_MASTER", "is not true or false");
                false
            }
        }
    }

    /// `WEBHOOK_BASE_URL`: what precedes the path in the URLs of the webhooks.
    pub fn webhook_base_url(&mut self) -> Option<String> {
        let url = self.optional("WEBHOOK_BASE_URL")?;
        if !url.starts_with("https://") && !url.starts_with("http://") {
            self.error("WEBHOOK_BASE_URL", "is not an http(s) URL");
        }
        Some(url)
    }

    /// The webhooks' URLs; `None` if `WEBHOOK_BASE_URL` or `WEBHOOK_TOKEN` is not set.
    pub fn webhook_urls(&mut self) -> Option<WebhookUrls> {
        let (base, masters) = (self.webhook_base_url(), self.optional_webhook_masters());
        Some(WebhookUrls::new(&base?, masters?))
    }

    /// `SEND_DAILY_LIMIT` and `SEND_DAILY_LIMIT_NEW`.
    pub fn send_limits(&mut self) -> SendLimits {
        let default = SendLimits::default();
        SendLimits {
            daily: self.number("SEND_DAILY_LIMIT", default.daily),
            daily_to_new: self.number("SEND_DAILY_LIMIT_NEW", default.daily_to_new),
        }
    }

    /// An optional variable. An empty one counts as not set.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn masters_in(&mut self, list: &str) -> Option<WebhookMasters> {
        let masters = WebhookMasters::parse(list);
        if masters.is_none() && !list.is_empty() {
            self.error("WEBHOOK_TOKEN", "does not contain one secret, or two separated by a comma");
        }
        masters
    }

    fn dynamodb_endpoint(&self) -> Option<String> {
        self.optional("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| self.optional("AWS_ENDPOINT_URL"))
    }

    /// `AWS_REGION`.
    pub(crate) fn region(&self) -> String {
        self.optional("AWS_REGION").unwrap_or_else(|| "us-east-1".into())
    }

    pub(crate) fn required(&mut self, name: &'static str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.error(name, "is not set");
        }
        value.unwrap_or_default()
    }

    fn number(&mut self, name: &'static str, default: u32) -> u32 {
        match self.optional(name).map(|value| value.parse::<u32>()) {
            None => default,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                self.error(name, "is not a whole number");
                default
            }
        }
    }

    pub(crate) fn error(&mut self, name: &'static str, wrong: &'static str) {
        self.errors.push(VariableError { name, wrong });
    }
}

/// `SCHEDULER_END_AT`: the failpoint at which this process aborts (`docs/rules/data.md#failpoints`). It
/// exists in debug builds only, for tests.
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

/// Percent-encodes all characters that are reserved in a URL.
fn percent_encode(part: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes()
        .map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup_in<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn all_errors_are_named_together_and_no_value_is_printed() {
        let lookup = lookup_in(&[("RDS_HOST", "marked-host"), ("RDS_PORT", "marked-port")]);
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
    fn special_characters_in_the_database_password_are_percent_encoded() {
        let lookup = lookup_in(&[
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
    fn the_limits_of_messages_have_defaults_and_must_be_numbers() {
        let lookup = lookup_in(&[("SEND_DAILY_LIMIT", "7"), ("SEND_DAILY_LIMIT_NEW", "")]);
        let mut reader = EnvReader::new(&lookup);
        assert_eq!(reader.send_limits(), SendLimits { daily: 7, daily_to_new: 100 });
        for nonsense in ["-1", "many", "1.5"] {
            let variables = [("SEND_DAILY_LIMIT_NEW", nonsense)];
            let lookup = lookup_in(&variables);
            let mut reader = EnvReader::new(&lookup);
            reader.send_limits();
            let error = reader.finish(()).unwrap_err().to_string();
            assert!(error.contains("SEND_DAILY_LIMIT_NEW is not a whole number"), "{error}");
        }
    }

    #[test]
    fn an_api_key_opens_every_clinic_or_one() {
        let lookup = lookup_in(&[("SCHEDULER_API_KEY", "one, sp-1:two")]);
        let mut reader = EnvReader::new(&lookup);
        let keys = reader.api_keys();
        let read: Vec<_> =
            keys.iter().map(|key| (key.clinic.as_ref().map(ClinicId::as_str), key.key.expose())).collect();
        assert_eq!(read, [(None, "one"), (Some("sp-1"), "two")]);
    }

    #[test]
    fn invalid_variables_of_the_webhooks_are_named_and_their_values_are_not_printed() {
        let lookup = lookup_in(&[
            ("WEBHOOK_TOKEN", "marked-one,marked-two,marked-three"),
            ("WEBHOOK_ACCEPT_MASTER", "marked-yes"),
            ("WEBHOOK_BASE_URL", "marked.example.com"),
        ]);
        let mut reader = EnvReader::new(&lookup);
        reader.webhook_masters();
        assert!(!reader.accepts_webhook_master());
        reader.webhook_base_url();
        let error = reader.finish(()).unwrap_err();
        let names: Vec<_> = error.errors.iter().map(|error| error.name).collect();
        assert_eq!(names, ["WEBHOOK_TOKEN", "WEBHOOK_ACCEPT_MASTER", "WEBHOOK_BASE_URL"]);
        assert!(!error.to_string().contains("marked"), "{error}");
    }

    #[test]
    fn webhook_urls_need_a_base_and_a_master() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], expected: bool) {
            let lookup = lookup_in(variables);
            let mut reader = EnvReader::new(&lookup);
            let urls = reader.webhook_urls();
            assert_eq!(reader.finish(urls).map(|urls| urls.is_some()), Ok(expected), "{variables:?}");
        }
        let (base, token) =
            (("WEBHOOK_BASE_URL", "https://api.example.com/prod"), ("WEBHOOK_TOKEN", "a-master"));
        check(&[], false);
        check(&[base], false);
        check(&[token], false);
        check(&[base, token], true);
    }
}
