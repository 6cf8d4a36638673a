//! Delivers one due reminder: claims it, checks it against its appointment, sends it and records the result
//! (docs/rules/reminders.md#sending).

use chrono::TimeDelta;
use uuid::Uuid;

use super::message::reminder_message;
use super::run::Run;
use crate::adapters::dynamodb::events::{EventStatus, MessageEvent};
use crate::adapters::dynamodb::reminder_queue::{DueReminder, ReminderResult};
use crate::adapters::dynamodb::reminders::ReminderKey;
use crate::adapters::dynamodb::session::ChatKey;
use crate::adapters::postgres::reminders::CurrentAppointment;
use crate::app::history::{MessageHistory, OutboundMessage, add_choices};
use crate::domain::appointment::AppointmentStatus;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::ConversationId;
use crate::domain::message::OutgoingMessage;
use crate::domain::reminder::{Reminder, ReminderPlan};
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
    /// It is tried again later.
    Later,
    /// Another run has claimed it.
    ClaimedElsewhere,
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
        if self.now() >= reminder.not_after {
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
        match self.send(&due.key, reminder, &profile, attempts).await {
            Ok(delivery) => Ok(delivery),
            Err(error) => {
                // No message was confirmed: release the claim, so that the next run need not wait until it
                // expires.
                let _ = self.record_result(&due.key, ReminderResult::Released, None).await;
                Err(error)
            }
        }
    }

    /// Sends a claimed reminder if it still applies. An error means that the provider confirmed no message.
    async fn send(
        &self,
        key: &ReminderKey,
        reminder: &Reminder,
        profile: &ClinicProfile,
        attempts: u32,
    ) -> Result<DeliveryOutcome, StoreError> {
        if attempts > MAX_ATTEMPTS {
            return self
                .record_as(key, ReminderResult::Failed("tried too often"), None, DeliveryOutcome::Failed)
                .await;
        }
        let clinic = &profile.clinic;
        let appointment = self.chats.db.find_current_appointment(&clinic.id, reminder.appointment_id).await?;
        let still_applies = |appointment: &CurrentAppointment| {
            let plan = ReminderPlan::new(reminder.appointment_id, appointment.slot, clinic.timezone);
            appointment.status == AppointmentStatus::Confirmed && plan.id == reminder.reminder_id
        };
        let Some(appointment) = appointment.filter(still_applies) else {
            let why = ReminderResult::Cancelled("the appointment was moved or cancelled");
            return self.record_as(key, why, None, DeliveryOutcome::Cancelled).await;
        };
        if appointment.patient.opted_out_at.is_some() {
            let why = ReminderResult::Cancelled("the patient opted out");
            return self.record_as(key, why, None, DeliveryOutcome::Cancelled).await;
        }
        let patient = &appointment.patient;
        let chat = ChatKey { clinic: reminder.clinic_id.clone(), person: patient.match_key.clone() };
        let message = reminder_message(&appointment, profile);
        let mut history = self.open_history(&chat, reminder, &message).await?;
        if !self.chats.allowed.allow(&patient.match_key) {
            let blocked = history.event(|message, at| message.event(EventStatus::Blocked, at));
            let why = ReminderResult::Cancelled("not among the allowed phones");
            return self.record_as(key, why, Some((&chat, &blocked)), DeliveryOutcome::Cancelled).await;
        }
        let to = match self.chats.find_recipient(clinic, &patient.match_key, Some(patient)).await? {
            Some(to) => to,
            None => {
                let unknown = "WhatsApp does not know the number";
                let failed = history.event(|message, at| message.failed(unknown, at));
                let result = ReminderResult::Failed(unknown);
                return self.record_as(key, result, Some((&chat, &failed)), DeliveryOutcome::Failed).await;
            }
        };
        // Recorded before sending, so that the echo (the webhook about this message) is recognised even if it
        // arrives immediately.
        let mut queued = history.event(|message, at| message.event(EventStatus::Queued, at));
        queued.metadata.insert("to".into(), to.0.clone().into());
        add_choices(&mut queued.metadata, &message.choices, message.first_number, Some(&to));
        history.append(&queued).await?;
        match self.chats.deliver(clinic, &to, &message).await {
            Ok(sent) => {
                failpoints::hit("reminder_accepted");
                let sent = history.event(|message, at| message.sent(sent, at));
                self.mark_sent(key, (&chat, &sent)).await;
                Ok(DeliveryOutcome::Sent)
            }
            Err(error) => self.handle_send_error(key, reminder, history, attempts, &error).await,
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

    /// Marks a reminder that was sent. If this fails, the claim expires and the patient may get the
    /// reminder twice.
    async fn mark_sent(&self, key: &ReminderKey, event: (&ChatKey, &MessageEvent)) {
        match self.record_result(key, ReminderResult::Sent, Some(event)).await {
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
                self.record_as(key, ReminderResult::Released, None, DeliveryOutcome::Held).await
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
