//! Sends committed replies in order and removes those that the provider accepted or refused.

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

/// Time after which a reply that could not be sent is dropped.
const REPLY_TTL: TimeDelta = TimeDelta::hours(2);
/// Number of sent messages that are remembered to recognise their echoes.
const MAX_RECENT: usize = 10;

impl ChatWorker<'_> {
    /// Sends the replies in order. While a reply is being sent, a save marks the reply before it as sent. The
    /// last reply is marked by the worker's next save.
    pub(super) async fn send_pending(&mut self) -> Result<NextStep, StoreError> {
        while let Some(reply) = self.session.pending.first().cloned() {
            if Instant::now() >= self.deadline {
                return Ok(NextStep::Continue);
            }
            if self.chats.clock.now() - reply.queued_at >= REPLY_TTL {
                self.mark_failed(&reply, "too late: two hours have passed");
                continue;
            }
            let chats = self.chats;
            let profile = self.profile.clone();
            let sending = chats.deliver(&profile.clinic, &reply.to, &reply.message);
            let outcome = if self.has_unsaved_sent_reply {
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
                Ok(sent) => self.mark_sent(&reply, sent),
                Err(error) if error.kind == SendErrorKind::Permanent => {
                    tracing::warn!(
                        step = "send",
                        error = &error as &dyn std::error::Error,
                        "a reply was refused"
                    );
                    self.mark_failed(&reply, &error.detail);
                }
                Err(error) => {
                    tracing::warn!(
                        step = "send",
                        error = &error as &dyn std::error::Error,
                        kind = ?error.kind,
                        "could not send a reply; it is sent again later"
                    );
                    self.sending = false;
                    break;
                }
            }
        }
        Ok(NextStep::Continue)
    }

    fn mark_sent(&mut self, reply: &PendingReply, sent: Sent) {
        self.session.pending.remove(0);
        let recent = &mut self.session.bookkeeping.recent_messages;
        recent.push(RecentMessage {
            id: sent.provider_message_id.clone(),
            fingerprint: fingerprint(&reply.message.text),
        });
        let surplus = recent.len().saturating_sub(MAX_RECENT);
        recent.drain(..surplus);
        self.record_sent(reply, sent);
        self.has_unsaved_sent_reply = true;
    }

    fn mark_failed(&mut self, reply: &PendingReply, detail: &str) {
        call_stats::record_failed_message();
        self.session.pending.remove(0);
        self.record_failed(reply, detail);
    }
}

/// Fingerprint that recognises the echo of a sent text.
pub(super) fn fingerprint(text: &str) -> String {
    short_sha256_hex(text.trim())
}
