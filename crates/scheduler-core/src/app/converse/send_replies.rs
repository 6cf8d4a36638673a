//! Sends committed replies in order. A reply leaves the chat once the provider accepted or refused it; one
//! without a complete answer waits for the provider's webhook and is sent once more
//! (docs/rules/reliability.md#ambiguous-sends).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::worker::{ChatWorker, MAX_UNSAVED_EVENTS, NextStep};
use crate::adapters::dynamodb::save::{LeaseChange, SaveOutcome};
use crate::adapters::dynamodb::session::{
    AcceptanceProof, InboxWork, PendingReply, RecentMessage, UnknownSend, text_fingerprint,
};
use crate::app::chats::Chats;
use crate::call_stats::{self, RunOutcome};
use crate::domain::clinic::Clinic;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::{SendError, SendErrorKind, Sent};

/// Time after which a reply that could not be sent is dropped.
const REPLY_TTL: TimeDelta = TimeDelta::hours(2);
/// How long a reply without a complete answer waits for a proof that it was accepted.
const PROOF_TIMEOUT: TimeDelta = TimeDelta::minutes(2);
/// Number of sent messages that are remembered to recognise their echoes.
const MAX_RECENT: usize = 10;

impl ChatWorker<'_> {
    /// Sends the replies that were not sent yet, in order. While a reply is being sent, a save marks the reply
    /// before it. The last reply is marked by the worker's next save.
    pub(super) async fn send_pending(&mut self) -> Result<NextStep, StoreError> {
        while let Some(reply) = self.first_unsent() {
            if !self.has_time_to_send() {
                return Ok(NextStep::Continue);
            }
            if let Some(proof) = self.find_proof(&reply) {
                self.mark_accepted(&reply, &proof);
                continue;
            }
            if self.chats.clock.now() - reply.queued_at >= REPLY_TTL {
                self.mark_failed(&reply, "too late: two hours have passed");
                if self.events.len() >= MAX_UNSAVED_EVENTS
                    && !matches!(self.save(&[], LeaseChange::Keep).await?, SaveOutcome::Done)
                {
                    return Ok(NextStep::Stop(RunOutcome::LostLease));
                }
                continue;
            }
            let (chats, profile, deadline) = (self.chats, self.profile.clone(), self.send_deadline);
            let sending = deliver_until(deadline, chats, &profile.clinic, &reply);
            let outcome = if self.has_unsaved_outcome {
                let (saved, outcome) = tokio::join!(self.save(&[], LeaseChange::Keep), sending);
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
            if !self.record_outcome(&reply, outcome) {
                break;
            }
        }
        Ok(NextStep::Continue)
    }

    /// Sends a reply for the second and last time, because no proof arrived that the first time worked. That it
    /// is sent again is saved before, so that a crash cannot lead to a third time.
    pub(super) async fn repeat_unknown(&mut self, reply: PendingReply) -> Result<NextStep, StoreError> {
        let repeated = reply.unknown.as_ref().is_some_and(|unknown| unknown.repeated);
        if repeated || self.chats.clock.now() - reply.queued_at >= REPLY_TTL {
            self.leave_unknown(&reply);
            return Ok(NextStep::Continue);
        }
        self.set_repeated(&reply, true);
        if !matches!(self.save(&[], LeaseChange::Keep).await?, SaveOutcome::Done) {
            return Ok(NextStep::Stop(RunOutcome::LostLease));
        }
        let outcome = deliver_until(self.send_deadline, self.chats, &self.profile.clinic, &reply).await;
        if outcome.is_ok() {
            failpoints::hit("reply_accepted");
        }
        match &outcome {
            Err(error) if error.kind == SendErrorKind::Unknown => {
                self.record_unknown(&reply, &error.detail);
                self.leave_unknown(&reply);
            }
            Err(error) if matches!(error.kind, SendErrorKind::Retryable | SendErrorKind::Instance) => {
                self.set_repeated(&reply, false);
                self.sending = false;
            }
            _ => {
                self.record_outcome(&reply, outcome);
            }
        }
        Ok(NextStep::Continue)
    }

    /// The first reply whose proof did not arrive in time.
    pub(super) fn first_unproven(&self) -> Option<PendingReply> {
        let now = self.chats.clock.now();
        let is_due = |reply: &&PendingReply| proof_due_at(reply).is_some_and(|at| at <= now);
        self.session.pending.iter().find(is_due).cloned()
    }

    /// When the worker has something to do about the replies again, apart from sending those that were not
    /// sent yet.
    pub(super) fn next_proof_due_at(&self) -> Option<DateTime<Utc>> {
        self.session.pending.iter().filter_map(proof_due_at).min()
    }

    /// The first reply that was not sent yet.
    pub(super) fn first_unsent(&self) -> Option<PendingReply> {
        self.session.pending.iter().find(|reply| reply.unknown.is_none()).cloned()
    }

    /// Settles an unknown reply by a proof that arrived in the inbox.
    pub(super) fn apply_proof(&mut self, proof: &AcceptanceProof) {
        let is_known = |sent: &RecentMessage| sent.id == proof.provider_message_id;
        if self.session.bookkeeping.recent_messages.iter().any(is_known) {
            return;
        }
        let mut unknown = self.session.pending.iter().filter(|reply| reply.unknown.is_some());
        let reply = match (&proof.message_id, &proof.fingerprint) {
            (Some(id), _) => unknown.find(|reply| reply.id == *id),
            (None, Some(fingerprint)) => unknown.find(|reply| reply.has_fingerprint(fingerprint)),
            (None, None) => match (unknown.next(), unknown.next()) {
                (only, None) => only,
                _ => None,
            },
        };
        if let Some(reply) = reply.cloned() {
            self.mark_accepted(&reply, proof);
        }
    }

    /// A proof that is in the inbox, if an earlier worker may have sent this reply before it crashed.
    fn find_proof(&self, reply: &PendingReply) -> Option<AcceptanceProof> {
        if self.session.attempts == 0 {
            return None;
        }
        self.session.inbox.iter().find_map(|entry| match &entry.work {
            Some(InboxWork::Accepted { proof }) => {
                let recent = &self.session.bookkeeping.recent_messages;
                let is_known = recent.iter().any(|sent| sent.id == proof.provider_message_id);
                let same = proof.fingerprint.as_deref().is_some_and(|text| reply.has_fingerprint(text));
                (same && !is_known).then(|| proof.clone())
            }
            _ => None,
        })
    }

    /// Records how sending a reply ended. `false` if the other replies must wait as well.
    fn record_outcome(&mut self, reply: &PendingReply, outcome: Result<Sent, SendError>) -> bool {
        let error = match outcome {
            Ok(sent) => {
                self.mark_sent(reply, sent);
                return true;
            }
            Err(error) => error,
        };
        tracing::warn!(
            step = "send",
            error = &error as &dyn std::error::Error,
            kind = ?error.kind,
            "a reply was not accepted"
        );
        match error.kind {
            SendErrorKind::Permanent => self.mark_failed(reply, &error.detail),
            SendErrorKind::Unknown => self.mark_unknown(reply, &error.detail),
            SendErrorKind::Instance | SendErrorKind::Retryable => {
                self.sending = false;
                return false;
            }
        }
        true
    }

    fn mark_sent(&mut self, reply: &PendingReply, sent: Sent) {
        self.remove_pending(reply);
        let recent = &mut self.session.bookkeeping.recent_messages;
        recent.push(RecentMessage {
            id: sent.provider_message_id.clone(),
            fingerprint: text_fingerprint(&reply.message.text),
        });
        let surplus = recent.len().saturating_sub(MAX_RECENT);
        recent.drain(..surplus);
        if reply.asks && reply.unknown.is_none() {
            self.session.bookkeeping.asked_at = Some(self.chats.clock.now());
        }
        self.record_sent(reply, sent);
    }

    fn mark_accepted(&mut self, reply: &PendingReply, proof: &AcceptanceProof) {
        let sent = Sent {
            provider_message_id: proof.provider_message_id.clone(),
            queue_id: None,
            response: Value::Null,
            as_numbered_text: false,
        };
        self.mark_sent(reply, sent);
    }

    /// Keeps a reply that may have been sent. The replies after it need not wait.
    fn mark_unknown(&mut self, reply: &PendingReply, detail: &str) {
        let since = self.chats.clock.now();
        if let Some(pending) = self.session.pending.iter_mut().find(|pending| pending.id == reply.id) {
            pending.unknown = Some(UnknownSend { since, repeated: false });
        }
        if reply.asks {
            self.session.bookkeeping.asked_at = Some(reply.queued_at);
        }
        self.record_unknown(reply, detail);
    }

    /// Gives up on a reply that may have been sent. Its status stays `UNKNOWN`.
    fn leave_unknown(&mut self, reply: &PendingReply) {
        call_stats::record_unknown_message();
        self.remove_pending(reply);
        self.has_unsaved_outcome = true;
    }

    fn mark_failed(&mut self, reply: &PendingReply, detail: &str) {
        call_stats::record_failed_message();
        self.remove_pending(reply);
        self.record_failed(reply, detail);
    }

    fn set_repeated(&mut self, reply: &PendingReply, repeated: bool) {
        let mut pending = self.session.pending.iter_mut();
        if let Some(unknown) = pending.find(|own| own.id == reply.id).and_then(|own| own.unknown.as_mut()) {
            unknown.repeated = repeated;
        }
    }

    fn remove_pending(&mut self, reply: &PendingReply) {
        self.session.pending.retain(|pending| pending.id != reply.id);
    }
}

/// Hands a reply to the provider. A call that is cut off at the deadline has no complete answer.
async fn deliver_until(
    deadline: Instant,
    chats: &Chats,
    clinic: &Clinic,
    reply: &PendingReply,
) -> Result<Sent, SendError> {
    let sending = chats.deliver(clinic, &reply.to, &reply.message);
    timeout_at(deadline, sending).await.unwrap_or_else(|_| {
        Err(SendError { kind: SendErrorKind::Unknown, detail: "no answer in time".to_owned() })
    })
}

fn proof_due_at(reply: &PendingReply) -> Option<DateTime<Utc>> {
    reply.unknown.as_ref().map(|unknown| unknown.since + PROOF_TIMEOUT)
}
