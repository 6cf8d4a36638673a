//! One call to Google: its time limit, and what its failure means.

use google_sheets4::common::{self, Delegate, Retry};
use serde_json::Value;
use tokio::time::timeout;

use super::CALL;

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetsErrorKind {
    /// Try later; what was to be written may have been.
    Later,
    /// Not before somebody changes something: no such spreadsheet or tab, no permission.
    Refused,
}

/// Google did not do it. Holds no word of a row.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct SheetsError {
    /// What to do about it.
    pub kind: SheetsErrorKind,
    /// For the log.
    pub detail: String,
}

/// Hears the status of a refusal, which the client's error does not always tell.
#[derive(Default)]
pub(super) struct Watch {
    pub status: Option<u16>,
}

impl Delegate for Watch {
    fn http_failure(&mut self, response: &common::Response, _: Option<&Value>) -> Retry {
        self.status = Some(response.status().as_u16());
        Retry::Abort
    }
}

impl Watch {
    pub(super) fn classify(&self, error: SheetsError) -> SheetsError {
        let Some(status) = self.status else { return error };
        let kind = match status {
            400 | 403 | 404 => SheetsErrorKind::Refused,
            _ => SheetsErrorKind::Later,
        };
        SheetsError { kind, detail: format!("Google answered {status}") }
    }
}

/// Waits for the answer so long and no longer.
pub(super) async fn call<T>(
    asked: impl Future<Output = common::Result<(common::Response, T)>>,
) -> Result<T, SheetsError> {
    let later = |detail: &str| SheetsError { kind: SheetsErrorKind::Later, detail: detail.to_owned() };
    match timeout(CALL, asked).await {
        Ok(Ok((_, answer))) => Ok(answer),
        // The client's own words may quote what was sent or answered.
        Ok(Err(common::Error::MissingToken(_))) => Err(later("Google gave no token")),
        Ok(Err(common::Error::JsonDecodeError(..))) => Err(later("Google's answer cannot be read")),
        Ok(Err(_)) => Err(later("the connection to Google failed")),
        Err(_) => Err(later("Google did not answer in time")),
    }
}
