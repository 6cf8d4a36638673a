//! Sends each clinic tomorrow's appointments in the evening (docs/rules/sheet.md#nightly-report).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::dynamodb::events::EventStatus;
use crate::adapters::dynamodb::report::ClaimedReport;
use crate::adapters::dynamodb::session::ChatKey;
use crate::adapters::postgres::appointments::read::AppointmentFilter;
use crate::app::chats::Chats;
use crate::app::history::{MessageHistory, OutboundMessage};
use crate::conversation::say::report::report;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::message::MessageType;
use crate::domain::phone::Phone;
use crate::domain::time::wall_clock_at;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::SendError;

/// Hour of the clinic's local time from which reports are sent, until midnight.
const REPORT_HOUR: u32 = 20;
/// Clinics served in parallel, because one call to the provider may take seconds.
const MAX_CONCURRENT_CLINICS: usize = 8;
/// Appointments per SQL query.
const PAGE: i64 = 100;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportSummary {
    /// Reports that were sent completely.
    pub sent: usize,
    /// Clinics without an appointment tomorrow.
    pub empty: usize,
    /// Clinics whose phone is not in `ALLOWED_PHONES`.
    pub blocked: usize,
    /// Reports that were not sent, or only in part. Hourly runs before midnight continue them.
    pub failed: usize,
    /// Clinics the run had no time for.
    pub left: usize,
}

enum ReportOutcome {
    Sent,
    Empty,
    Blocked,
    Failed,
    /// The clinic had its report before, is no longer active, or is served by another run.
    Skipped,
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
        let mut tasks = JoinSet::new();
        for clinic in self.db.list_report_recipients().await? {
            let local_now = wall_clock_at(now, clinic.timezone);
            let Some(tomorrow) = local_now.date().succ_opt().filter(|_| local_now.hour() >= REPORT_HOUR)
            else {
                continue;
            };
            if tasks.len() >= MAX_CONCURRENT_CLINICS {
                summary.count(tasks.join_next().await);
            }
            if Instant::now() >= deadline {
                summary.left += 1;
                continue;
            }
            let chats = self.clone();
            tasks.spawn(async move { chats.report_day(&clinic.id, tomorrow).await });
        }
        while let Some(outcome) = tasks.join_next().await {
            summary.count(Some(outcome));
        }
        Ok(summary)
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
                let mut history = self.report_history(&chat, date, number, text, last_at);
                let blocked = history.event(|message, at| message.event(EventStatus::Blocked, at));
                history.append(&blocked).await?;
                last_at = history.last_at;
            }
            self.tables.finish_report(claimed, self.clock.now()).await?;
            return Ok(ReportOutcome::Blocked);
        }
        let to = self.find_recipient(clinic, &chat.person, None).await?;
        let to = to.ok_or(ReportError::NotOnWhatsApp)?;
        for (number, text) in messages.iter().enumerate().skip(claimed.sent) {
            let mut history = self.report_history(&chat, date, number, text, last_at);
            let queued = history.event(|message, at| message.event(EventStatus::Queued, at));
            history.append(&queued).await?;
            match self.whatsapp.send_text(clinic, &to, text).await {
                Ok(sent) => {
                    self.tables.store_report_progress(claimed, number + 1).await?;
                    let sent = history.event(|message, at| message.sent(sent, at));
                    history.append(&sent).await?;
                }
                Err(error) => {
                    let failed = history.event(|message, at| message.failed(&error.detail, at));
                    history.append(&failed).await?;
                    return Err(error.into());
                }
            }
            last_at = history.last_at;
        }
        self.tables.finish_report(claimed, self.clock.now()).await?;
        Ok(ReportOutcome::Sent)
    }

    /// The history of one message of a report, in the chat of the clinic's own phone.
    fn report_history<'a>(
        &'a self,
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
            provider: self.whatsapp.name(),
        };
        MessageHistory { chats: self, message, last_at }
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

impl ReportSummary {
    fn count(&mut self, outcome: Option<Result<ReportOutcome, tokio::task::JoinError>>) {
        match outcome {
            Some(Ok(ReportOutcome::Sent)) => self.sent += 1,
            Some(Ok(ReportOutcome::Empty)) => self.empty += 1,
            Some(Ok(ReportOutcome::Blocked)) => self.blocked += 1,
            // `Err`: the task panicked.
            Some(Ok(ReportOutcome::Failed) | Err(_)) => self.failed += 1,
            Some(Ok(ReportOutcome::Skipped)) | None => {}
        }
    }
}
