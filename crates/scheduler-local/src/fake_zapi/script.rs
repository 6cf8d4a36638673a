//! Answers that z-api gives on a bad day, for tests to ask for.

use std::time::Duration;

use axum::http::StatusCode;

use super::wire::Manner;

/// One answer of the stand-in, unlike its usual one.
#[derive(Debug, Clone, Default)]
pub struct ScriptedAnswer {
    pub(super) delay: Duration,
    pub(super) said: Option<(StatusCode, String)>,
    pub(super) manner: Manner,
    pub(super) taken: bool,
}

impl ScriptedAnswer {
    /// The usual answer: the message is taken.
    pub fn usual() -> Self {
        Self { taken: true, ..Self::default() }
    }

    /// This status and body; the message is not taken. An unknown status is 500.
    pub fn says(status: u16, body: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { said: Some((status, body.into())), ..Self::default() }
    }

    /// 200 and a body of so many bytes.
    pub fn huge(bytes: usize) -> Self {
        Self::says(200, " ".repeat(bytes))
    }

    /// The connection is reset before the first byte of an answer.
    pub fn reset() -> Self {
        Self { manner: Manner::ResetAfter(0), ..Self::default() }
    }

    /// The connection is reset after so many bytes of the answer, its head included.
    #[must_use]
    pub fn reset_after(mut self, bytes: usize) -> Self {
        self.manner = Manner::ResetAfter(bytes);
        self
    }

    /// The answer comes one byte at a time.
    #[must_use]
    pub fn byte_by_byte(mut self, pause: Duration) -> Self {
        self.manner = Manner::ByteByByte(pause);
        self
    }

    /// The answer comes only after this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Whatever is answered, the message is taken: it stands in the outbox.
    #[must_use]
    pub fn and_taken(mut self) -> Self {
        self.taken = true;
        self
    }
}
