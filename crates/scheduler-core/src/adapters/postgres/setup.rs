//! Making the schema and the example clinic; both safe to run twice.

use super::Db;
use crate::error::StoreError;

/// One thing that was done, or was there already, as a line to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done(pub String);

impl Db {
    /// Runs the migrations that have not run.
    pub async fn setup(&self) -> Result<Vec<Done>, StoreError> {
        todo!()
    }

    /// Makes the specification's example clinic (`laser-beauty-sp`, z-api instance `instance-123`):
    /// one service, one professional, five rules, five FAQ items, the default templates.
    pub async fn seed_clinic(&self) -> Result<Vec<Done>, StoreError> {
        todo!()
    }
}
