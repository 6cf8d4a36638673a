//! How a connection is made: whom it trusts, and the limits that the server keeps for it.

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::{DatabaseConfig, SslMode};
use crate::error::StoreError;

/// What `config` asks for.
pub(super) fn options(config: &DatabaseConfig) -> Result<PgConnectOptions, StoreError> {
    let mut options: PgConnectOptions =
        config.url.expose().parse().map_err(|_: sqlx::Error| {
            StoreError::internal("read the database's address", "it is no address")
        })?;
    options = options
        .ssl_mode(match config.ssl_mode {
            SslMode::Disable => PgSslMode::Disable,
            SslMode::Prefer => PgSslMode::Prefer,
            SslMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .application_name("scheduler")
        .options([
            // Statements name their schema; the migrator does not, and a user of the schema's name
            // would have it look for its table in another place after the first migration.
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
