//! Options of a connection: TLS, and the timeouts that the server enforces.

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::{DatabaseConfig, SslMode};
use crate::error::StoreError;

/// Builds the options of every connection from `config`.
pub(super) fn connect_options(config: &DatabaseConfig) -> Result<PgConnectOptions, StoreError> {
    let mut options: PgConnectOptions =
        config.url.expose().parse().map_err(|_: sqlx::Error| {
            StoreError::internal("read the database URL", "the URL is not valid")
        })?;
    options = options
        .ssl_mode(match config.ssl_mode {
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .application_name("scheduler")
        .options([
            // For the migrator, whose statements do not name the schema of its table. By default a schema
            // with the user's name comes first in the search path: for a user `scheduler`, the migrator would
            // no longer find its table once the first migration has created the schema `scheduler`.
            ("search_path", "public"),
            ("statement_timeout", "3s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "5s"),
            ("idle_session_timeout", "10min"),
        ])
        .disable_statement_logging();
    if let Some(path) = &config.root_cert {
        options = options.ssl_root_cert(path);
    }
    Ok(options)
}
