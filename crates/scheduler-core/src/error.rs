//! The error type of all stores.

use thiserror::Error;

/// Whether repeating a failed call can help, which decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store is unreachable, slow or out of capacity: the same call may succeed later (503).
    Unavailable,
    /// A bug or broken data: repeating the call does not help (500).
    Internal,
}

/// A store failed. Never treat this error as "nothing found".
#[derive(Debug, Error)]
#[error("could not {action}")]
pub struct StoreError {
    /// Whether repeating the call can help.
    pub kind: StoreErrorKind,
    /// What failed: an infinitive that completes "could not …". It contains no patient data.
    pub action: &'static str,
    /// The cause, for the log.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// An error of kind [`StoreErrorKind::Unavailable`].
    pub fn unavailable(
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind: StoreErrorKind::Unavailable, action, source: source.into() }
    }

    /// An error of kind [`StoreErrorKind::Internal`].
    pub fn internal(
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind: StoreErrorKind::Internal, action, source: source.into() }
    }
}
