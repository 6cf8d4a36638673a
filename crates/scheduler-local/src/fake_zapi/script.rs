//! Faulty answers that tests make the fake z-api server give.

use std::time::Duration;

use axum::http::StatusCode;

use super::faulty_stream::WriteMode;

/// How the fake z-api server answers one call.
#[derive(Debug, Clone, Default)]
pub struct ScriptedAnswer {
    pub(super) delay: Duration,
    pub(super) delay_after: Duration,
    pub(super) response: Option<(StatusCode, String)>,
    pub(super) write_mode: WriteMode,
    pub(super) accepted: bool,
}

impl ScriptedAnswer {
    /// z-api's normal answer; the message is accepted.
    pub fn success() -> Self {
        Self { accepted: true, ..Self::default() }
    }

    /// Answers with this status and body; the message is not accepted. An invalid status becomes 500.
    pub fn respond(status: u16, body: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { response: Some((status, body.into())), ..Self::default() }
    }

    /// Answers 200 with a body of this many bytes; the message is not accepted.
    pub fn huge(bytes: usize) -> Self {
        Self::respond(200, " ".repeat(bytes))
    }

    /// Resets the connection before the first byte of the answer; the message is not accepted.
    pub fn reset() -> Self {
        Self { write_mode: WriteMode::ResetAfter(0), ..Self::default() }
    }

    /// Resets the connection after this many bytes of the answer, status line and headers included.
    #[must_use]
    pub fn reset_after(mut self, bytes: usize) -> Self {
        self.write_mode = WriteMode::ResetAfter(bytes);
        self
    }

    /// Sends one byte at a time, with this pause between bytes.
    #[must_use]
    pub fn byte_by_byte(mut self, pause: Duration) -> Self {
        self.write_mode = WriteMode::ByteByByte(pause);
        self
    }

    /// Answers only after this delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Accepts the message at once and answers only after this delay.
    pub fn accepted_but_slow(delay: Duration) -> Self {
        Self { delay_after: delay, ..Self::success() }
    }

    /// Accepts the message into the outbox, whatever the answer is.
    #[must_use]
    pub fn and_accepted(mut self) -> Self {
        self.accepted = true;
        self
    }
}
