//! Tells each clinic in the evening who comes tomorrow.

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
use crate::domain::time::local;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::whatsapp::SendError;

/// From this hour on, by the clinic's clock, until midnight.
const EVENING: u32 = 20;
/// Clinics told at once: one provider's call may take seconds.
const AT_ONCE: usize = 8;
/// Appointments read by one statement.
const PAGE: i64 = 100;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportSummary {
    /// Reports that went out.
    pub sent: usize,
    /// Clinics without an appointment tomorrow.
    pub empty: usize,
    /// Clinics that must not be written to (`ALLOWED_PHONES`).
    pub blocked: usize,
    /// Reports that did not go out, or not to their end: the next hour takes them up.
    pub failed: usize,
    /// Clinics the run had no time for.
    pub left: usize,
}

enum ReportOutcome {
    Sent,
    Empty,
    Blocked,
    Failed,
    /// It had its report, or another run is at it.
    Elsewhere,
}

/// A report did not go out.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the provider did not take it")]
    Send(#[from] SendError),
    #[error("the clinic's phone is none")]
    NoPhone,
    #[error("WhatsApp does not know the clinic's phone")]
    NotOnWhatsApp,
}

impl Chats {
    /// Sends the report of tomorrow to every clinic where it is between 20 h and midnight and that
    /// has not had it. Begins no other clinic after `budget`. Safe when two run at once.
    pub async fn send_reports(&self, budget: Duration) -> Result<ReportSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let now = self.clock.now();
        let mut summary = ReportSummary::default();
        let mut telling = JoinSet::new();
        for clinic in self.db.list_reporting_clinics().await? {
            let here = local(now, clinic.timezone);
            let Some(tomorrow) = here.date().succ_opt().filter(|_| here.hour() >= EVENING) else { continue };
            if telling.len() >= AT_ONCE {
                summary.count(telling.join_next().await);
            }
            if Instant::now() >= deadline {
                summary.left += 1;
                continue;
            }
            let chats = self.clone();
            telling.spawn(async move { chats.tell_of_day(&clinic.id, tomorrow).await });
        }
        while let Some(told) = telling.join_next().await {
            summary.count(Some(told));
        }
        Ok(summary)
    }

    async fn tell_of_day(&self, clinic: &ClinicId, date: NaiveDate) -> ReportOutcome {
        match self.try_to_tell(clinic, date).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(
                    step = "report",
                    clinic_id = %clinic,
                    error = &error as &dyn std::error::Error,
                    "a report has to wait"
                );
                ReportOutcome::Failed
            }
        }
    }

    async fn try_to_tell(&self, clinic: &ClinicId, date: NaiveDate) -> Result<ReportOutcome, ReportError> {
        let Some(profile) = self.db.find_profile(clinic).await? else { return Ok(ReportOutcome::Elsewhere) };
        let owner = Uuid::new_v4().to_string();
        let Some(claimed) = self.tables.claim_report(clinic, date, &owner, self.clock.now()).await? else {
            return Ok(ReportOutcome::Elsewhere);
        };
        failpoints::hit("report_claimed");
        let told = self.send_report(&profile, date, &claimed).await;
        if !matches!(told, Ok(ReportOutcome::Sent | ReportOutcome::Blocked)) {
            // Without this it would only be taken again when the lease has run out.
            self.tables.release_report(&claimed).await?;
        }
        told
    }

    async fn send_report(
        &self,
        profile: &Arc<ClinicProfile>,
        date: NaiveDate,
        claimed: &ClaimedReport,
    ) -> Result<ReportOutcome, ReportError> {
        let clinic = &profile.clinic;
        let messages = match &claimed.messages {
            Some(fixed) => fixed.clone(),
            None => {
                let messages = report(date, &self.appointments_of_day(&clinic.id, date).await?);
                if messages.is_empty() {
                    return Ok(ReportOutcome::Empty);
                }
                self.tables.fix_report(claimed, &messages).await?;
                messages
            }
        };
        let phone = clinic.phone.as_deref().and_then(|phone| Phone::parse(phone).ok());
        let phone = phone.ok_or(ReportError::NoPhone)?;
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
                    self.tables.mark_report(claimed, number + 1).await?;
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

    /// All of them, however many.
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
    fn count(&mut self, told: Option<Result<ReportOutcome, tokio::task::JoinError>>) {
        match told {
            Some(Ok(ReportOutcome::Sent)) => self.sent += 1,
            Some(Ok(ReportOutcome::Empty)) => self.empty += 1,
            Some(Ok(ReportOutcome::Blocked)) => self.blocked += 1,
            // A task that panicked told nobody.
            Some(Ok(ReportOutcome::Failed) | Err(_)) => self.failed += 1,
            Some(Ok(ReportOutcome::Elsewhere)) | None => {}
        }
    }
}
