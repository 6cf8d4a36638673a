//! Google Sheets, by a service account: what a tab holds, and cells written as they are.

mod a1;
mod hub;
mod timeout;

use std::time::Duration;

use google_sheets4::api::{
    AppendDimensionRequest, BatchUpdateSpreadsheetRequest, BatchUpdateValuesRequest, Request, Scope,
    ValueRange,
};

pub use self::hub::StartError;
pub use self::timeout::{SheetsError, SheetsErrorKind};

use self::hub::Account;
use self::timeout::{Watch, call};
use crate::config::SheetsConfig;
use crate::domain::sheet::{Cells, ID, Tab};

/// One call, its token included.
const CALL: Duration = Duration::from_secs(4);

/// The service account and where Google is. Nothing connects before the first call.
pub struct Sheets {
    account: Account,
}

impl Sheets {
    /// Reads the service account's key; an error means that it is none.
    pub fn new(config: &SheetsConfig) -> Result<Self, StartError> {
        Ok(Self { account: Account::new(config)? })
    }

    /// What a tab holds: one call. All columns up to the id's, because rows that staff added below
    /// have none, and must not be written over.
    pub async fn read(&self, spreadsheet: &str, tab: &str) -> Result<Tab, SheetsError> {
        let hub = self.account.hub().await?;
        let range = a1::escaped(&a1::columns(tab, 0, ID));
        let mut watch = Watch::default();
        let asked = hub
            .spreadsheets()
            .values_get(&a1::escaped(spreadsheet), &range)
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut watch)
            .doit();
        let read = call(asked).await;
        let read = self.account.check(read, &watch).await?;
        let rows = read.values.unwrap_or_default();
        let mut found =
            Tab { used: rows.len(), rows: read.range.as_deref().and_then(a1::last_row), ..Tab::default() };
        for (number, row) in rows.iter().enumerate() {
            if let Some(id) = row.get(ID).and_then(|id| id.as_str()) {
                found.by_id.entry(id.to_owned()).or_insert(number + 1);
            }
        }
        Ok(found)
    }

    /// Writes cells as they are: one call, all or nothing.
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
        let mut watch = Watch::default();
        let asked = hub
            .spreadsheets()
            .values_batch_update(request, &a1::escaped(spreadsheet))
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut watch)
            .doit();
        let written = call(asked).await;
        self.account.check(written, &watch).await.map(drop)
    }

    /// Adds empty rows at a tab's end: two calls, one to learn the tab's number.
    pub async fn add_rows(&self, spreadsheet: &str, tab: &str, rows: i32) -> Result<(), SheetsError> {
        let hub = self.account.hub().await?;
        let spreadsheet = a1::escaped(spreadsheet);
        let mut watch = Watch::default();
        let asked = hub
            .spreadsheets()
            .get(&spreadsheet)
            .param("fields", "sheets.properties(sheetId,title)")
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut watch)
            .doit();
        let known = call(asked).await;
        let known = self.account.check(known, &watch).await?;
        let mut properties = known.sheets.into_iter().flatten().filter_map(|sheet| sheet.properties);
        let Some(found) = properties.find(|sheet| sheet.title.as_deref() == Some(tab)) else {
            let detail = "there is no such tab".to_owned();
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
        let mut watch = Watch::default();
        let asked = hub
            .spreadsheets()
            .batch_update(request, &spreadsheet)
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut watch)
            .doit();
        let added = call(asked).await;
        self.account.check(added, &watch).await.map(drop)
    }
}
