//! Sends each clinic tomorrow's appointments in the evening (docs/rules/sheet.md#nightly-report).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::dynamodb::events::EventStatus;
use crate::adapters::dynamodb::reminder_queue::MAX_UNKNOWN_SENDS;
use crate::adapters::dynamodb::report::{ClaimedReport, ReportProgress};
use crate::adapters::dynamodb::session::ChatKey;
use crate::adapters::postgres::appointments::read::AppointmentFilter;
use crate::adapters::postgres::report::ReportRecipient;
use crate::app::chats::Chats;
use crate::app::fair_run::{Ended, OnePage, run_fairly};
use crate::app::history::{MessageHistory, OutboundMessage};
use crate::conversation::say::report::report;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::Clinic;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::message::MessageType;
use crate::domain::phone::{Address, Phone};
use crate::domain::time::wall_clock_at;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::{SendError, SendErrorKind};

/// Hour of the clinic's local time from which reports are sent, until midnight.
const REPORT_HOUR: u32 = 20;
/// Appointments per SQL query.
const PAGE: i64 = 100;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportSummary {
    /// Reports that were sent completely.
    pub sent: usize,
    /// Reports of which some messages may not have been accepted. The next hourly run before midnight sends
    /// those once more, unless the provider's webhooks tell that they were.
    pub unknown: usize,
    /// Clinics without an appointment tomorrow.
    pub empty: usize,
    /// Clinics whose phone is not in `ALLOWED_PHONES`.
    pub blocked: usize,
    /// Reports that were not sent, or only in part. Hourly runs before midnight continue them.
    pub failed: usize,
    /// Clinics the run had no time for.
    pub left: usize,
    /// Clinics whose report panicked. They are among those that failed.
    pub poisoned: usize,
}

enum ReportOutcome {
    Sent,
    /// Sent in part without a complete answer of the provider.
    Unknown,
    Empty,
    Blocked,
    Failed,
    /// The clinic had its report before, is no longer active, or is served by another run.
    Skipped,
}

/// Sends the messages of one claimed report.
struct ReportSender<'a> {
    chats: &'a Chats,
    clinic: &'a Clinic,
    chat: &'a ChatKey,
    to: &'a Address,
    date: NaiveDate,
    claimed: &'a ClaimedReport,
    /// Time of the report's last event.
    last_at: Option<DateTime<Utc>>,
}

/// Why a report was not sent.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the provider did not accept the report")]
    Send(#[from] SendError),
    #[error("the clinic's phone is missing or not valid")]
    InvalidPhone,
    #[error("WhatsApp does not know the clinic's phone")]
    NotOnWhatsApp,
}

impl Chats {
    /// Sends tomorrow's report to every clinic whose local time is between 20:00 and midnight and that has
    /// not received the report yet. Starts no further report after `budget`. Two runs may overlap.
    pub async fn send_reports(&self, budget: Duration) -> Result<ReportSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let now = self.clock.now();
        let mut summary = ReportSummary::default();
        let evening = |clinic: ReportRecipient| {
            let local_now = wall_clock_at(now, clinic.timezone);
            let tomorrow = local_now.date().succ_opt().filter(|_| local_now.hour() >= REPORT_HOUR)?;
            Some((clinic.id.0.clone(), (clinic.id, tomorrow)))
        };
        let mut due: Vec<_> =
            self.db.list_report_recipients().await?.into_iter().filter_map(evening).collect();
        // Each hour begins at another clinic, so that it is not always the same ones that are left.
        let hours = usize::try_from(now.timestamp() / 3_600).unwrap_or_default();
        let first = hours.wrapping_mul(7_919) % due.len().max(1);
        due.rotate_left(first);
        let work = |(clinic, date): (ClinicId, NaiveDate)| {
            let chats = self.clone();
            async move { Ok(chats.report_day(&clinic, date).await) }
        };
        let (left, failed) =
            run_fairly("report", deadline, OnePage(Some(due)), work, |ended| summary.count(ended)).await;
        summary.left += left;
        failed.map_or(Ok(summary), Err)
    }

    async fn report_day(&self, clinic: &ClinicId, date: NaiveDate) -> ReportOutcome {
        match self.try_report_day(clinic, date).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(
                    step = "report",
                    clinic_id = %clinic,
                    error = &error as &dyn std::error::Error,
                    "could not send a report; the next hourly run continues it"
                );
                ReportOutcome::Failed
            }
        }
    }

    async fn try_report_day(&self, clinic: &ClinicId, date: NaiveDate) -> Result<ReportOutcome, ReportError> {
        let Some(profile) = self.db.find_profile(clinic).await? else { return Ok(ReportOutcome::Skipped) };
        let owner = Uuid::new_v4().to_string();
        let Some(claimed) = self.tables.claim_report(clinic, date, &owner, self.clock.now()).await? else {
            return Ok(ReportOutcome::Skipped);
        };
        failpoints::hit("report_claimed");
        let outcome = self.send_report(&profile, date, &claimed).await;
        if !matches!(outcome, Ok(ReportOutcome::Sent | ReportOutcome::Blocked)) {
            // Otherwise no run could claim the report again before the lease expires.
            self.tables.release_report(&claimed).await?;
        }
        outcome
    }

    async fn send_report(
        &self,
        profile: &Arc<ClinicProfile>,
        date: NaiveDate,
        claimed: &ClaimedReport,
    ) -> Result<ReportOutcome, ReportError> {
        let clinic = &profile.clinic;
        let messages = match &claimed.messages {
            Some(stored) => stored.clone(),
            None => {
                let messages = report(date, &self.appointments_of_day(&clinic.id, date).await?);
                if messages.is_empty() {
                    return Ok(ReportOutcome::Empty);
                }
                self.tables.store_report_messages(claimed, &messages).await?;
                messages
            }
        };
        let phone = clinic.phone.as_deref().and_then(|phone| Phone::parse(phone).ok());
        let phone = phone.ok_or(ReportError::InvalidPhone)?;
        let chat = ChatKey { clinic: clinic.id.clone(), person: phone.match_key() };
        let mut last_at = None;
        if !self.allowed.allow(&chat.person) {
            for (number, text) in messages.iter().enumerate() {
                let mut history = report_history(self, &chat, date, number, text, last_at);
                let blocked = history.event(|message, at| message.event(EventStatus::Blocked, at));
                history.append(&blocked).await?;
                last_at = history.last_at;
            }
            self.tables.finish_report(claimed, self.clock.now()).await?;
            return Ok(ReportOutcome::Blocked);
        }
        let to = self.find_recipient(clinic, &chat.person, None).await?;
        let to = to.ok_or(ReportError::NotOnWhatsApp)?;
        let mut sender = ReportSender { chats: self, clinic, chat: &chat, to: &to, date, claimed, last_at };
        let mut progress = claimed.progress.clone();
        for (number, text) in messages.iter().enumerate() {
            sender.send(number, text, &mut progress).await?;
        }
        if progress.unknown.values().any(|sends| *sends < MAX_UNKNOWN_SENDS) {
            return Ok(ReportOutcome::Unknown);
        }
        self.tables.finish_report(claimed, self.clock.now()).await?;
        Ok(ReportOutcome::Sent)
    }

    /// All confirmed appointments of a day, read page by page.
    async fn appointments_of_day(
        &self,
        clinic: &ClinicId,
        date: NaiveDate,
    ) -> Result<Vec<Appointment>, StoreError> {
        let mut appointments: Vec<Appointment> = Vec::new();
        loop {
            let filter = AppointmentFilter {
                from: Some(date),
                until: Some(date),
                status: Some(AppointmentStatus::Confirmed),
                after: appointments.last().map(|last| (last.appointment_date, last.start_time, last.id)),
                limit: PAGE,
            };
            let page = self.db.list_appointments(clinic, &filter).await?.unwrap_or_default();
            let is_last = i64::try_from(page.len()).is_ok_and(|read| read < PAGE);
            appointments.extend(page);
            if is_last {
                return Ok(appointments);
            }
        }
    }
}

impl ReportSender<'_> {
    /// Sends a message of the report unless it was sent before. One without a complete answer is sent once more
    /// by a later run.
    async fn send(
        &mut self,
        number: usize,
        text: &str,
        progress: &mut ReportProgress,
    ) -> Result<(), ReportError> {
        let is_sent = number < progress.sent;
        let unknown_sends = progress.unknown.get(&number).copied().unwrap_or_default();
        if is_sent && (unknown_sends == 0 || unknown_sends >= MAX_UNKNOWN_SENDS) {
            return Ok(());
        }
        let mut history = report_history(self.chats, self.chat, self.date, number, text, self.last_at);
        let id = history.message.message_id.clone();
        // Only a report that an earlier run began can have been sent before.
        let mut doubtful_sends = unknown_sends;
        if self.claimed.messages.is_some() {
            let sends = self.chats.list_sends(self.chat, &id).await?;
            if sends.was_accepted {
                return self.store_sent(number, progress).await;
            }
            if !is_sent && sends.last_queued_at.is_some() && !sends.has_failed {
                // The earlier run ended while it sent this message.
                doubtful_sends = 1;
            }
        }
        if doubtful_sends > 0 {
            // Saved before, so that a crash cannot lead to a third time.
            progress.unknown.insert(number, doubtful_sends + 1);
            self.store(number, progress).await?;
        }
        let queued = history.event(|message, at| message.event(EventStatus::Queued, at));
        history.append(&queued).await?;
        let event = match self.chats.whatsapp.send_text(self.clinic, self.to, text).await {
            Ok(sent) => {
                self.store_sent(number, progress).await?;
                history.event(|message, at| message.sent(sent, at))
            }
            Err(error) if error.kind == SendErrorKind::Unknown => {
                if self.chats.was_accepted(self.chat, &id).await? {
                    return self.store_sent(number, progress).await;
                }
                progress.unknown.insert(number, doubtful_sends + 1);
                self.store(number, progress).await?;
                history.event(|message, at| message.unknown(&error.detail, at))
            }
            Err(error) => {
                if doubtful_sends > 0 {
                    // Not sent again, so it may still be.
                    progress.unknown.insert(number, doubtful_sends);
                    self.store(number, progress).await?;
                } else {
                    let failed = history.event(|message, at| message.failed(&error.detail, at));
                    history.append(&failed).await?;
                }
                return Err(error.into());
            }
        };
        history.append(&event).await?;
        self.last_at = history.last_at;
        Ok(())
    }

    async fn store_sent(&self, number: usize, progress: &mut ReportProgress) -> Result<(), ReportError> {
        progress.unknown.remove(&number);
        self.store(number, progress).await
    }

    async fn store(&self, number: usize, progress: &mut ReportProgress) -> Result<(), ReportError> {
        progress.sent = progress.sent.max(number + 1);
        let now = self.chats.clock.now();
        Ok(self.chats.tables.store_report_progress(self.claimed, progress, now).await?)
    }
}

/// The history of one message of a report, in the chat of the clinic's own phone.
fn report_history<'a>(
    chats: &'a Chats,
    chat: &'a ChatKey,
    date: NaiveDate,
    number: usize,
    text: &'a str,
    last_at: Option<DateTime<Utc>>,
) -> MessageHistory<'a> {
    let name = format!("REPORT#{}#{date}", chat.clinic);
    let message = OutboundMessage {
        chat,
        conversation_id: ConversationId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
        message_id: format!("report:{date}:{}", number + 1),
        message_type: MessageType::Text,
        text,
        provider: chats.whatsapp.name(),
    };
    MessageHistory { chats, message, last_at }
}

impl ReportSummary {
    fn count(&mut self, ended: Ended<ReportOutcome>) {
        self.poisoned += usize::from(ended.is_poison());
        match ended {
            Ended::Done(ReportOutcome::Sent) => self.sent += 1,
            Ended::Done(ReportOutcome::Unknown) => self.unknown += 1,
            Ended::Done(ReportOutcome::Empty) => self.empty += 1,
            Ended::Done(ReportOutcome::Blocked) => self.blocked += 1,
            Ended::Done(ReportOutcome::Failed) | Ended::Failed(_) | Ended::Panicked => self.failed += 1,
            Ended::Done(ReportOutcome::Skipped) => {}
        }
    }
}
