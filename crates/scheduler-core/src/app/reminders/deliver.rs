//! One reminder whose time has come: claimed, held against its appointment, sent, settled.

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

/// A reminder is tried so often.
const ATTEMPTS: u32 = 5;
/// After the first failure it waits so long, after each further one twice as long.
const BACKOFF: TimeDelta = TimeDelta::minutes(5);

/// What a run did with one reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    /// It went out.
    Sent,
    /// It did not and will not.
    Failed,
    /// It was not wanted any more.
    Cancelled,
    /// It came too late to be true.
    Expired,
    /// The clinic's own connection is at fault.
    Held,
    /// It is tried again.
    Later,
    /// Somebody else has it.
    Elsewhere,
}

impl Run {
    /// Does what is to be done about one reminder.
    pub(super) async fn deliver(&self, due: &DueReminder) -> Result<DeliveryOutcome, StoreError> {
        let Some(reminder) = &due.reminder else {
            return self
                .drop_as(&due.key, ReminderResult::Failed("the item cannot be read"), DeliveryOutcome::Failed)
                .await;
        };
        if self.now() >= reminder.not_after {
            return self.drop_as(&due.key, ReminderResult::Failed("expired"), DeliveryOutcome::Expired).await;
        }
        let Some(profile) = self.chats.db.find_profile(&reminder.clinic_id).await? else {
            let why = ReminderResult::Cancelled("the clinic is not served");
            return self.drop_as(&due.key, why, DeliveryOutcome::Cancelled).await;
        };
        if !self.is_connected(&profile.clinic).await {
            return Ok(DeliveryOutcome::Held);
        }
        let Some(attempts) = self.claim(&due.key).await? else { return Ok(DeliveryOutcome::Elsewhere) };
        failpoints::hit("reminder_claimed");
        match self.send(&due.key, reminder, &profile, attempts).await {
            Ok(delivery) => Ok(delivery),
            Err(error) => {
                // Nothing went out: the next run need not wait for the claim to run out.
                let _ = self.settle(&due.key, ReminderResult::Untried, None).await;
                Err(error)
            }
        }
    }

    /// Sends a claimed reminder if it is still true. An error means that nothing went out.
    async fn send(
        &self,
        key: &ReminderKey,
        reminder: &Reminder,
        profile: &ClinicProfile,
        attempts: u32,
    ) -> Result<DeliveryOutcome, StoreError> {
        if attempts > ATTEMPTS {
            return self
                .settle_as(key, ReminderResult::Failed("tried too often"), None, DeliveryOutcome::Failed)
                .await;
        }
        let clinic = &profile.clinic;
        let appointment = self.chats.db.find_current_appointment(&clinic.id, reminder.appointment_id).await?;
        let still_true = |appointment: &CurrentAppointment| {
            let plan = ReminderPlan::of(reminder.appointment_id, appointment.slot, clinic.timezone);
            appointment.status == AppointmentStatus::Confirmed && plan.id == reminder.reminder_id
        };
        let Some(appointment) = appointment.filter(still_true) else {
            let why = ReminderResult::Cancelled("the appointment was moved or cancelled");
            return self.settle_as(key, why, None, DeliveryOutcome::Cancelled).await;
        };
        if appointment.patient.opted_out_at.is_some() {
            let why = ReminderResult::Cancelled("the patient opted out");
            return self.settle_as(key, why, None, DeliveryOutcome::Cancelled).await;
        }
        let patient = &appointment.patient;
        let chat = ChatKey { clinic: reminder.clinic_id.clone(), person: patient.match_key.clone() };
        let message = reminder_message(&appointment, profile);
        let mut history = self.open_history(&chat, reminder, &message).await?;
        if !self.chats.allowed.allow(&patient.match_key) {
            let blocked = history.event(|message, at| message.event(EventStatus::Blocked, at));
            let why = ReminderResult::Cancelled("not among the allowed phones");
            return self.settle_as(key, why, Some((&chat, &blocked)), DeliveryOutcome::Cancelled).await;
        }
        let to = match self.chats.find_recipient(clinic, &patient.match_key, Some(patient)).await? {
            Some(to) => to,
            None => {
                let unknown = "WhatsApp does not know the number";
                let failed = history.event(|message, at| message.failed(unknown, at));
                let result = ReminderResult::Failed(unknown);
                return self.settle_as(key, result, Some((&chat, &failed)), DeliveryOutcome::Failed).await;
            }
        };
        // Recorded before it is sent, so that its echo is recognised however soon it comes.
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
            Err(error) => self.was_refused(key, reminder, history, attempts, &error).await,
        }
    }

    /// Continues the chat's history with this reminder.
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

    /// It is out and cannot be called back: where this cannot be written the claim runs out, and the
    /// patient may read it twice.
    async fn mark_sent(&self, key: &ReminderKey, event: (&ChatKey, &MessageEvent)) {
        match self.settle(key, ReminderResult::Sent, Some(event)).await {
            Ok(_) => failpoints::hit("reminder_marked"),
            Err(error) => tracing::error!(
                step = "remind",
                error = &error as &dyn std::error::Error,
                "a reminder that went out could not be marked"
            ),
        }
    }

    async fn was_refused(
        &self,
        key: &ReminderKey,
        reminder: &Reminder,
        mut history: MessageHistory<'_>,
        attempts: u32,
        error: &SendError,
    ) -> Result<DeliveryOutcome, StoreError> {
        let again_at = self.now() + BACKOFF * 2_i32.pow(attempts.saturating_sub(1).min(ATTEMPTS));
        let later = attempts < ATTEMPTS && again_at < reminder.not_after;
        match error.kind {
            SendErrorKind::Instance => {
                self.is_at_fault(&reminder.clinic_id, &error.detail);
                self.settle_as(key, ReminderResult::Untried, None, DeliveryOutcome::Held).await
            }
            SendErrorKind::Later if later => {
                self.settle_as(key, ReminderResult::Later(again_at), None, DeliveryOutcome::Later).await
            }
            SendErrorKind::Later | SendErrorKind::Permanent => {
                tracing::warn!(
                    step = "remind",
                    error = error as &dyn std::error::Error,
                    "a reminder was refused"
                );
                let failed = history.event(|message, at| message.failed(&error.detail, at));
                let event = (history.message.chat, &failed);
                let result = ReminderResult::Failed(&error.detail);
                self.settle_as(key, result, Some(event), DeliveryOutcome::Failed).await
            }
        }
    }

    /// Settles one that need not be sent.
    async fn drop_as(
        &self,
        key: &ReminderKey,
        settled: ReminderResult<'_>,
        as_what: DeliveryOutcome,
    ) -> Result<DeliveryOutcome, StoreError> {
        match self.claim(key).await? {
            Some(_) => self.settle_as(key, settled, None, as_what).await,
            None => Ok(DeliveryOutcome::Elsewhere),
        }
    }

    async fn settle_as(
        &self,
        key: &ReminderKey,
        settled: ReminderResult<'_>,
        event: Option<(&ChatKey, &MessageEvent)>,
        as_what: DeliveryOutcome,
    ) -> Result<DeliveryOutcome, StoreError> {
        let ours = self.settle(key, settled, event).await?;
        Ok(if ours { as_what } else { DeliveryOutcome::Elsewhere })
    }

    async fn settle(
        &self,
        key: &ReminderKey,
        settled: ReminderResult<'_>,
        event: Option<(&ChatKey, &MessageEvent)>,
    ) -> Result<bool, StoreError> {
        self.chats.tables.finish_reminder(key, &self.lease_owner, settled, event).await
    }

    async fn claim(&self, key: &ReminderKey) -> Result<Option<u32>, StoreError> {
        self.chats.tables.reminders().claim(key, &self.lease_owner, self.now()).await
    }
}
