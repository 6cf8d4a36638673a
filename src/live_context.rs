//! A function's context while the function runs: built from variables and secrets, and built again when a
//! secret has changed, so that rotating one needs no deployment (docs/rules/security.md#secrets).

use std::sync::Arc;

use scheduler_core::adapters::ssm::{Secrets, SsmConfig, Values};
use scheduler_core::config::{ConfigError, VariableError};
use scheduler_core::ports::Clock;
use tokio::sync::Mutex;

use crate::context::StartError;
use crate::secrets::{ReadsSecrets, SCHEDULER_API_KEY, WEBHOOK_TOKEN};

/// Keys and tokens from SSM have at least this many characters: half of what `openssl rand -hex 24` prints.
const SHORTEST_KEY: usize = 24;

/// Looks up a variable of the function.
type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The context of a running function.
pub struct LiveContext<C> {
    env: Environment,
    /// `None` if variables set all of them.
    secrets: Option<Arc<Secrets>>,
    built: Mutex<Built<C>>,
}

struct Built<C> {
    context: C,
    /// Version of the secrets that were last tried.
    version: u64,
}

impl<C: ReadsSecrets> LiveContext<C> {
    /// Reads the secrets that no variable sets from SSM, and builds the context. The error names every
    /// variable and secret that is missing or not valid.
    pub async fn start(
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let env: Environment = Box::new(env);
        let secrets = match SsmConfig::from_env(&*env, C::SECRETS)? {
            Some(config) => Some(Arc::new(Secrets::read(config, clock).await?)),
            None => None,
        };
        let context = match &secrets {
            Some(secrets) => build(&env, secrets, &secrets.latest())?,
            None => C::from_env(&*env)?,
        };
        Ok(Self { env, secrets, built: Mutex::new(Built { context, version: 0 }) })
    }

    /// Opens the connections before the first request.
    pub async fn warm_up(&self) {
        let context = self.built.lock().await.context.clone();
        context.warm_up().await;
    }

    /// The context for the next request. Secrets that are older than five minutes are read again first. If the
    /// new ones cannot be read or are not valid, the old ones stay in use.
    pub async fn current(&self) -> C {
        if let Some(secrets) = &self.secrets {
            secrets.refresh_if_old().await;
            self.follow(secrets).await;
        }
        self.built.lock().await.context.clone()
    }

    async fn follow(&self, secrets: &Arc<Secrets>) {
        let mut built = self.built.lock().await;
        let values = secrets.latest();
        if built.version == values.version() {
            return;
        }
        built.version = values.version();
        match build(&self.env, secrets, &values) {
            Ok(context) => {
                built.context = context;
                tracing::info!(step = "secrets", "a secret has changed and is in use now");
            }
            Err(error) => tracing::error!(
                step = "secrets",
                error = &error as &dyn std::error::Error,
                "the new secrets are not valid; the old ones stay in use"
            ),
        }
    }
}

/// Builds a context from the variables, and from these values for secrets that no variable sets.
fn build<C: ReadsSecrets>(
    env: &Environment,
    secrets: &Arc<Secrets>,
    values: &Values,
) -> Result<C, StartError> {
    let lookup = |name: &str| {
        let variable = env(name).filter(|value| !value.is_empty());
        variable.or_else(|| values.get(name).map(|secret| secret.expose().to_owned()))
    };
    let (context, mut errors) = match C::from_env(&lookup) {
        Ok(context) => (Some(context), Vec::new()),
        Err(StartError::Config(error)) => (None, error.errors),
        Err(error) => return Err(error),
    };
    errors.extend(short_keys(values));
    for error in &mut errors {
        if secrets.names().contains(&error.name) && values.get(error.name).is_none() {
            error.wrong = "is not set, and is not a parameter in SSM below SECRETS_PATH";
        }
    }
    match context {
        Some(context) if errors.is_empty() => {
            context.db().renew_password_from(secrets.clone(), values.version());
            Ok(context)
        }
        _ => Err(ConfigError { errors }.into()),
    }
}

/// The secrets that hold a key that could be guessed.
fn short_keys(values: &Values) -> Vec<VariableError> {
    let has_short_key = |name: &&'static str| {
        let Some(list) = values.get(name) else { return false };
        let keys = list.expose().split(',').map(|entry| match entry.split_once(':') {
            // The entry names a clinic in front of its key (docs/rules/api.md#keys).
            Some((_, key)) if *name == SCHEDULER_API_KEY => key.trim(),
            _ => entry.trim(),
        });
        keys.filter(|key| !key.is_empty()).any(|key| !is_strong_enough(key))
    };
    [SCHEDULER_API_KEY, WEBHOOK_TOKEN]
        .into_iter()
        .filter(has_short_key)
        .map(|name| VariableError { name, wrong: "has a key of fewer than 24 characters" })
        .collect()
}

/// Whether nobody can guess the key by trying.
fn is_strong_enough(key: &str) -> bool {
    key.chars().count() >= SHORTEST_KEY
}
