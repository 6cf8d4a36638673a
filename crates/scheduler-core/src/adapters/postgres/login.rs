//! Opens connections, with a newer password if PostgreSQL refuses the one in use
//! (docs/rules/security.md#secrets).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::adapters::ssm::{RDS_PASSWORD, Secrets};

/// The options of every connection.
pub(super) struct Login {
    current: Mutex<Current>,
    secrets: OnceLock<Arc<Secrets>>,
}

#[derive(Clone)]
struct Current {
    options: PgConnectOptions,
    /// Version of the secrets that the password is from.
    version: u64,
}

impl Login {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { current: Mutex::new(Current { options, version: 0 }), secrets: OnceLock::new() }
    }

    /// Looks for a newer password in `secrets` from now on. The one in use is from their `version`.
    pub(super) fn renew_from(&self, secrets: Arc<Secrets>, version: u64) {
        self.change(|current| current.version = version);
        // Set once, when the function starts. A second time changes nothing.
        let _ = self.secrets.set(secrets);
    }

    /// Opens a connection. If PostgreSQL refuses the password, tries once more with a newer one, if there is
    /// one.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let Current { options, version } = self.change(|current| current.clone());
        match PgConnection::connect_with(&options).await {
            Err(error) if is_refused(&error) => match self.renewed(version).await {
                Some(options) => PgConnection::connect_with(&options).await,
                None => Err(error),
            },
            opened => opened,
        }
    }

    async fn renewed(&self, refused: u64) -> Option<PgConnectOptions> {
        let values = self.secrets.get()?.newer_than(refused).await?;
        let password = values.get(RDS_PASSWORD)?;
        Some(self.change(|current| {
            current.options = current.options.clone().password(password.expose());
            current.version = values.version();
            current.options.clone()
        }))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Current) -> T) -> T {
        change(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether PostgreSQL refused the password or the role (SQLSTATE class 28,
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code.starts_with("28"))
}
