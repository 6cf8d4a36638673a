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
use crate::adapters::sheets::{Sheets, SheetsError, SheetsErrorKind, StartError};
use crate::app::chats::Chats;
use crate::config::SheetsConfig;
use crate::domain::sheet::cells;
use crate::domain::time::local;
use crate::error::StoreError;
use crate::failpoints;
use crate::ports::Clock;

/// Appointments written by one run to one sheet.
const APPOINTMENTS: i64 = 500;
/// Sheets written at the same time: Google's answers are waited for, not worked on.
const AT_ONCE: usize = 4;
/// Rows added to a tab that is full: as many as a new one has.
const MORE_ROWS: i32 = 1_000;
/// After the first failure; doubled with each further one.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);
/// The longest such wait: a sheet is up to date soon after Google's return.
const MOST_PATIENCE: TimeDelta = TimeDelta::minutes(2);
/// What was refused stays so until somebody changes something.
const REFUSED: TimeDelta = TimeDelta::days(1);

/// Whether this process writes sheets.
#[derive(Clone)]
pub enum SheetSync {
    /// A service account is configured.
    On(SheetWriter),
    /// Without a service account no sheet is written.
    Off,
}

impl SheetSync {
    /// Uses the stores of `chats`. Without a configuration it is off, and the log says so.
    pub fn open(config: Option<&SheetsConfig>, chats: &Chats) -> Result<Self, StartError> {
        let Some(config) = config else {
            tracing::info!(step = "sheets", "without GOOGLE_SHEETS_SERVICE_ACCOUNT no sheet is written");
            return Ok(Self::Off);
        };
        Ok(Self::On(SheetWriter {
            db: chats.db.clone(),
            tables: chats.tables.clone(),
            google: Arc::new(Sheets::new(config)?),
            clock: chats.clock.clone(),
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

/// What writes the sheets.
#[derive(Clone)]
pub struct SheetWriter {
    /// The appointments.
    pub db: Db,
    /// Leases and the count of calls.
    pub tables: Tables,
    /// Google, by a service account.
    pub google: Arc<Sheets>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SheetSummary {
    /// Sheets that were behind when the run began.
    pub sheets_behind: usize,
    /// Sheets that were written.
    pub sheets_written: usize,
    /// Rows that were behind when the run began, counted up to a thousand a sheet.
    pub rows_behind: usize,
    /// Rows that were written.
    pub rows_written: usize,
    /// What each clinic was behind by, for those who watch.
    #[serde(skip)]
    pub backlogs: Vec<SheetBacklog>,
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Google did not do it")]
    Google(#[from] SheetsError),
}

/// What became of one sheet.
enum Outcome {
    /// So many rows of it were written.
    Written(usize),
    /// The minute's calls are used up.
    NoMoreCalls,
}

impl SheetWriter {
    /// Writes every sheet that is behind, those first that wait longest. Stops after `budget`; what
    /// was begun may be begun again. Safe when two run at once.
    pub async fn write_sheets(&self, budget: Duration) -> Result<SheetSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let backlogs = self.db.list_sheet_backlogs().await?;
        let mut summary = SheetSummary {
            sheets_behind: backlogs.len(),
            rows_behind: backlogs.iter().map(|backlog| backlog.behind as usize).sum(),
            ..SheetSummary::default()
        };
        let mut entry = backlogs.iter();
        let mut under_way = JoinSet::new();
        let mut calls_left = true;
        loop {
            while under_way.len() < AT_ONCE && calls_left && Instant::now() < deadline {
                let Some(backlog) = entry.next().cloned() else { break };
                let writer = self.clone();
                let written = async move {
                    let written = timeout_at(deadline, writer.write_sheet(&backlog)).await;
                    (backlog.clinic, written)
                };
                under_way.spawn(written.in_current_span());
            }
            let Some(ended) = under_way.join_next().await else { break };
            let (clinic, written) = ended.map_err(|error| StoreError::internal("write a sheet", error))?;
            match written {
                Ok(Ok(Outcome::Written(rows))) => {
                    summary.sheets_written += usize::from(rows > 0);
                    summary.rows_written += rows;
                }
                Ok(Ok(Outcome::NoMoreCalls)) => calls_left = false,
                Ok(Err(error)) => tracing::warn!(
                    step = "sheets",
                    clinic_id = %clinic,
                    error = &error as &dyn std::error::Error,
                    "a sheet stays behind"
                ),
                Err(_) => {
                    tracing::warn!(step = "sheets", clinic_id = %clinic, "a sheet was not done in time")
                }
            }
        }
        summary.backlogs = backlogs;
        Ok(summary)
    }

    async fn write_sheet(&self, backlog: &SheetBacklog) -> Result<Outcome, WriteError> {
        let owner = Uuid::new_v4().to_string();
        let (spreadsheet, tab) = (&backlog.spreadsheet, &backlog.tab);
        let claimed = self.tables.claim_sheet(spreadsheet, tab, &owner, self.clock.now()).await?;
        let Some(claimed) = claimed else { return Ok(Outcome::Written(0)) };
        let outcome = self.write_rows(backlog).await;
        match &outcome {
            Err(WriteError::Google(error)) => {
                let until = self.clock.now() + patience(error, &claimed);
                self.tables.rest_sheet(&claimed, tab, until).await?;
            }
            _ => self.tables.release_sheet(&claimed).await?,
        }
        outcome
    }

    async fn write_rows(&self, backlog: &SheetBacklog) -> Result<Outcome, WriteError> {
        let SheetBacklog { clinic, spreadsheet, tab, .. } = backlog;
        let now = self.clock.now();
        if backlog.is_new {
            self.db.begin_sheet(backlog, local(now, backlog.timezone).date()).await?;
        }
        let appointments = self.db.list_sheet_appointments(clinic, APPOINTMENTS).await?;
        if appointments.is_empty() {
            return Ok(Outcome::Written(0));
        }
        if !self.tables.may_call_google(2, now).await? {
            return Ok(Outcome::NoMoreCalls);
        }
        let found = self.google.read(spreadsheet, tab).await?;
        let cells = cells(&found, &appointments, now);
        let last = cells.iter().map(|cells| cells.row).max().unwrap_or(0);
        if found.rows.is_some_and(|rows| rows < last) {
            if !self.tables.may_call_google(2, now).await? {
                return Ok(Outcome::NoMoreCalls);
            }
            self.google.add_rows(spreadsheet, tab, MORE_ROWS).await?;
        }
        self.google.write(spreadsheet, tab, &cells).await?;
        failpoints::hit("sheet_written");
        self.db.mark_sheet_appointments(backlog, &appointments).await?;
        Ok(Outcome::Written(appointments.len()))
    }
}

fn patience(error: &SheetsError, claimed: &ClaimedSheet) -> TimeDelta {
    match error.kind {
        SheetsErrorKind::Refused => REFUSED,
        SheetsErrorKind::Later => (PATIENCE * (1 << claimed.failures.min(2))).min(MOST_PATIENCE),
    }
}
