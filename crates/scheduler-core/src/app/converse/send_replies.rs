//! Sending what was committed, in order, and marking what was taken.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Chats;
use super::holder::{Holder, Left, Next};
use crate::adapters::dynamodb::events::EventStatus;
use crate::adapters::dynamodb::save::{Lease, Saved};
use crate::adapters::dynamodb::session::{PendingReply, SentNote};
use crate::domain::clinic::Clinic;
use crate::error::StoreError;
use crate::points;
use crate::ports::whatsapp::{SendError, SendErrorKind, Sent};
use crate::tally;

/// A reply that could not go out for so long says nothing sensible any more.
const TOO_LATE: TimeDelta = TimeDelta::hours(2);
/// How many messages that went out are remembered, to know their echo.
const SENT_KEPT: usize = 10;
/// What the button that opens a list says.
const LIST_BUTTON: &str = "Ver opções";

impl Holder<'_> {
    /// Sends the replies in order. The mark of each is written while the next is on its way; the
    /// last one's goes with whatever is written next.
    pub(super) async fn send_pending(&mut self) -> Result<Next, StoreError> {
        while let Some(reply) = self.session.pending.first().cloned() {
            if Instant::now() >= self.deadline {
                return Ok(Next::GoOn);
            }
            if self.chats.clock.now() - reply.queued_at >= TOO_LATE {
                self.fail(&reply, "too late: two hours have passed");
                continue;
            }
            let chats = self.chats;
            let profile = self.profile.clone();
            let sending = chats.send(&profile.clinic, &reply);
            let outcome = if self.unmarked {
                let (saved, outcome) = tokio::join!(self.save(None, Lease::Keep), sending);
                if outcome.is_ok() {
                    points::reach("reply_accepted");
                }
                if !matches!(saved?, Saved::Done) {
                    return Ok(Next::Stop(Left::Lost));
                }
                outcome
            } else {
                let outcome = sending.await;
                if outcome.is_ok() {
                    points::reach("reply_accepted");
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
        Ok(Next::GoOn)
    }

    fn mark(&mut self, reply: &PendingReply, sent: Sent) {
        self.session.pending.remove(0);
        let mut event = self.outbound(reply, EventStatus::Sent, None);
        let notes = &mut self.session.notes.sent;
        notes.push(SentNote { id: sent.provider_message_id.clone(), digest: digest(&reply.message.text) });
        let surplus = notes.len().saturating_sub(SENT_KEPT);
        notes.drain(..surplus);
        event.provider_message_id = Some(sent.provider_message_id);
        event.provider_response = Some(sent.response);
        if let Some(id) = sent.queue_id {
            event.metadata.insert("zaapId".into(), id.into());
        }
        if sent.as_numbered_text {
            event.metadata.insert("asNumberedText".into(), true.into());
        }
        self.events.push(event);
        self.unmarked = true;
    }

    fn fail(&mut self, reply: &PendingReply, detail: &str) {
        tally::message_failed();
        self.session.pending.remove(0);
        let mut event = self.outbound(reply, EventStatus::Failed, None);
        event.error_details = Some(detail.to_owned());
        self.events.push(event);
    }
}

impl Chats {
    /// Hands a message to the provider: as text, buttons or a list, by how many choices it has.
    pub(in crate::app) async fn send(
        &self,
        clinic: &Clinic,
        reply: &PendingReply,
    ) -> Result<Sent, SendError> {
        let message = &reply.message;
        match message.choices.len() {
            0 => self.whatsapp.send_text(clinic, &reply.to, &message.text).await,
            1..=3 => {
                let (text, first) = (&message.text, message.first_number);
                self.whatsapp.send_buttons(clinic, &reply.to, text, &message.choices, first).await
            }
            _ => {
                let (text, first) = (&message.text, message.first_number);
                self.whatsapp.send_list(clinic, &reply.to, text, LIST_BUTTON, &message.choices, first).await
            }
        }
    }
}

/// By which a text that was just sent is known again.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.trim().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
