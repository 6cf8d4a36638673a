//! One reminder whose time has come: claimed, held against its visit, sent, settled.

use chrono::TimeDelta;

use super::process::Run;
use super::record::Record;
use crate::adapters::dynamodb::events::EventStatus;
use crate::adapters::dynamodb::reminder_queue::{DueReminder, Settled};
use crate::adapters::dynamodb::reminders::ReminderKey;
use crate::adapters::dynamodb::session::PendingReply;
use crate::adapters::postgres::profiles::ClinicProfile;
use crate::adapters::postgres::reminders::VisitNow;
use crate::domain::appointment::AppointmentStatus;
use crate::domain::reminder::{Reminder, ReminderPlan};
use crate::error::StoreError;
use crate::points;
use crate::ports::whatsapp::{SendError, SendErrorKind};

/// A reminder is tried so often.
const ATTEMPTS: u32 = 5;
/// After the first failure it waits so long, after each further one twice as long.
const BACKOFF: TimeDelta = TimeDelta::minutes(5);

/// What a run did with one reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
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
    pub(super) async fn deliver(&self, due: &DueReminder) -> Result<Delivery, StoreError> {
        let Some(reminder) = &due.reminder else {
            return self
                .drop_as(&due.key, Settled::Failed("the item cannot be read"), Delivery::Failed)
                .await;
        };
        if self.now() >= reminder.not_after {
            return self.drop_as(&due.key, Settled::Failed("expired"), Delivery::Expired).await;
        }
        let Some(profile) = self.chats.db.find_profile(&reminder.clinic_id).await? else {
            let why = Settled::Cancelled("the clinic is not served");
            return self.drop_as(&due.key, why, Delivery::Cancelled).await;
        };
        if !self.is_connected(&profile.clinic).await {
            return Ok(Delivery::Held);
        }
        let Some(attempts) = self.claim(&due.key).await? else { return Ok(Delivery::Elsewhere) };
        points::reach("reminder_claimed");
        match self.send(&due.key, reminder, &profile, attempts).await {
            Ok(delivery) => Ok(delivery),
            Err(error) => {
                // Nothing went out: the next run need not wait for the claim to run out.
                let _ = self.settle(&due.key, Settled::Untried, None).await;
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
    ) -> Result<Delivery, StoreError> {
        if attempts > ATTEMPTS {
            return self.settle_as(key, Settled::Failed("tried too often"), None, Delivery::Failed).await;
        }
        let clinic = &profile.clinic;
        let visit = self.chats.db.find_visit_now(&clinic.id, reminder.appointment_id).await?;
        let still_true = |visit: &VisitNow| {
            let plan = ReminderPlan::of(reminder.appointment_id, visit.slot, clinic.timezone);
            visit.status == AppointmentStatus::Confirmed && plan.id == reminder.reminder_id
        };
        let Some(visit) = visit.filter(still_true) else {
            let why = Settled::Cancelled("the visit was moved or cancelled");
            return self.settle_as(key, why, None, Delivery::Cancelled).await;
        };
        if visit.patient.opted_out_at.is_some() {
            let why = Settled::Cancelled("the patient opted out");
            return self.settle_as(key, why, None, Delivery::Cancelled).await;
        }
        let mut record = Record::open(&self.chats, reminder, &visit, profile).await?;
        if !self.chats.allowed.allow(&visit.patient.match_key) {
            record.next(EventStatus::Blocked, self.now());
            let why = Settled::Cancelled("not among the allowed phones");
            return self.settle_as(key, why, Some(&record), Delivery::Cancelled).await;
        }
        let patient = &visit.patient;
        let to = match self.chats.find_recipient(clinic, &patient.match_key, Some(patient)).await? {
            Some(to) => to,
            None => {
                let unknown = "WhatsApp does not know the number";
                record.fails(unknown, self.now());
                return self.settle_as(key, Settled::Failed(unknown), Some(&record), Delivery::Failed).await;
            }
        };
        // In the history before it goes out: its echo is known by that, however soon it comes.
        record.queued(&to, self.now());
        self.chats.tables.append_event(&record.chat, &record.event).await?;
        let reply = PendingReply {
            id: record.event.message_id.clone(),
            to,
            message: record.message.clone(),
            queued_at: self.now(),
        };
        match self.chats.send(clinic, &reply).await {
            Ok(sent) => {
                points::reach("reminder_accepted");
                record.next(EventStatus::Sent, self.now());
                let event = &mut record.event;
                event.provider_message_id = Some(sent.provider_message_id);
                event.provider_response = Some(sent.response);
                if let Some(id) = sent.queue_id {
                    event.metadata.insert("zaapId".into(), id.into());
                }
                if sent.as_numbered_text {
                    event.metadata.insert("asNumberedText".into(), true.into());
                }
                self.mark_sent(key, &record).await;
                Ok(Delivery::Sent)
            }
            Err(error) => self.was_refused(key, reminder, record, attempts, &error).await,
        }
    }

    /// It is out and cannot be called back: where this cannot be written the claim runs out, and the
    /// patient may read it twice.
    async fn mark_sent(&self, key: &ReminderKey, record: &Record) {
        match self.settle(key, Settled::Sent, Some(record)).await {
            Ok(_) => points::reach("reminder_marked"),
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
        mut record: Record,
        attempts: u32,
        error: &SendError,
    ) -> Result<Delivery, StoreError> {
        let again_at = self.now() + BACKOFF * 2_i32.pow(attempts.saturating_sub(1).min(ATTEMPTS));
        let later = attempts < ATTEMPTS && again_at < reminder.not_after;
        match error.kind {
            SendErrorKind::Instance => {
                self.is_at_fault(&reminder.clinic_id, &error.detail);
                self.settle_as(key, Settled::Untried, None, Delivery::Held).await
            }
            SendErrorKind::Later if later => {
                self.settle_as(key, Settled::Later(again_at), None, Delivery::Later).await
            }
            SendErrorKind::Later | SendErrorKind::Permanent => {
                tracing::warn!(
                    step = "remind",
                    error = error as &dyn std::error::Error,
                    "a reminder was refused"
                );
                record.fails(&error.detail, self.now());
                self.settle_as(key, Settled::Failed(&error.detail), Some(&record), Delivery::Failed).await
            }
        }
    }

    /// Settles one that need not be sent.
    async fn drop_as(
        &self,
        key: &ReminderKey,
        settled: Settled<'_>,
        as_what: Delivery,
    ) -> Result<Delivery, StoreError> {
        match self.claim(key).await? {
            Some(_) => self.settle_as(key, settled, None, as_what).await,
            None => Ok(Delivery::Elsewhere),
        }
    }

    async fn settle_as(
        &self,
        key: &ReminderKey,
        settled: Settled<'_>,
        record: Option<&Record>,
        as_what: Delivery,
    ) -> Result<Delivery, StoreError> {
        let ours = self.settle(key, settled, record).await?;
        Ok(if ours { as_what } else { Delivery::Elsewhere })
    }

    async fn settle(
        &self,
        key: &ReminderKey,
        settled: Settled<'_>,
        record: Option<&Record>,
    ) -> Result<bool, StoreError> {
        let event = record.map(|record| (&record.chat, &record.event));
        self.chats.tables.settle_reminder(key, &self.holder, settled, event).await
    }

    async fn claim(&self, key: &ReminderKey) -> Result<Option<u32>, StoreError> {
        self.chats.tables.reminders().claim(key, &self.holder, self.now()).await
    }
}
