//! Makes one call to Google with a deadline, and classifies its failure.

use std::time::Duration;

use google_sheets4::common::{self, Delegate, Retry};
use serde_json::Value;
use tokio::time::timeout;

/// Deadline of one call, including the request for a token.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetsErrorKind {
    /// Try again later. The call may have taken effect.
    Later,
    /// The tab is no longer as it was when it was read: read it again. Nothing was written.
    Changed,
    /// No such spreadsheet or tab, or no permission: try again only after somebody has changed something.
    Refused,
}

/// A call to Google failed. The text contains no cell values.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct SheetsError {
    /// What to do about it.
    pub kind: SheetsErrorKind,
    /// What failed and why, for the log.
    pub detail: String,
}

impl SheetsError {
    pub(super) fn new(kind: SheetsErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Records the HTTP status of a refusal, which the client's error does not always contain.
#[derive(Default)]
pub(super) struct StatusRecorder {
    pub status: Option<u16>,
}

impl Delegate for StatusRecorder {
    fn http_failure(&mut self, response: &common::Response, _: Option<&Value>) -> Retry {
        self.status = Some(response.status().as_u16());
        Retry::Abort
    }
}

impl StatusRecorder {
    pub(super) fn classify(&self, error: SheetsError) -> SheetsError {
        let Some(status) = self.status else { return error };
        let kind = match status {
            400 | 403 | 404 => SheetsErrorKind::Refused,
            _ => SheetsErrorKind::Later,
        };
        SheetsError::new(kind, format!("Google answered {status}"))
    }
}

/// Waits for the answer of a call, at most [`CALL_TIMEOUT`].
pub(super) async fn call<T>(
    future: impl Future<Output = common::Result<(common::Response, T)>>,
) -> Result<T, SheetsError> {
    let later = |detail: &str| SheetsError::new(SheetsErrorKind::Later, detail);
    match timeout(CALL_TIMEOUT, future).await {
        Ok(Ok((_, answer))) => Ok(answer),
        // The client's error texts are dropped, because they may quote the request or the answer.
        Ok(Err(common::Error::MissingToken(_))) => Err(later("Google issued no token")),
        Ok(Err(common::Error::JsonDecodeError(..))) => Err(later("Google's answer cannot be parsed")),
        Ok(Err(_)) => Err(later("the connection to Google failed")),
        Err(_) => Err(later("Google did not answer in time")),
    }
}
