//! Tells each clinic in the evening who comes tomorrow.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::dynamodb::events::{Direction, EventStatus, MessageEvent};
use crate::adapters::dynamodb::report::ClaimedReport;
use crate::adapters::dynamodb::session::ChatKey;
use crate::adapters::postgres::appointments::AppointmentFilter;
use crate::adapters::postgres::profiles::ClinicProfile;
use crate::app::converse::Chats;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::ids::{ClinicId, ConversationId};
use crate::domain::phone::Phone;
use crate::domain::report::report;
use crate::domain::time::local;
use crate::error::StoreError;
use crate::points;
use crate::ports::whatsapp::{SendError, Sent};

/// From this hour on, by the clinic's clock, until midnight.
const EVENING: u32 = 20;
/// Clinics told at once: one provider's call may take seconds.
const AT_ONCE: usize = 8;
/// Visits read by one statement.
const PAGE: i64 = 100;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportSummary {
    /// Reports that went out.
    pub sent: usize,
    /// Clinics without a visit tomorrow.
    pub empty: usize,
    /// Clinics that must not be written to (`ALLOWED_PHONES`).
    pub blocked: usize,
    /// Reports that did not go out, or not to their end: the next hour takes them up.
    pub failed: usize,
    /// Clinics the run had no time for.
    pub left: usize,
}

enum Told {
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

    async fn tell_of_day(&self, clinic: &ClinicId, date: NaiveDate) -> Told {
        match self.try_to_tell(clinic, date).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(
                    step = "report",
                    clinic_id = %clinic,
                    error = &error as &dyn std::error::Error,
                    "a report has to wait"
                );
                Told::Failed
            }
        }
    }

    async fn try_to_tell(&self, clinic: &ClinicId, date: NaiveDate) -> Result<Told, ReportError> {
        let Some(profile) = self.db.find_profile(clinic).await? else { return Ok(Told::Elsewhere) };
        let owner = Uuid::new_v4().to_string();
        let Some(claimed) = self.tables.claim_report(clinic, date, &owner, self.clock.now()).await? else {
            return Ok(Told::Elsewhere);
        };
        points::reach("report_claimed");
        let told = self.send_report(&profile, date, &claimed).await;
        if !matches!(told, Ok(Told::Sent | Told::Blocked)) {
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
    ) -> Result<Told, ReportError> {
        let clinic = &profile.clinic;
        let messages = match &claimed.messages {
            Some(fixed) => fixed.clone(),
            None => {
                let messages = report(date, &self.visits_of_day(&clinic.id, date).await?);
                if messages.is_empty() {
                    return Ok(Told::Empty);
                }
                self.tables.fix_report(claimed, &messages).await?;
                messages
            }
        };
        let phone = clinic.phone.as_deref().and_then(|phone| Phone::parse(phone).ok());
        let phone = phone.ok_or(ReportError::NoPhone)?;
        let key = ChatKey { clinic: clinic.id.clone(), person: phone.match_key() };
        let mut record = Record { chats: self, key: &key, date, latest: None };
        if !self.allowed.allow(&key.person) {
            for (number, text) in messages.iter().enumerate() {
                record.add(number, text, EventStatus::Blocked, None).await?;
            }
            self.tables.finish_report(claimed, self.clock.now()).await?;
            return Ok(Told::Blocked);
        }
        let to = self.find_recipient(clinic, &key.person, None).await?;
        let to = to.ok_or(ReportError::NotOnWhatsApp)?;
        for (number, text) in messages.iter().enumerate().skip(claimed.sent) {
            record.add(number, text, EventStatus::Queued, None).await?;
            match self.whatsapp.send_text(clinic, &to, text).await {
                Ok(sent) => {
                    self.tables.mark_report(claimed, number + 1).await?;
                    record.add(number, text, EventStatus::Sent, Some(Ok(sent))).await?;
                }
                Err(error) => {
                    record.add(number, text, EventStatus::Failed, Some(Err(&error))).await?;
                    return Err(error.into());
                }
            }
        }
        self.tables.finish_report(claimed, self.clock.now()).await?;
        Ok(Told::Sent)
    }

    /// All of them, however many.
    async fn visits_of_day(
        &self,
        clinic: &ClinicId,
        date: NaiveDate,
    ) -> Result<Vec<Appointment>, StoreError> {
        let mut visits: Vec<Appointment> = Vec::new();
        loop {
            let filter = AppointmentFilter {
                from: Some(date),
                until: Some(date),
                status: Some(AppointmentStatus::Confirmed),
                after: visits.last().map(|last| (last.appointment_date, last.start_time, last.id)),
                limit: PAGE,
            };
            let page = self.db.list_appointments(clinic, &filter).await?.unwrap_or_default();
            let is_last = i64::try_from(page.len()).is_ok_and(|read| read < PAGE);
            visits.extend(page);
            if is_last {
                return Ok(visits);
            }
        }
    }
}

impl ReportSummary {
    fn count(&mut self, told: Option<Result<Told, tokio::task::JoinError>>) {
        match told {
            Some(Ok(Told::Sent)) => self.sent += 1,
            Some(Ok(Told::Empty)) => self.empty += 1,
            Some(Ok(Told::Blocked)) => self.blocked += 1,
            // A task that panicked told nobody.
            Some(Ok(Told::Failed) | Err(_)) => self.failed += 1,
            Some(Ok(Told::Elsewhere)) | None => {}
        }
    }
}

/// Adds a report's messages to the history of the clinic's own phone, in order.
struct Record<'a> {
    chats: &'a Chats,
    key: &'a ChatKey,
    date: NaiveDate,
    latest: Option<DateTime<Utc>>,
}

impl Record<'_> {
    async fn add(
        &mut self,
        number: usize,
        text: &str,
        status: EventStatus,
        outcome: Option<Result<Sent, &SendError>>,
    ) -> Result<(), StoreError> {
        let next = self.latest.map(|latest| latest + TimeDelta::milliseconds(1));
        let at = next.map_or(self.chats.clock.now(), |next| next.max(self.chats.clock.now()));
        self.latest = Some(at);
        let name = format!("REPORT#{}#{}", self.key.clinic, self.date);
        let mut event = MessageEvent {
            message_id: format!("report:{}:{}", self.date, number + 1),
            clinic_id: self.key.clinic.clone(),
            conversation_id: ConversationId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
            phone_number: self.key.person.clone(),
            direction: Direction::Outbound,
            message_type: "text".to_owned(),
            content: text.to_owned(),
            status,
            status_timestamp: at,
            provider: self.chats.whatsapp.name().to_owned(),
            provider_message_id: None,
            provider_response: None,
            error_details: None,
            metadata: serde_json::Map::new(),
        };
        match outcome {
            Some(Ok(sent)) => {
                event.provider_message_id = Some(sent.provider_message_id);
                event.provider_response = Some(sent.response);
                event.metadata.extend(sent.queue_id.map(|id| ("zaapId".to_owned(), id.into())));
            }
            Some(Err(error)) => event.error_details = Some(error.detail.clone()),
            None => {}
        }
        self.chats.tables.append_event(self.key, &event).await
    }
}
