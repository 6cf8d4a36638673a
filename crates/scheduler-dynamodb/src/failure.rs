//! Why an operation failed.

use std::fmt;

use dynoxide::DynoxideError;

/// DynamoDB's answer to an operation that failed.
#[derive(Debug)]
pub struct Failure {
    /// HTTP status: 400, or 500 if the fault is this DynamoDB's.
    pub status: u16,
    /// The answer, as JSON. It may quote an item.
    pub body: String,
    /// DynamoDB's name for the failure, or SQLite's reason; quotes no item.
    pub cause: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// Keeps the whole text of an error that came before any item was read.
    pub(crate) fn at_start(error: DynoxideError) -> Self {
        let cause = error.to_string();
        Self { cause, ..error.into() }
    }
}

impl From<DynoxideError> for Failure {
    fn from(error: DynoxideError) -> Self {
        let cause = match &error {
            DynoxideError::SqliteError(cause) => cause.to_string(),
            other => other.short_error_code().to_owned(),
        };
        Self { status: error.status_code(), body: error.to_json(), cause }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        DynoxideError::SqliteError(error).into()
    }
}
