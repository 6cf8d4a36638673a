//! Delivers one due reminder: claims it, checks it against its appointment, sends it and records the result
//! (docs/rules/reminders.md#sending).

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::message::reminder_message;
use super::run::Run;
use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::reminder_queue::{DueReminder, MAX_UNKNOWN_SENDS, ReminderResult};
use crate::adapters::dynamodb::reminders::ReminderKey;
use crate::adapters::dynamodb::session::ChatKey;
use crate::adapters::postgres::reminders::CurrentAppointment;
use crate::app::history::{MessageHistory, OutboundMessage, REMINDER_SEND_AT, add_choices};
use crate::domain::appointment::AppointmentStatus;
use crate::domain::clinic::Clinic;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::ConversationId;
use crate::domain::message::OutgoingMessage;
use crate::domain::phone::Address;
use crate::domain::reminder::{Reminder, ReminderPlan, ReminderStatus};
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::{SendError, SendErrorKind};

/// Maximum delivery attempts.
const MAX_ATTEMPTS: u32 = 5;
/// Wait after the first failed attempt; doubled after each further one.
const BACKOFF: TimeDelta = TimeDelta::minutes(5);

/// What a run did with one reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    /// The provider accepted it.
    Sent,
    /// It was not sent and is not tried again.
    Failed,
    /// It no longer applies, or its receiver must not get it.
    Cancelled,
    /// Its `not_after` has passed.
    Expired,
    /// The clinic's WhatsApp connection is at fault; the attempt does not count.
    Held,
    /// It was sent, and it is unknown whether the provider accepted it.
    Unknown,
    /// It is tried again later.
    Later,
    /// Another run has claimed it.
    ClaimedElsewhere,
}

/// A reminder that is ready to be sent.
struct PreparedReminder<'a> {
    reminder: Reminder,
    message: OutgoingMessage,
    clinic: &'a Clinic,
    chat: ChatKey,
    to: Address,
    attempts: u32,
}

/// A claimed reminder: ready, or already finished.
enum Prepared<'a> {
    Ready(Box<PreparedReminder<'a>>),
    Finished(DeliveryOutcome),
}

impl Run {
    /// Sends one due reminder, or records why it is not sent.
    pub(super) async fn deliver(&self, due: &DueReminder) -> Result<DeliveryOutcome, StoreError> {
        let Some(reminder) = &due.reminder else {
            return self
                .record_unsent(
                    &due.key,
                    ReminderResult::Failed("the item cannot be read"),
                    DeliveryOutcome::Failed,
                )
                .await;
        };
        if self.now() >= reminder.not_after && reminder.unknown_sends == 0 {
            return self
                .record_unsent(&due.key, ReminderResult::Failed("expired"), DeliveryOutcome::Expired)
                .await;
        }
        let Some(profile) = self.chats.db.find_profile(&reminder.clinic_id).await? else {
            let why = ReminderResult::Cancelled("the clinic is not served");
            return self.record_unsent(&due.key, why, DeliveryOutcome::Cancelled).await;
        };
        if !self.is_connected(&profile.clinic).await {
            return Ok(DeliveryOutcome::Held);
        }
        let Some(attempts) = self.claim(&due.key).await? else {
            return Ok(DeliveryOutcome::ClaimedElsewhere);
        };
        failpoints::hit("reminder_claimed");
        match self.prepare(&due.key, reminder, &profile, attempts).await {
            Ok(Prepared::Ready(prepared)) => self.send(&due.key, *prepared).await,
            Ok(Prepared::Finished(outcome)) => Ok(outcome),
            Err(error) => {
                // Nothing was sent: release the claim, so that the next run need not wait until it expires.
                let _ = self.record_result(&due.key, released(reminder), None).await;
                Err(error)
            }
        }
    }

    /// Checks whether a claimed reminder still applies and finds its receiver. Sends nothing.
    async fn prepare<'a>(
        &self,
        key: &ReminderKey,
        reminder: &Reminder,
        profile: &'a ClinicProfile,
        attempts: u32,
    ) -> Result<Prepared<'a>, StoreError> {
        let finished = async |result, event, outcome| {
            self.record_as(key, result, event, outcome).await.map(Prepared::Finished)
        };
        if attempts > MAX_ATTEMPTS {
            let (result, outcome) = match reminder.unknown_sends {
                0 => (ReminderResult::Failed("tried too often"), DeliveryOutcome::Failed),
                _ => (left_unknown(reminder), DeliveryOutcome::Unknown),
            };
            return finished(result, None, outcome).await;
        }
        let clinic = &profile.clinic;
        let appointment = self.chats.db.find_current_appointment(&clinic.id, reminder.appointment_id).await?;
        let plan_of = |appointment: &CurrentAppointment| {
            let plan = ReminderPlan::new(reminder.appointment_id, appointment.slot, clinic.timezone);
            plan.filter(|plan| {
                appointment.status == AppointmentStatus::Confirmed && plan.id == reminder.reminder_id
            })
        };
        let applies = match appointment.as_ref().and_then(plan_of) {
            Some(plan) => !self.is_replaced(reminder, &plan).await?,
            None => false,
        };
        let Some(appointment) = appointment.filter(|_| applies) else {
            let why = ReminderResult::Cancelled("the appointment was moved or cancelled");
            return finished(why, None, DeliveryOutcome::Cancelled).await;
        };
        if appointment.patient.opted_out_at.is_some() {
            let why = ReminderResult::Cancelled("the patient opted out");
            return finished(why, None, DeliveryOutcome::Cancelled).await;
        }
        let patient = &appointment.patient;
        let chat = ChatKey { clinic: reminder.clinic_id.clone(), person: patient.chat_person() };
        let message = reminder_message(&appointment, profile);
        if reminder.status == ReminderStatus::Pending
            && self.chats.was_accepted(&chat, &reminder.reminder_id.to_string()).await?
        {
            let why = ReminderResult::Cancelled("it was sent before the clinic's time zone changed");
            return finished(why, None, DeliveryOutcome::Cancelled).await;
        }
        let mut reminder = reminder.clone();
        if let Some(result) = self.judge_earlier_send(&mut reminder, &chat).await? {
            let outcome = match result {
                ReminderResult::Sent(_) => DeliveryOutcome::Sent,
                _ => DeliveryOutcome::Unknown,
            };
            return finished(result, None, outcome).await;
        }
        let mut history = self.open_history(&chat, &reminder, &message).await?;
        if !self.chats.allowed.allow(&chat.person) {
            let blocked = history.event(|message, at| message.event(EventStatus::Blocked, at));
            let why = ReminderResult::Cancelled("not among the allowed phones");
            return finished(why, Some((&chat, &blocked)), DeliveryOutcome::Cancelled).await;
        }
        let to = match self.chats.find_recipient(clinic, &chat.person, Some(patient)).await? {
            Some(to) => to,
            None => {
                let unknown = "WhatsApp does not know the number";
                let failed = history.event(|message, at| message.failed(unknown, at));
                let result = ReminderResult::Failed(unknown);
                return finished(result, Some((&chat, &failed)), DeliveryOutcome::Failed).await;
            }
        };
        Ok(Prepared::Ready(Box::new(PreparedReminder { reminder, message, clinic, chat, to, attempts })))
    }

    /// Whether the clinic's time zone has changed and there is a reminder at the new time.
    async fn is_replaced(&self, reminder: &Reminder, plan: &ReminderPlan) -> Result<bool, StoreError> {
        if plan.send_at == reminder.send_at {
            return Ok(false);
        }
        let all = self.chats.tables.reminders().list(reminder.reminder_id).await?;
        Ok(all.iter().any(|other| other.send_at == plan.send_at))
    }

    /// Looks in the history for an earlier send of this reminder. Returns the reminder's result if the provider
    /// accepted it, or if it must not be sent again. If an earlier processor crashed while it sent the reminder,
    /// that counts as a send without a complete answer.
    async fn judge_earlier_send(
        &self,
        reminder: &mut Reminder,
        chat: &ChatKey,
    ) -> Result<Option<ReminderResult<'static>>, StoreError> {
        if reminder.status == ReminderStatus::Pending {
            return Ok(None);
        }
        let sends = self.chats.list_sends(chat, &reminder.reminder_id.to_string()).await?;
        if sends.was_accepted {
            return Ok(Some(ReminderResult::Sent(reminder.sent_at.unwrap_or_else(|| self.now()))));
        }
        let (ReminderStatus::Sending, Some(queued_at)) = (reminder.status, sends.last_queued_at) else {
            return Ok(None);
        };
        reminder.sent_at = reminder.sent_at.or(Some(queued_at));
        reminder.unknown_sends += 1;
        Ok((reminder.unknown_sends >= MAX_UNKNOWN_SENDS).then(|| left_unknown(reminder)))
    }

    /// Sends a claimed reminder and records the result. If recording fails, the claim expires, and a later run
    /// treats the reminder as one without a complete answer.
    async fn send(
        &self,
        key: &ReminderKey,
        prepared: PreparedReminder<'_>,
    ) -> Result<DeliveryOutcome, StoreError> {
        let PreparedReminder { mut reminder, message, clinic, chat, to, attempts } = prepared;
        let mut history = self.open_history(&chat, &reminder, &message).await?;
        // Recorded before sending, so that the echo (the webhook about this message) is recognised even if it
        // arrives immediately.
        let mut queued = history.event(|message, at| message.event(EventStatus::Queued, at));
        queued.metadata.insert("to".into(), to.0.clone().into());
        queued.metadata.insert(REMINDER_SEND_AT.into(), json!(reminder.send_at));
        add_choices(&mut queued.metadata, &message.choices, message.first_number, Some(&to));
        history.append(&queued).await?;
        let written_at = self.now();
        match self.chats.deliver(clinic, &to, &message).await {
            Ok(sent) => {
                failpoints::hit("reminder_accepted");
                let sent = history.event(|message, at| message.sent(sent, at));
                self.mark_sent(key, (&chat, &sent)).await;
                Ok(DeliveryOutcome::Sent)
            }
            Err(error) => {
                if error.kind == SendErrorKind::Unknown {
                    reminder.sent_at = reminder.sent_at.or(Some(written_at));
                    reminder.unknown_sends += 1;
                }
                self.handle_send_error(key, &reminder, history, attempts, &error).await
            }
        }
    }

    /// Prepares the events of this reminder. They get later times than the chat's last event.
    async fn open_history<'a>(
        &'a self,
        chat: &'a ChatKey,
        reminder: &Reminder,
        message: &'a OutgoingMessage,
    ) -> Result<MessageHistory<'a>, StoreError> {
        let newest = self.chats.tables.list_events(chat, true, 1, None).await?.events.into_iter().next();
        let conversation_id = newest.as_ref().map(|event| event.conversation_id);
        let message = OutboundMessage {
            chat,
            conversation_id: conversation_id.unwrap_or_else(|| ConversationId(Uuid::new_v4())),
            message_id: reminder.reminder_id.to_string(),
            message_type: message.message_type(),
            text: &message.text,
            provider: self.chats.whatsapp.name(),
        };
        let last_at = newest.map(|event| event.status_timestamp);
        Ok(MessageHistory { chats: &self.chats, message, last_at })
    }

    /// Marks a reminder that was sent. If this fails, the claim expires, and the next run finds the reminder in
    /// doubt.
    async fn mark_sent(&self, key: &ReminderKey, event: (&ChatKey, &MessageEvent)) {
        let result = ReminderResult::Sent(self.now());
        match self.record_result(key, result, Some(event)).await {
            Ok(_) => failpoints::hit("reminder_marked"),
            Err(error) => tracing::error!(
                step = "remind",
                error = &error as &dyn std::error::Error,
                "could not mark a reminder as sent"
            ),
        }
    }

    async fn handle_send_error(
        &self,
        key: &ReminderKey,
        reminder: &Reminder,
        mut history: MessageHistory<'_>,
        attempts: u32,
        error: &SendError,
    ) -> Result<DeliveryOutcome, StoreError> {
        let retry_at = self.now() + BACKOFF * 2_i32.pow(attempts.saturating_sub(1).min(MAX_ATTEMPTS));
        let may_retry = attempts < MAX_ATTEMPTS && retry_at < reminder.not_after;
        match error.kind {
            SendErrorKind::Instance => {
                self.record_fault(&reminder.clinic_id, &error.detail);
                self.record_as(key, released(reminder), None, DeliveryOutcome::Held).await
            }
            SendErrorKind::Unknown => {
                if self.chats.was_accepted(history.message.chat, &history.message.message_id).await? {
                    let sent = ReminderResult::Sent(self.now());
                    return self.record_as(key, sent, None, DeliveryOutcome::Sent).await;
                }
                let mut unknown = history.event(|message, at| message.unknown(&error.detail, at));
                unknown.metadata.insert(REMINDER_SEND_AT.into(), json!(reminder.send_at));
                let event = (history.message.chat, &unknown);
                self.record_as(key, left_unknown(reminder), Some(event), DeliveryOutcome::Unknown).await
            }
            // Not sent this time, but perhaps before.
            SendErrorKind::Retryable if reminder.unknown_sends > 0 => {
                self.record_as(key, left_unknown(reminder), None, DeliveryOutcome::Unknown).await
            }
            SendErrorKind::Retryable if may_retry => {
                self.record_as(key, ReminderResult::Later(retry_at), None, DeliveryOutcome::Later).await
            }
            SendErrorKind::Retryable | SendErrorKind::Permanent => {
                tracing::warn!(
                    step = "remind",
                    error = error as &dyn std::error::Error,
                    "could not send a reminder"
                );
                let failed = history.event(|message, at| message.failed(&error.detail, at));
                let event = (history.message.chat, &failed);
                let result = ReminderResult::Failed(&error.detail);
                self.record_as(key, result, Some(event), DeliveryOutcome::Failed).await
            }
        }
    }

    /// Claims a reminder and records a result without sending it.
    async fn record_unsent(
        &self,
        key: &ReminderKey,
        result: ReminderResult<'_>,
        outcome: DeliveryOutcome,
    ) -> Result<DeliveryOutcome, StoreError> {
        match self.claim(key).await? {
            Some(_) => self.record_as(key, result, None, outcome).await,
            None => Ok(DeliveryOutcome::ClaimedElsewhere),
        }
    }

    /// Records a result. Returns `outcome`, or `ClaimedElsewhere` if another run has claimed the reminder.
    async fn record_as(
        &self,
        key: &ReminderKey,
        result: ReminderResult<'_>,
        event: Option<(&ChatKey, &MessageEvent)>,
        outcome: DeliveryOutcome,
    ) -> Result<DeliveryOutcome, StoreError> {
        let is_claimed = self.record_result(key, result, event).await?;
        Ok(if is_claimed { outcome } else { DeliveryOutcome::ClaimedElsewhere })
    }

    async fn record_result(
        &self,
        key: &ReminderKey,
        result: ReminderResult<'_>,
        event: Option<(&ChatKey, &MessageEvent)>,
    ) -> Result<bool, StoreError> {
        self.chats.tables.finish_reminder(key, &self.lease_owner, result, event).await
    }

    async fn claim(&self, key: &ReminderKey) -> Result<Option<u32>, StoreError> {
        self.chats.tables.reminders().claim(key, &self.lease_owner, self.now()).await
    }
}

/// The result that gives a claim back.
fn released(reminder: &Reminder) -> ReminderResult<'static> {
    if reminder.unknown_sends > 0 { left_unknown(reminder) } else { ReminderResult::Released }
}

/// The result of a reminder that may have been sent.
fn left_unknown(reminder: &Reminder) -> ReminderResult<'static> {
    ReminderResult::Unknown {
        sent_at: reminder.sent_at.unwrap_or(reminder.send_at),
        sends: reminder.unknown_sends.min(MAX_UNKNOWN_SENDS),
    }
}
