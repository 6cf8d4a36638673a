//! The error of every store.

use thiserror::Error;

/// Who has to act on a store's failure, which decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store is unreachable, slow or out of capacity: the same call may succeed later (503).
    Unavailable,
    /// A bug or broken data: repeating the call does not help (500).
    Internal,
}

/// A store failed. Never treat this as "nothing found".
#[derive(Debug, Error)]
#[error("could not {action}")]
pub struct StoreError {
    /// What the caller may do.
    pub kind: StoreErrorKind,
    /// Completes "could not …"; without data of a patient.
    pub action: &'static str,
    /// The cause, for the log.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// The store is unreachable, slow or out of capacity.
    pub fn unavailable(
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind: StoreErrorKind::Unavailable, action, source: source.into() }
    }

    /// A bug or broken data.
    pub fn internal(
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind: StoreErrorKind::Internal, action, source: source.into() }
    }
}
