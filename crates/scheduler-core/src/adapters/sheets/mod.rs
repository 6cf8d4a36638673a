//! Google Sheets with a service account: reads a tab, writes cells, adds rows.

mod a1;
mod hub;
mod timeout;

use google_sheets4::api::{
    AppendDimensionRequest, BatchUpdateSpreadsheetRequest, BatchUpdateValuesRequest, Request, Scope,
    ValueRange,
};

pub use self::hub::SheetsConfigError;
pub use self::timeout::{SheetsError, SheetsErrorKind};

use self::hub::Account;
use self::timeout::{StatusRecorder, call};
use crate::config::SheetsConfig;
use crate::domain::sheet::{Cells, ID_COLUMN, Tab};

/// Client of the Google Sheets API. Connects with the first call.
pub struct Sheets {
    account: Account,
}

impl Sheets {
    /// Parses the service account's key; fails if it is not valid.
    pub fn new(config: &SheetsConfig) -> Result<Self, SheetsConfigError> {
        Ok(Self { account: Account::new(config)? })
    }

    /// Reads a tab with one call. Reads all columns up to the id, because rows that staff added have no id
    /// and must not be overwritten.
    pub async fn read(&self, spreadsheet: &str, tab: &str) -> Result<Tab, SheetsError> {
        let hub = self.account.hub().await?;
        let range = a1::percent_encode(&a1::columns(tab, 0, ID_COLUMN));
        let mut recorder = StatusRecorder::default();
        let future = hub
            .spreadsheets()
            .values_get(&a1::percent_encode(spreadsheet), &range)
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut recorder)
            .doit();
        let read = call(future).await;
        let read = self.account.check(read, &recorder).await?;
        let rows = read.values.unwrap_or_default();
        let mut found =
            Tab { used: rows.len(), rows: read.range.as_deref().and_then(a1::last_row), ..Tab::default() };
        for (number, row) in rows.iter().enumerate() {
            if let Some(id) = row.get(ID_COLUMN).and_then(|id| id.as_str()) {
                found.by_id.entry(id.to_owned()).or_insert(number + 1);
            }
        }
        Ok(found)
    }

    /// Writes cells with one call, all or none. Google does not interpret the values (RAW).
    pub async fn write(&self, spreadsheet: &str, tab: &str, cells: &[Cells]) -> Result<(), SheetsError> {
        let hub = self.account.hub().await?;
        let data = cells.iter().map(|cells| ValueRange {
            major_dimension: Some("ROWS".to_owned()),
            range: Some(a1::range(tab, cells)),
            values: Some(vec![cells.values.iter().map(|value| value.as_str().into()).collect()]),
        });
        let request = BatchUpdateValuesRequest {
            data: Some(data.collect()),
            value_input_option: Some("RAW".to_owned()),
            ..BatchUpdateValuesRequest::default()
        };
        let mut recorder = StatusRecorder::default();
        let future = hub
            .spreadsheets()
            .values_batch_update(request, &a1::percent_encode(spreadsheet))
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut recorder)
            .doit();
        let written = call(future).await;
        self.account.check(written, &recorder).await.map(drop)
    }

    /// Adds empty rows at the end of a tab. Makes two calls: the first one finds the tab's id.
    pub async fn add_rows(&self, spreadsheet: &str, tab: &str, rows: i32) -> Result<(), SheetsError> {
        let hub = self.account.hub().await?;
        let spreadsheet = a1::percent_encode(spreadsheet);
        let mut recorder = StatusRecorder::default();
        let future = hub
            .spreadsheets()
            .get(&spreadsheet)
            .param("fields", "sheets.properties(sheetId,title)")
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut recorder)
            .doit();
        let known = call(future).await;
        let known = self.account.check(known, &recorder).await?;
        let mut properties = known.sheets.into_iter().flatten().filter_map(|sheet| sheet.properties);
        let Some(found) = properties.find(|sheet| sheet.title.as_deref() == Some(tab)) else {
            let detail = "the spreadsheet has no such tab".to_owned();
            return Err(SheetsError { kind: SheetsErrorKind::Refused, detail });
        };
        let append = AppendDimensionRequest {
            dimension: Some("ROWS".to_owned()),
            length: Some(rows),
            sheet_id: found.sheet_id,
        };
        let request = BatchUpdateSpreadsheetRequest {
            requests: Some(vec![Request { append_dimension: Some(append), ..Request::default() }]),
            ..BatchUpdateSpreadsheetRequest::default()
        };
        let mut recorder = StatusRecorder::default();
        let future = hub
            .spreadsheets()
            .batch_update(request, &spreadsheet)
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut recorder)
            .doit();
        let added = call(future).await;
        self.account.check(added, &recorder).await.map(drop)
    }
}
