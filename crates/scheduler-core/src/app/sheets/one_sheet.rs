//! Brings one clinic's sheet up to date (`docs/rules/sheet.md#rows-that-staff-move`).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapters::dynamodb::Tables;
use crate::adapters::dynamodb::lease::LEASE_DURATION;
use crate::adapters::dynamodb::sheets::{ClaimedSheet, GoogleCalls};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::sheets::SheetBacklog;
use crate::adapters::sheets::{CALL_TIMEOUT, Sheets, SheetsError, SheetsErrorKind};
use crate::domain::ids::AppointmentId;
use crate::domain::sheet::SheetAppointment;
use crate::domain::sheet::log::Log;
use crate::domain::sheet::plan::plan;
use crate::domain::sheet::tab::Tab;
use crate::domain::time::wall_clock_at;
use crate::error::{StoreError, StoreErrorKind};
use crate::failpoints;
use crate::ports::Clock;

/// Maximum appointments that one write brings up to date.
const MAX_APPOINTMENTS: usize = 500;
/// The next appointments of a clinic, as many as this, must stand in its sheet even if staff deleted the row.
const MAX_UPCOMING: i64 = 1_000;
/// Reads and writes of one sheet in one run. Only staff who keep moving rows make more than two necessary.
const MAX_PASSES: usize = 10;
/// Time for the stores after a call of Google.
const STORES: Duration = Duration::from_secs(1);
/// Wait after the first failure; doubled after each further one.
const BACKOFF: TimeDelta = TimeDelta::seconds(30);
/// Longest such wait, so that a sheet is up to date soon after Google recovers.
const MAX_BACKOFF: TimeDelta = TimeDelta::minutes(2);
/// Wait after Google refused a call. It refuses again until somebody changes the sheet or its permissions.
const REFUSED_BACKOFF: TimeDelta = TimeDelta::days(1);
/// After this many runs in which Google refused to write to the tab, it counts as refused for good.
const MAX_CHANGED: u32 = 3;

/// Writes appointments to the clinics' sheets.
#[derive(Clone)]
pub struct SheetWriter {
    /// The appointments, and up to which version each was written.
    pub db: Db,
    /// Leases of spreadsheets and the counts of Google calls.
    pub tables: Tables,
    /// Client of the Google Sheets API, with a service account.
    pub google: Arc<Sheets>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
}

/// Why the work on a sheet failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the call to Google failed")]
    Google(#[from] SheetsError),
}

impl WriteError {
    /// A word for the log, by which failures are counted.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Store(error) => match error.kind {
                StoreErrorKind::Unavailable => "store unavailable",
                StoreErrorKind::Internal => "store internal",
            },
            Self::Google(error) => match error.kind {
                SheetsErrorKind::Later => "google later",
                SheetsErrorKind::Changed => "google changed",
                SheetsErrorKind::Refused => "google refused",
            },
        }
    }
}

/// What was done to one sheet.
#[derive(Debug, Default)]
pub(super) struct SheetOutcome {
    /// Rows that were written.
    pub rows: usize,
    /// Why the work stopped before the sheet was up to date.
    pub stopped: Option<Stop>,
    /// Whether Google has answered.
    answered: bool,
}

/// Why the work on a sheet stopped. The next run continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The quota of Google calls is used up (docs/rules/sheet.md#sheet-quota).
    QuotaUsedUp,
    /// The next call may not end in time.
    OutOfTime,
}

/// How one read and one write of a sheet ended.
enum Pass {
    UpToDate,
    /// The tab must be read again.
    Unfinished,
    Stopped(Stop),
}

impl SheetWriter {
    /// Whether the first call for this sheet ends before the deadline in any case.
    pub(super) fn has_time_for(&self, sheet: &SheetBacklog, deadline: Instant) -> bool {
        fits(self.google.reads_needed(&sheet.spreadsheet, &sheet.tab), deadline)
    }

    /// Claims the spreadsheet and brings the clinic's tab up to date. Does nothing if another run has claimed
    /// it, or during a pause after a failure.
    pub(super) async fn write_sheet(
        &self,
        sheet: &SheetBacklog,
        deadline: Instant,
    ) -> Result<SheetOutcome, WriteError> {
        let owner = Uuid::new_v4().to_string();
        let lease_end = Instant::now() + LEASE_DURATION.to_std().unwrap_or_default();
        let claimed =
            self.tables.claim_sheet(&sheet.spreadsheet, &sheet.tab, &owner, self.clock.now()).await?;
        let Some(claimed) = claimed else { return Ok(SheetOutcome::default()) };
        let mut outcome = SheetOutcome::default();
        let worked = self.bring_up_to_date(sheet, deadline.min(lease_end), &mut outcome).await;
        let released = match &worked {
            Err(WriteError::Google(error)) => {
                let until = self.clock.now() + backoff(error, &claimed);
                self.tables.back_off_sheet(&claimed, &sheet.tab, until).await
            }
            Ok(()) if outcome.answered => self.tables.reset_sheet(&claimed).await,
            _ => self.tables.release_sheet(&claimed).await,
        };
        worked?;
        released?;
        Ok(outcome)
    }

    async fn bring_up_to_date(
        &self,
        sheet: &SheetBacklog,
        end: Instant,
        outcome: &mut SheetOutcome,
    ) -> Result<(), WriteError> {
        let timezone: Tz = sheet
            .timezone
            .parse()
            .map_err(|error| StoreError::internal("read a clinic's time zone", error))?;
        let today = wall_clock_at(self.clock.now(), timezone).date();
        if sheet.is_new {
            self.db.switch_sheet(sheet, today).await?;
        }
        let mut has_changed = false;
        for _ in 0..MAX_PASSES {
            match self.pass(sheet, today, end, outcome).await {
                Ok(Pass::UpToDate) => break,
                Ok(Pass::Unfinished) => {}
                Ok(Pass::Stopped(stop)) => {
                    outcome.stopped = Some(stop);
                    break;
                }
                // Staff deleted rows, or our log: the next pass reads what is there.
                Err(WriteError::Google(error)) if error.kind == SheetsErrorKind::Changed && !has_changed => {
                    has_changed = true;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the tab and makes one write, if one is needed.
    async fn pass(
        &self,
        sheet: &SheetBacklog,
        today: NaiveDate,
        end: Instant,
        outcome: &mut SheetOutcome,
    ) -> Result<Pass, WriteError> {
        let SheetBacklog { clinic, spreadsheet, tab: name, .. } = sheet;
        let limit = i64::try_from(MAX_APPOINTMENTS).unwrap_or(i64::MAX);
        let behind = self.db.list_sheet_appointments(clinic, limit).await?;
        if behind.is_empty() && !self.db.is_sheet_unchecked(sheet).await? {
            return Ok(Pass::UpToDate);
        }
        // The write is reserved with the read, so that no sheet is read in vain.
        let mut is_reserved = !behind.is_empty();
        if is_reserved && !self.acquire(GoogleCalls::Writes, 1).await? {
            return Ok(Pass::Stopped(Stop::QuotaUsedUp));
        }
        let reads = self.google.reads_needed(spreadsheet, name);
        if !fits(reads, end) {
            return Ok(Pass::Stopped(Stop::OutOfTime));
        }
        if !self.acquire(GoogleCalls::Reads, reads).await? {
            return Ok(Pass::Stopped(Stop::QuotaUsedUp));
        }
        let (tab, log) = self.google.read(spreadsheet, name).await?;
        outcome.answered = true;
        let (due, others) = self.complete(sheet, today, behind, &tab, &log).await?;
        let plan = plan(&tab, &log, &due, &others, self.clock.now());
        if plan.is_empty() {
            outcome.rows += self.mark(sheet, &due, &others, &plan.right(&[]), false).await?;
            return Ok(Pass::UpToDate);
        }
        if !fits(1, end) {
            return Ok(Pass::Stopped(Stop::OutOfTime));
        }
        is_reserved = is_reserved || self.acquire(GoogleCalls::Writes, 1).await?;
        if !is_reserved {
            return Ok(Pass::Stopped(Stop::QuotaUsedUp));
        }
        if plan.needs_log() && log.size == 0 {
            self.google.create_log(spreadsheet, name).await?;
            return Ok(Pass::Unfinished);
        }
        let found = self.google.write(spreadsheet, name, &plan, &log).await?;
        failpoints::hit("sheet_written");
        outcome.rows += self.mark(sheet, &due, &others, &plan.right(&found), true).await?;
        Ok(if plan.is_final(&found) { Pass::UpToDate } else { Pass::Unfinished })
    }

    /// The appointments that must stand in the tab: those behind, and upcoming ones whose row is missing. And
    /// the others whose row must be looked at: earlier writes touched it, or staff copied it.
    async fn complete(
        &self,
        sheet: &SheetBacklog,
        today: NaiveDate,
        behind: Vec<SheetAppointment>,
        tab: &Tab,
        log: &Log,
    ) -> Result<(Vec<SheetAppointment>, Vec<SheetAppointment>), WriteError> {
        let by_id = tab.by_id();
        let upcoming = self.db.list_upcoming_ids(&sheet.clinic, today, MAX_UPCOMING).await?;
        let known: HashSet<AppointmentId> = behind.iter().map(|appointment| appointment.id).collect();
        let missing: HashSet<AppointmentId> = upcoming
            .into_iter()
            .filter(|id| !known.contains(id) && !by_id.contains_key(id.to_string().as_str()))
            .take(MAX_APPOINTMENTS.saturating_sub(behind.len()))
            .collect();
        let copied = by_id.iter().filter(|(_, rows)| rows.len() > 1).filter_map(|(id, _)| id.parse().ok());
        let mut ids: HashSet<AppointmentId> = copied.chain(log.ids()).collect();
        ids.retain(|id| !known.contains(id));
        ids.extend(&missing);
        let mut due = behind;
        let mut others = Vec::new();
        if !ids.is_empty() {
            let ids: Vec<AppointmentId> = ids.into_iter().collect();
            for appointment in self.db.find_sheet_appointments(&sheet.clinic, &ids).await? {
                if missing.contains(&appointment.id) {
                    due.push(appointment);
                } else {
                    others.push(appointment);
                }
            }
        }
        Ok((due, others))
    }

    /// Marks what is right. Returns how many of `due` are.
    async fn mark(
        &self,
        sheet: &SheetBacklog,
        due: &[SheetAppointment],
        others: &[SheetAppointment],
        right: &[AppointmentId],
        unchecked: bool,
    ) -> Result<usize, StoreError> {
        let right: HashSet<&AppointmentId> = right.iter().collect();
        let is_right = |appointment: &&SheetAppointment| right.contains(&appointment.id);
        let written: Vec<SheetAppointment> = due.iter().chain(others).filter(is_right).cloned().collect();
        self.db.mark_rows_written(sheet, &written, unchecked).await?;
        Ok(due.iter().filter(is_right).count())
    }

    async fn acquire(&self, kind: GoogleCalls, calls: u32) -> Result<bool, StoreError> {
        self.tables.try_acquire_google_calls(kind, calls as usize, self.clock.now()).await
    }
}

/// Whether this many calls of Google, and the work of the stores after them, end before `end` in any case.
fn fits(calls: u32, end: Instant) -> bool {
    Instant::now() + CALL_TIMEOUT * calls + STORES <= end
}

fn backoff(error: &SheetsError, claimed: &ClaimedSheet) -> TimeDelta {
    let later = (BACKOFF * (1 << claimed.failures.min(2))).min(MAX_BACKOFF);
    match error.kind {
        SheetsErrorKind::Refused => REFUSED_BACKOFF,
        SheetsErrorKind::Changed if claimed.failures >= MAX_CHANGED => REFUSED_BACKOFF,
        SheetsErrorKind::Changed | SheetsErrorKind::Later => later,
    }
}
