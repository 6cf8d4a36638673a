//! Ends the work of a chat whose clinic is no longer active (docs/rules/reliability.md#jobs-for-many-clinics).

use crate::adapters::dynamodb::events::MessageEvent;
use crate::adapters::dynamodb::save::{Commit, LeaseChange, SaveOutcome};
use crate::adapters::dynamodb::session::{InboxWork, PendingReply, Session};
use crate::app::chats::Chats;
use crate::app::history::{OutboundMessage, next_event_at, webhook_message};
use crate::call_stats::{self, RunOutcome};
use crate::domain::ids::ConversationId;
use crate::error::StoreError;

/// Entries and replies that one save drops; DynamoDB limits a transaction to 100 writes.
const MAX_DROPPED: usize = 20;

impl Chats {
    /// Drops the replies of a chat, each with its `FAILED` event, and records the waiting messages without
    /// answering them. The history stays.
    pub(in crate::app) async fn abandon_chat(
        &self,
        mut session: Session,
        lease_owner: &str,
    ) -> Result<RunOutcome, StoreError> {
        tracing::warn!(
            step = "reconcile",
            clinic_id = %session.key.clinic,
            "the work of a chat is dropped because its clinic is not active"
        );
        loop {
            let dropped = session.pending.len().min(MAX_DROPPED);
            let replies: Vec<PendingReply> = session.pending.drain(..dropped).collect();
            let finished = session.inbox.len().min(MAX_DROPPED);
            let entries: Vec<_> = session.inbox.iter().take(finished).cloned().collect();
            let mut events: Vec<MessageEvent> = Vec::new();
            for reply in replies.iter().filter(|reply| reply.unknown.is_none()) {
                call_stats::record_failed_message();
                events.push(self.dropped_reply(&mut session, reply));
            }
            for entry in &entries {
                if let Some(InboxWork::Message { message }) = &entry.work {
                    let (conversation_id, at) = self.next_event(&mut session);
                    let provider = self.whatsapp.name();
                    let key = session.key.clone();
                    events.push(webhook_message(&key, conversation_id, provider, message, None, at));
                }
            }
            let keys: Vec<String> = entries.into_iter().map(|entry| entry.key).collect();
            let is_last = session.pending.is_empty() && session.inbox.len() == keys.len();
            let lease = if is_last { LeaseChange::Release } else { LeaseChange::Keep };
            let commit = Commit { finished_entries: &keys, events: &events, lease, moved_from: None };
            match self.tables.save(&mut session, lease_owner, commit, self.clock.now()).await? {
                SaveOutcome::Done if is_last => return Ok(RunOutcome::Done),
                SaveOutcome::Done => {
                    session.inbox.drain(..keys.len());
                }
                // Messages came in meanwhile: the next run drops the rest.
                SaveOutcome::InboxNotEmpty(_) | SaveOutcome::LeaseLost | SaveOutcome::LidBusy => {
                    return Ok(RunOutcome::LostLease);
                }
            }
        }
    }

    fn dropped_reply(&self, session: &mut Session, reply: &PendingReply) -> MessageEvent {
        let (conversation_id, at) = self.next_event(session);
        let message = OutboundMessage {
            chat: &session.key,
            conversation_id,
            message_id: reply.id.clone(),
            message_type: reply.message.message_type(),
            text: &reply.message.text,
            provider: self.whatsapp.name(),
        };
        message.failed("the clinic is not active", at)
    }

    fn next_event(&self, session: &mut Session) -> (ConversationId, chrono::DateTime<chrono::Utc>) {
        let new_id = || ConversationId(uuid::Uuid::new_v4());
        let conversation_id = *session.conversation_id.get_or_insert_with(new_id);
        let at = next_event_at(self.clock.now(), session.bookkeeping.last_event_at);
        session.bookkeeping.last_event_at = Some(at);
        (conversation_id, at)
    }
}
