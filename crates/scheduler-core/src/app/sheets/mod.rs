//! Brings the clinics' sheets up to date with their appointments. Nothing else writes them.

mod one_sheet;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::adapters::dynamodb::Tables;
use crate::adapters::postgres::Db;
use crate::adapters::postgres::sheets::SheetBacklog;
use crate::adapters::sheets::{Sheets, SheetsConfigError};
use crate::config::SheetsConfig;
use crate::domain::ids::ClinicId;
use crate::error::StoreError;
use crate::ports::Clock;

pub use self::one_sheet::SheetWriter;

use self::one_sheet::{SheetOutcome, Stop, WriteError};

/// Sheets written in parallel. Most of the time is spent waiting for Google.
const MAX_CONCURRENT_SHEETS: usize = 4;

/// Whether this process writes sheets.
#[derive(Clone)]
pub enum SheetSync {
    /// A service account is configured.
    On(SheetWriter),
    /// Without a service account no sheet is written.
    Off,
}

impl SheetSync {
    /// Without a configuration it is off, which is logged.
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

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SheetSummary {
    /// Sheets that were behind when the run began.
    pub sheets_behind: usize,
    /// Sheets that were written.
    pub sheets_written: usize,
    /// Sheets whose work ended with an error. Each has a warning in the log.
    pub sheets_failed: usize,
    /// Sheets that the run did not come to, for want of time or of Google's quota.
    pub sheets_left: usize,
    /// Rows that were behind when the run began; at most 1,000 are counted per sheet.
    pub rows_behind: usize,
    /// Rows that were written.
    pub rows_written: usize,
    /// How far each clinic was behind, for the metrics.
    #[serde(skip)]
    pub backlogs: Vec<SheetBacklog>,
}

impl SheetWriter {
    /// Writes every sheet that is behind: first new sheets with no row behind, then those that have waited
    /// longest. Last it reads those that were written by the run before. Starts no call that may end after
    /// `budget`; the next run continues. An error in one sheet does not stop the others. Two runs may
    /// overlap.
    pub async fn write_sheets(&self, budget: Duration) -> Result<SheetSummary, StoreError> {
        let deadline = Instant::now() + budget;
        let backlogs = self.db.list_sheet_backlogs().await?;
        let mut summary = SheetSummary {
            sheets_behind: backlogs.iter().filter(|backlog| backlog.is_new || backlog.behind > 0).count(),
            rows_behind: backlogs.iter().map(|backlog| backlog.behind as usize).sum(),
            ..SheetSummary::default()
        };
        let mut waiting = backlogs.iter();
        let mut tasks = JoinSet::new();
        let mut clinics: HashMap<Id, ClinicId> = HashMap::new();
        let mut calls_left = true;
        loop {
            while tasks.len() < MAX_CONCURRENT_SHEETS && calls_left {
                let Some(backlog) = waiting.as_slice().first() else { break };
                if !self.has_time_for(backlog, deadline) {
                    break;
                }
                waiting.next();
                let (writer, backlog) = (self.clone(), backlog.clone());
                let clinic = backlog.clinic.clone();
                let written =
                    async move { timeout_at(deadline, writer.write_sheet(&backlog, deadline)).await };
                let task = tasks.spawn(written.in_current_span());
                clinics.insert(task.id(), clinic);
            }
            let Some(ended) = tasks.join_next_with_id().await else { break };
            let (id, failure) = match ended {
                Ok((id, Ok(Ok(outcome)))) => {
                    calls_left &= outcome.stopped != Some(Stop::QuotaUsedUp);
                    summary.add(&outcome);
                    (id, None)
                }
                Ok((id, Ok(Err(error)))) => (id, Some(Failure::Error(error))),
                Ok((id, Err(_))) => (id, Some(Failure::Deadline)),
                Err(panicked) => (panicked.id(), Some(Failure::Panic)),
            };
            let clinic = clinics.remove(&id);
            if let Some(failure) = failure {
                summary.sheets_failed += 1;
                failure.log(clinic.as_ref());
            }
        }
        summary.sheets_left += waiting.len();
        summary.backlogs = backlogs;
        Ok(summary)
    }
}

impl SheetSummary {
    fn add(&mut self, outcome: &SheetOutcome) {
        self.sheets_written += usize::from(outcome.rows > 0);
        self.rows_written += outcome.rows;
        self.sheets_left += usize::from(outcome.stopped.is_some());
    }
}

/// Why the work on one sheet ended early.
enum Failure {
    Error(WriteError),
    /// The run's time ended meanwhile.
    Deadline,
    /// A bug, or data that the code does not expect. The message of the panic is not logged here, because it
    /// may quote the data.
    Panic,
}

impl Failure {
    fn log(&self, clinic: Option<&ClinicId>) {
        let clinic = clinic.map(ClinicId::as_str).unwrap_or_default();
        match self {
            Self::Error(error) => tracing::warn!(
                step = "sheets",
                clinic_id = clinic,
                kind = error.kind(),
                error = error as &dyn std::error::Error,
                "could not bring a sheet up to date"
            ),
            Self::Deadline => tracing::warn!(
                step = "sheets",
                clinic_id = clinic,
                kind = "deadline",
                "the time budget ended before a sheet was written"
            ),
            Self::Panic => tracing::error!(
                step = "sheets",
                clinic_id = clinic,
                kind = "panic",
                "the work on a sheet panicked"
            ),
        }
    }
}
