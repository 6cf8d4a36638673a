//! The one error every store speaks.

use thiserror::Error;

/// Whose fault a store's failure is, and so what the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store is away, slow or out of capacity: the same call may succeed later (503).
    Unavailable,
    /// The store answered something that cannot be: our fault (500).
    Internal,
}

/// A store could not do what it was asked. Never turned into "nothing found".
#[derive(Debug, Error)]
#[error("{doing}")]
pub struct StoreError {
    /// Unavailable or our fault.
    pub kind: StoreErrorKind,
    /// What was being done, in a few words without a patient's data.
    pub doing: &'static str,
    /// The cause, for the log.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// The store is away.
    pub fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind: StoreErrorKind::Unavailable, doing, source: source.into() }
    }

    /// The store's answer makes no sense to us.
    pub fn internal(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind: StoreErrorKind::Internal, doing, source: source.into() }
    }
}
