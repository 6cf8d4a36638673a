//! One held connection per process (Lambda) or a pool (local server).

use crate::error::StoreError;

/// PostgreSQL, however many connections it holds.
#[derive(Clone)]
pub struct Db {}

impl Db {
    /// Opens what will surely be needed, ahead of the first request; its failure is the first
    /// request's to report.
    pub async fn warm(&self) {
        todo!()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
}
