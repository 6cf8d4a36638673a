//! A DynamoDB inside this process, with its data in a file or in memory: dynoxide, and what it lacks for a
//! server that runs for a long time (docs/adr/0010-the-local-server-serves-its-dynamodb.md).
//!
//! It is a crate of its own so that it can be compiled for speed in every profile.

mod failure;
mod json;
mod operations;
mod transactions;

use std::path::Path;

use dynoxide::Database;
use dynoxide::auth_material::{self, AuthMaterial};

pub use self::failure::Failure;
use self::transactions::Transactions;

/// Every method blocks, and may wait for one that runs on another thread.
pub struct DynamoDb {
    database: Database,
    transactions: Transactions,
}

impl DynamoDb {
    /// Opens a data file, which is created if it is missing.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let database = Database::new(&file.to_string_lossy()).map_err(Failure::at_start)?;
        Ok(Self { database, transactions: Transactions::default() })
    }

    /// Starts with no data, and keeps it in memory.
    pub fn in_memory() -> Result<Self, Failure> {
        let database = Database::memory().map_err(Failure::at_start)?;
        Ok(Self { database, transactions: Transactions::default() })
    }

    /// What a request without a complete signature is answered, as JSON. Signatures themselves are not
    /// checked.
    pub fn missing_signature(authorization: Option<&str>, query: &str, has_date: bool) -> Option<String> {
        auth_material::validate(AuthMaterial { authorization, query, has_date_header: has_date })
    }

    /// Runs an operation of DynamoDB's API, such as `PutItem`. Body and answer are JSON. `None`: there is no
    /// such operation.
    pub fn run(&self, operation: &str, body: &str) -> Option<Result<String, Failure>> {
        let answer = operations::run(&self.database, &self.transactions, operation, body)?;
        Some(answer.map_err(Failure::from))
    }
}
