//! Which secrets to ask SSM for, and how to reach it, from the environment (docs/rules/api.md#environment).

use hyper::Uri;

use crate::config::{ConfigError, EnvReader, Lookup};
use crate::domain::clinic::Secret;

/// The secret that a database URL contains too.
pub const RDS_PASSWORD: &str = "RDS_PASSWORD";

/// What one function asks SSM for, with the credentials that Lambda gives it.
#[derive(Debug)]
pub struct SsmConfig {
    /// `SECRETS_PATH`, without a slash at the end.
    pub(super) path: String,
    /// The secrets that no variable sets. The parameter of a secret is `<path>/<name>`.
    pub(super) names: Vec<&'static str>,
    pub(super) endpoint: Endpoint,
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Option<Secret>,
}

/// Where SSM listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Host, and port if the URL names one: the header `Host`.
    pub(super) authority: String,
}

impl SsmConfig {
    /// Reads the configuration of a function that uses `secrets`. `None` if SSM is not asked: a variable sets
    /// every secret, or `SECRETS_PATH` is not set.
    pub fn from_env(env: Lookup<'_>, secrets: &[&'static str]) -> Result<Option<Self>, ConfigError> {
        let mut reader = EnvReader::new(env);
        let names: Vec<_> = secrets.iter().copied().filter(|name| !is_set(&reader, name)).collect();
        let Some(path) = reader.optional("SECRETS_PATH").filter(|_| !names.is_empty()) else {
            return Ok(None);
        };
        if !path.starts_with('/') {
            reader.error("SECRETS_PATH", "does not begin with a slash");
        }
        let region = reader.region();
        let given = reader.optional("AWS_ENDPOINT_URL_SSM").or_else(|| reader.optional("AWS_ENDPOINT_URL"));
        let url = given.unwrap_or_else(|| format!("https://ssm.{region}.amazonaws.com"));
        let endpoint = Endpoint::parse(&url);
        if endpoint.is_none() {
            reader.error("AWS_ENDPOINT_URL_SSM", "is not an http(s) URL");
        }
        let access_key_id = reader.required("AWS_ACCESS_KEY_ID");
        let secret_access_key = Secret::new(reader.required("AWS_SECRET_ACCESS_KEY"));
        let session_token = reader.optional("AWS_SESSION_TOKEN").map(Secret::new);
        let config = endpoint.map(|endpoint| Self {
            path: path.trim_end_matches('/').to_owned(),
            names,
            endpoint,
            region,
            access_key_id,
            secret_access_key,
            session_token,
        });
        reader.finish(config)
    }
}

impl Endpoint {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            tls,
            host: uri.host()?.to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: uri.authority()?.as_str().to_owned(),
        })
    }
}

/// Whether a variable gives the secret.
fn is_set(reader: &EnvReader<'_>, name: &str) -> bool {
    let in_url = name == RDS_PASSWORD && reader.optional("DATABASE_URL").is_some();
    in_url || reader.optional(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "marked-id"), ("AWS_SECRET_ACCESS_KEY", "marked-secret")];

    fn read(variables: &[(&str, &str)]) -> Result<Option<SsmConfig>, ConfigError> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        SsmConfig::from_env(&lookup, &["RDS_PASSWORD", "SCHEDULER_API_KEY"])
    }

    #[test]
    fn ssm_is_asked_for_the_secrets_that_no_variable_sets() {
        let names = |more: &[(&str, &str)]| {
            let config = read(&[&CREDENTIALS[..], more].concat()).unwrap();
            config.map(|config| config.names)
        };
        let path = ("SECRETS_PATH", "/dev/");
        assert_eq!(names(&[path]), Some(vec!["RDS_PASSWORD", "SCHEDULER_API_KEY"]));
        assert_eq!(names(&[path, ("SCHEDULER_API_KEY", "key")]), Some(vec!["RDS_PASSWORD"]));
        assert_eq!(names(&[path, ("RDS_PASSWORD", "")]), Some(vec!["RDS_PASSWORD", "SCHEDULER_API_KEY"]));
        assert_eq!(names(&[path, ("DATABASE_URL", "postgres://")]), Some(vec!["SCHEDULER_API_KEY"]));
        assert_eq!(names(&[path, ("RDS_PASSWORD", "p"), ("SCHEDULER_API_KEY", "key")]), None);
        assert_eq!(names(&[]), None);
    }

    #[test]
    fn the_endpoint_is_amazons_unless_a_variable_names_another() {
        let endpoint = |more: &[(&str, &str)]| {
            let variables = [&CREDENTIALS[..], &[("SECRETS_PATH", "/dev")][..], more].concat();
            read(&variables).unwrap().unwrap().endpoint
        };
        let amazon = endpoint(&[("AWS_REGION", "sa-east-1")]);
        assert_eq!((amazon.tls, amazon.port), (true, 443));
        assert_eq!((amazon.host.as_str(), &amazon.authority), ("ssm.sa-east-1.amazonaws.com", &amazon.host));
        let local = endpoint(&[("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:4566/")]);
        assert_eq!((local.tls, local.port, local.authority.as_str()), (false, 4566, "127.0.0.1:4566"));
    }

    #[test]
    fn wrong_variables_are_named_together_without_their_values() {
        let error = read(&[("SECRETS_PATH", "marked-path"), ("AWS_ENDPOINT_URL_SSM", "ftp://marked")]);
        let error = error.unwrap_err().to_string();
        for name in ["SECRETS_PATH", "AWS_ENDPOINT_URL_SSM", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert!(error.contains(name), "{error}");
        }
        assert!(!error.contains("marked"), "{error}");
    }
}
