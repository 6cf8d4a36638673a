//! Brings the clinics' sheets up to date with their appointments. Nothing else writes them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use uuid::Uuid;

use crate::adapters::dynamodb::Tables;
use crate::adapters::dynamodb::sheets::ClaimedSheet;
use crate::adapters::postgres::Db;
use crate::adapters::postgres::sheets::SheetBacklog;
use crate::adapters::sheets::{Sheets, SheetsConfigError, SheetsError, SheetsErrorKind};
use crate::config::SheetsConfig;
use crate::domain::sheet::cells;
use crate::domain::time::wall_clock_at;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::Clock;

/// Maximum appointments that one run writes to one sheet.
const MAX_APPOINTMENTS_PER_SHEET: i64 = 500;
/// Sheets written in parallel. Most of the time is spent waiting for Google.
const MAX_CONCURRENT_SHEETS: usize = 4;
/// Rows added to a full tab: as many as a new tab has.
const ROWS_ADDED: i32 = 1_000;
/// Wait after the first failure; doubled after each further one.
const BACKOFF: TimeDelta = TimeDelta::seconds(30);
/// Longest such wait, so that a sheet is up to date soon after Google recovers.
const MAX_BACKOFF: TimeDelta = TimeDelta::minutes(2);
/// Wait after Google refused a call. It refuses again until somebody changes the sheet or its permissions.
const REFUSED_BACKOFF: TimeDelta = TimeDelta::days(1);

/// Whether this process writes sheets.
#[derive(Clone)]
pub enum SheetSync {
    /// A service account is configured.
    On(SheetWriter),
    /// Without a service account no sheet is written.
    Off,
}

impl SheetSync {
    /// Uses these stores and this clock. Without a configuration it is off, which is logged.
    pub fn open(
        config: Option<&SheetsConfig>,
        db: &Db,
        tables: &Tables,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SheetsConfigError> {
        let Some(config) = config else {
            tracing::info!(step = "sheets", "without GOOGLE_SHEETS_SERVICE_ACCOUNT no sheet is written");
            return Ok(Self::Off);
        };
        Ok(Self::On(SheetWriter {
            db: db.clone(),
            tables: tables.clone(),
            google: Arc::new(Sheets::new(config)?),
            clock: clock.clone(),
        }))
    }

    /// Writes the sheets that are behind, if it is on; see [`SheetWriter::write_sheets`].
    pub async fn write_sheets(&self, budget: Duration) -> Result<SheetSummary, StoreError> {
        match self {
            Self::On(writer) => writer.write_sheets(budget).await,
            Self::Off => Ok(SheetSummary::default()),
        }
    }
}

/// Writes appointments to the clinics' sheets.
#[derive(Clone)]
pub struct SheetWriter {
    /// The appointments, and up to which version each was written.
    pub db: Db,
    /// Leases of spreadsheets and the count of Google calls.
    pub tables: Tables,
    /// Client of the Google Sheets API, with a service account.
    pub google: Arc<Sheets>,
    /// The current time.
    pub clock: Arc<dyn Clock>,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SheetSummary {
    /// Sheets that were behind when the run began.
    pub sheets_behind: usize,
    /// Sheets that were written.
    pub sheets_written: usize,
    /// Rows that were behind when the run began; at most 1,000 are counted per sheet.
    pub rows_behind: usize,
    /// Rows that were written.
    pub rows_written: usize,
    /// How far each clinic was behind, for the metrics.
    #[serde(skip)]
    pub backlogs: Vec<SheetBacklog>,
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the call to Google failed")]
    Google(#[from] SheetsError),
}

/// How the work on one sheet ended.
enum SheetOutcome {
    /// Number of rows that were written.
    Written(usize),
    /// The quota of Google calls is used up (docs/rules/sheet.md#sheet-quota).
    QuotaUsedUp,
}

impl SheetWriter {
    /// Writes every sheet that is behind: first new sheets with no row behind, then those that have waited
    /// longest. Stops after `budget`; the next run repeats a sheet that was interrupted. Two runs may
    /// overlap.
    pub async fn write_sheets(&self, budget: Duration) -> Result<SheetSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let backlogs = self.db.list_sheet_backlogs().await?;
        let mut summary = SheetSummary {
            sheets_behind: backlogs.len(),
            rows_behind: backlogs.iter().map(|backlog| backlog.behind as usize).sum(),
            ..SheetSummary::default()
        };
        let mut waiting = backlogs.iter();
        let mut tasks = JoinSet::new();
        let mut calls_left = true;
        loop {
            while tasks.len() < MAX_CONCURRENT_SHEETS && calls_left && Instant::now() < deadline {
                let Some(backlog) = waiting.next().cloned() else { break };
                let writer = self.clone();
                let written = async move {
                    let written = timeout_at(deadline, writer.write_sheet(&backlog)).await;
                    (backlog.clinic, written)
                };
                tasks.spawn(written.in_current_span());
            }
            let Some(ended) = tasks.join_next().await else { break };
            let (clinic, written) = ended.map_err(|error| StoreError::internal("write a sheet", error))?;
            match written {
                Ok(Ok(SheetOutcome::Written(rows))) => {
                    summary.sheets_written += usize::from(rows > 0);
                    summary.rows_written += rows;
                }
                Ok(Ok(SheetOutcome::QuotaUsedUp)) => calls_left = false,
                Ok(Err(error)) => tracing::warn!(
                    step = "sheets",
                    clinic_id = %clinic,
                    error = &error as &dyn std::error::Error,
                    "could not bring a sheet up to date"
                ),
                Err(_) => {
                    tracing::warn!(
                        step = "sheets",
                        clinic_id = %clinic,
                        "the time budget ended before a sheet was written"
                    )
                }
            }
        }
        summary.backlogs = backlogs;
        Ok(summary)
    }

    async fn write_sheet(&self, backlog: &SheetBacklog) -> Result<SheetOutcome, WriteError> {
        let owner = Uuid::new_v4().to_string();
        let (spreadsheet, tab) = (&backlog.spreadsheet, &backlog.tab);
        let claimed = self.tables.claim_sheet(spreadsheet, tab, &owner, self.clock.now()).await?;
        let Some(claimed) = claimed else { return Ok(SheetOutcome::Written(0)) };
        let outcome = self.write_rows(backlog).await;
        match &outcome {
            Err(WriteError::Google(error)) => {
                let until = self.clock.now() + backoff(error, &claimed);
                self.tables.back_off_sheet(&claimed, tab, until).await?;
            }
            _ => self.tables.release_sheet(&claimed).await?,
        }
        outcome
    }

    async fn write_rows(&self, backlog: &SheetBacklog) -> Result<SheetOutcome, WriteError> {
        let SheetBacklog { clinic, spreadsheet, tab, .. } = backlog;
        let now = self.clock.now();
        if backlog.is_new {
            self.db.switch_sheet(backlog, wall_clock_at(now, backlog.timezone).date()).await?;
        }
        let appointments = self.db.list_sheet_appointments(clinic, MAX_APPOINTMENTS_PER_SHEET).await?;
        if appointments.is_empty() {
            return Ok(SheetOutcome::Written(0));
        }
        if !self.tables.try_acquire_google_calls(2, now).await? {
            return Ok(SheetOutcome::QuotaUsedUp);
        }
        let found = self.google.read(spreadsheet, tab).await?;
        let cells = cells(&found, &appointments, now);
        let last = cells.iter().map(|cells| cells.row).max().unwrap_or(0);
        if found.rows.is_some_and(|rows| rows < last) {
            if !self.tables.try_acquire_google_calls(2, now).await? {
                return Ok(SheetOutcome::QuotaUsedUp);
            }
            self.google.add_rows(spreadsheet, tab, ROWS_ADDED).await?;
        }
        self.google.write(spreadsheet, tab, &cells).await?;
        failpoints::hit("sheet_written");
        self.db.mark_rows_written(backlog, &appointments).await?;
        Ok(SheetOutcome::Written(appointments.len()))
    }
}

fn backoff(error: &SheetsError, claimed: &ClaimedSheet) -> TimeDelta {
    match error.kind {
        SheetsErrorKind::Refused => REFUSED_BACKOFF,
        SheetsErrorKind::Later => (BACKOFF * (1 << claimed.failures.min(2))).min(MAX_BACKOFF),
    }
}
