//! Sending what was committed, in order, and marking what was taken.

use chrono::TimeDelta;
use tokio::time::Instant;

use super::worker::{ChatWorker, NextStep};
use crate::adapters::dynamodb::save::{LeaseChange, SaveOutcome};
use crate::adapters::dynamodb::session::{PendingReply, RecentMessage};
use crate::call_stats::{self, RunOutcome};
use crate::digest::short_sha256_hex;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::{SendErrorKind, Sent};

/// A reply that could not go out for so long says nothing sensible any more.
const TOO_LATE: TimeDelta = TimeDelta::hours(2);
/// How many messages that went out are remembered, to know their echo.
const MAX_RECENT: usize = 10;

impl ChatWorker<'_> {
    /// Sends the replies in order. The mark of each is written while the next is on its way; the
    /// last one's goes with whatever is written next.
    pub(super) async fn send_pending(&mut self) -> Result<NextStep, StoreError> {
        while let Some(reply) = self.session.pending.first().cloned() {
            if Instant::now() >= self.deadline {
                return Ok(NextStep::Continue);
            }
            if self.chats.clock.now() - reply.queued_at >= TOO_LATE {
                self.fail(&reply, "too late: two hours have passed");
                continue;
            }
            let chats = self.chats;
            let profile = self.profile.clone();
            let sending = chats.deliver(&profile.clinic, &reply.to, &reply.message);
            let outcome = if self.unmarked {
                let (saved, outcome) = tokio::join!(self.save(None, LeaseChange::Keep), sending);
                if outcome.is_ok() {
                    failpoints::hit("reply_accepted");
                }
                if !matches!(saved?, SaveOutcome::Done) {
                    return Ok(NextStep::Stop(RunOutcome::LostLease));
                }
                outcome
            } else {
                let outcome = sending.await;
                if outcome.is_ok() {
                    failpoints::hit("reply_accepted");
                }
                outcome
            };
            match outcome {
                Ok(sent) => self.mark(&reply, sent),
                Err(error) if error.kind == SendErrorKind::Permanent => {
                    tracing::warn!(
                        step = "send",
                        error = &error as &dyn std::error::Error,
                        "a reply was refused"
                    );
                    self.fail(&reply, &error.detail);
                }
                Err(error) => {
                    tracing::warn!(step = "send", error = &error as &dyn std::error::Error, kind = ?error.kind, "a reply has to wait");
                    self.sending = false;
                    break;
                }
            }
        }
        Ok(NextStep::Continue)
    }

    fn mark(&mut self, reply: &PendingReply, sent: Sent) {
        self.session.pending.remove(0);
        let recent = &mut self.session.bookkeeping.sent;
        recent.push(RecentMessage {
            id: sent.provider_message_id.clone(),
            fingerprint: fingerprint(&reply.message.text),
        });
        let surplus = recent.len().saturating_sub(MAX_RECENT);
        recent.drain(..surplus);
        self.record_sent(reply, sent);
        self.unmarked = true;
    }

    fn fail(&mut self, reply: &PendingReply, detail: &str) {
        call_stats::record_failed_message();
        self.session.pending.remove(0);
        self.record_failed(reply, detail);
    }
}

/// Fingerprint that recognises the echo of a sent text.
pub(super) fn fingerprint(text: &str) -> String {
    short_sha256_hex(text.trim())
}
