//! Google Sheets with a service account: reads a tab with its log, and makes one write.

mod a1;
mod hub;
mod requests;
mod timeout;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use google_sheets4::api::{
    BatchGetValuesResponse, BatchUpdateSpreadsheetRequest, BatchUpdateSpreadsheetResponse, Request, Scope,
    ValueRange,
};
use serde_json::Value;
use uuid::Uuid;

pub use self::hub::SheetsConfigError;
pub use self::timeout::{CALL_TIMEOUT, SheetsError, SheetsErrorKind};

use self::hub::Account;
use self::timeout::{StatusRecorder, call};
use crate::config::SheetsConfig;
use crate::domain::sheet::columns::{COLUMNS, ID_COLUMN};
use crate::domain::sheet::log::{LOG_ENTRY, Log, log_title};
use crate::domain::sheet::plan::Plan;
use crate::domain::sheet::tab::Tab;

/// Client of the Google Sheets API. Connects with the first call.
pub struct Sheets {
    account: Account,
    /// Google's ids of the tabs that were read before. They stay the same when a tab is renamed.
    known: Mutex<HashMap<(String, String), TabIds>>,
}

/// Google's ids of a tab and of its log, if the log exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TabIds {
    tab: i32,
    log: Option<i32>,
}

impl Sheets {
    /// Parses the service account's key; fails if it is not valid.
    pub fn new(config: &SheetsConfig) -> Result<Self, SheetsConfigError> {
        Ok(Self { account: Account::new(config)?, known: Mutex::default() })
    }

    /// How many read calls [`Sheets::read`] makes: one more for a tab that this client does not know yet.
    pub fn reads_needed(&self, spreadsheet: &str, tab: &str) -> u32 {
        if self.find(spreadsheet, tab).is_some() { 1 } else { 2 }
    }

    /// Reads a tab and its log.
    pub async fn read(&self, spreadsheet: &str, tab: &str) -> Result<(Tab, Log), SheetsError> {
        let known = self.find(spreadsheet, tab);
        let ids = match known {
            Some(ids) => ids,
            None => self.look_up(spreadsheet, tab).await?,
        };
        let hub = self.account.hub().await?;
        let mut recorder = StatusRecorder::default();
        let mut get = hub
            .spreadsheets()
            .values_batch_get(&a1::percent_encode(spreadsheet))
            .add_ranges(&a1::columns(tab, COLUMNS));
        if ids.log.is_some() {
            get = get.add_ranges(&a1::columns(&log_title(ids.tab), LOG_ENTRY.end));
        }
        let read = call(get.add_scope(Scope::Spreadsheet).delegate(&mut recorder).doit()).await;
        let read = self.account.check(read, &recorder).await;
        // Ids that were looked up just now cannot be out of date.
        let read =
            if known.is_some() { self.forget_if_changed(read, &recorder, spreadsheet, tab) } else { read };
        Ok(parse(read?, ids.log.is_some()))
    }

    /// Creates the log of a tab that was read before.
    pub async fn create_log(&self, spreadsheet: &str, tab: &str) -> Result<(), SheetsError> {
        let ids = self.find_or_changed(spreadsheet, tab)?;
        let [a, b, c, d, ..] = Uuid::new_v4().into_bytes();
        let id = i32::from_be_bytes([a & 0x7f, b, c, d]);
        let requests = requests::create_log(id, &log_title(ids.tab));
        self.update(spreadsheet, tab, requests, None).await?;
        self.remember(spreadsheet, tab, TabIds { log: Some(id), ..ids });
        Ok(())
    }

    /// Makes a write in a tab that was read before. Returns the ids that stood in the overwritten rows, in
    /// their order.
    pub async fn write(
        &self,
        spreadsheet: &str,
        tab: &str,
        plan: &Plan,
        log: &Log,
    ) -> Result<Vec<String>, SheetsError> {
        let ids = self.find_or_changed(spreadsheet, tab)?;
        let mut requests = Vec::new();
        if !plan.overwrites.is_empty() || !plan.insertions.is_empty() {
            let log_id = ids.log.ok_or_else(|| changed("the tab has no log"))?;
            requests = requests::changes(ids.tab, log_id, plan, log);
        }
        requests.extend(requests::additions(ids.tab, plan));
        let places = plan.log_start..plan.log_start + plan.overwrites.len();
        let range = a1::cells_of_column(&log_title(ids.tab), ID_COLUMN, &places);
        let range = (!plan.overwrites.is_empty()).then_some(range);
        let answer = self.update(spreadsheet, tab, requests, range).await?;
        Ok(parse_column(answer, plan.overwrites.len()))
    }

    /// Asks Google for the ids of a tab and of its log.
    async fn look_up(&self, spreadsheet: &str, tab: &str) -> Result<TabIds, SheetsError> {
        let hub = self.account.hub().await?;
        let mut recorder = StatusRecorder::default();
        let future = hub
            .spreadsheets()
            .get(&a1::percent_encode(spreadsheet))
            .param("fields", "sheets.properties(sheetId,title)")
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut recorder)
            .doit();
        let found = call(future).await;
        let found = self.account.check(found, &recorder).await?;
        let properties = found.sheets.into_iter().flatten().filter_map(|sheet| sheet.properties);
        // Google leaves out an id that is 0.
        let by_title: HashMap<String, i32> = properties
            .filter_map(|properties| Some((properties.title?, properties.sheet_id.unwrap_or(0))))
            .collect();
        let Some(&id) = by_title.get(tab) else {
            return Err(SheetsError::new(SheetsErrorKind::Refused, "the spreadsheet has no such tab"));
        };
        let ids = TabIds { tab: id, log: by_title.get(&log_title(id)).copied() };
        self.remember(spreadsheet, tab, ids);
        Ok(ids)
    }

    /// Makes a write, all or nothing. With a range, Google answers with its cells as they are afterwards.
    async fn update(
        &self,
        spreadsheet: &str,
        tab: &str,
        requests: Vec<Request>,
        range: Option<String>,
    ) -> Result<BatchUpdateSpreadsheetResponse, SheetsError> {
        let hub = self.account.hub().await?;
        let fields = match range {
            Some(_) => "updatedSpreadsheet.sheets.data.rowData.values.formattedValue",
            None => "spreadsheetId",
        };
        let request = BatchUpdateSpreadsheetRequest {
            requests: Some(requests),
            include_spreadsheet_in_response: Some(range.is_some()),
            response_include_grid_data: Some(range.is_some()),
            response_ranges: range.map(|range| vec![range]),
        };
        let mut recorder = StatusRecorder::default();
        let future = hub
            .spreadsheets()
            .batch_update(request, &a1::percent_encode(spreadsheet))
            .param("fields", fields)
            .add_scope(Scope::Spreadsheet)
            .delegate(&mut recorder)
            .doit();
        let written = call(future).await;
        let written = self.account.check(written, &recorder).await;
        self.forget_if_changed(written, &recorder, spreadsheet, tab)
    }

    /// Google answers 400 if a tab or a row of a request does not exist (any more).
    fn forget_if_changed<T>(
        &self,
        answered: Result<T, SheetsError>,
        recorder: &StatusRecorder,
        spreadsheet: &str,
        tab: &str,
    ) -> Result<T, SheetsError> {
        if recorder.status != Some(400) {
            return answered;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(spreadsheet.to_owned(), tab.to_owned()));
        answered.map_err(|error| changed(error.detail))
    }

    fn find_or_changed(&self, spreadsheet: &str, tab: &str) -> Result<TabIds, SheetsError> {
        self.find(spreadsheet, tab).ok_or_else(|| changed("the tab was not read"))
    }

    fn find(&self, spreadsheet: &str, tab: &str) -> Option<TabIds> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(spreadsheet.to_owned(), tab.to_owned())).copied()
    }

    fn remember(&self, spreadsheet: &str, tab: &str, ids: TabIds) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((spreadsheet.to_owned(), tab.to_owned()), ids);
    }
}

fn changed(detail: impl Into<String>) -> SheetsError {
    SheetsError::new(SheetsErrorKind::Changed, detail)
}

fn parse(answer: BatchGetValuesResponse, has_log: bool) -> (Tab, Log) {
    let mut ranges = answer.value_ranges.unwrap_or_default().into_iter();
    let tab = Tab::new(texts(ranges.next().unwrap_or_default()));
    let Some(range) = ranges.next().filter(|_| has_log) else { return (tab, Log::default()) };
    let size = range.range.as_deref().and_then(a1::last_row).unwrap_or(0);
    (tab, Log::new(texts(range), size))
}

fn texts(range: ValueRange) -> Vec<Vec<String>> {
    let text = |value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let rows = range.values.unwrap_or_default().into_iter();
    rows.map(|row| row.into_iter().map(text).collect()).collect()
}

/// The texts of a column that Google returned. It leaves out empty cells at the end.
fn parse_column(answer: BatchUpdateSpreadsheetResponse, length: usize) -> Vec<String> {
    let sheets = answer.updated_spreadsheet.and_then(|spreadsheet| spreadsheet.sheets).unwrap_or_default();
    let data = sheets.into_iter().filter_map(|sheet| sheet.data).flatten();
    let rows = data.filter_map(|data| data.row_data).flatten();
    let first = rows.map(|row| row.values.unwrap_or_default().into_iter().next().unwrap_or_default());
    let mut texts: Vec<String> = first.map(|cell| cell.formatted_value.unwrap_or_default()).collect();
    texts.resize(length, String::new());
    texts
}
