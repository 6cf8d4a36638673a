//! A DynamoDB inside this process, with its data in a file or in memory: dynoxide, and what it lacks for a
//! server that runs for a long time (docs/adr/0010-the-local-server-serves-its-dynamodb.md).
//!
//! It is a crate of its own so that it can be compiled for speed in every profile.

mod expiry;
mod failure;
mod file;
mod json;
mod operations;
mod transactions;

use std::path::{Path, PathBuf};

use dynoxide::Database;
use dynoxide::auth_material::{self, AuthMaterial};

pub use self::expiry::{ExpiringTable, ExpiryPage, Item};
pub use self::failure::Failure;
use self::transactions::Transactions;

/// Every method blocks, and may wait for one that runs on another thread.
pub struct DynamoDb {
    database: Database,
    transactions: Transactions,
    file: Option<PathBuf>,
}

impl DynamoDb {
    /// Opens a data file, which is created if it is missing.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        file::prepare(file);
        let database = Database::new(&file.to_string_lossy()).map_err(Failure::at_start)?;
        Ok(Self { database, transactions: Transactions::default(), file: Some(file.to_owned()) })
    }

    /// Starts with no data, and keeps it in memory.
    pub fn in_memory() -> Result<Self, Failure> {
        let database = Database::memory().map_err(Failure::at_start)?;
        Ok(Self { database, transactions: Transactions::default(), file: None })
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

    /// Reads some items of a table, from the start or from where an earlier page ended, and deletes those
    /// whose time was over before `now`, in seconds since 1970.
    pub fn delete_expired(
        &self,
        table: &ExpiringTable,
        now: i64,
        after: Option<Item>,
    ) -> Result<ExpiryPage, Failure> {
        Ok(expiry::delete_expired(&self.database, table, now, after)?)
    }

    /// Gives some of the file's free space back, and returns whether there is more.
    pub fn give_back_space(&self) -> Result<bool, Failure> {
        match &self.file {
            Some(file) => Ok(file::give_back_pages(file)?),
            None => Ok(false),
        }
    }
}
