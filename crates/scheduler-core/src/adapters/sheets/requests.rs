//! A plan as the requests of one `spreadsheets.batchUpdate`, which Google applies one after the other, all or
//! none (<https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/batchUpdate>).

use std::ops::Range;

use google_sheets4::FieldMask;
use google_sheets4::api::{
    AddSheetRequest, AppendCellsRequest, AppendDimensionRequest, CellData, CopyPasteRequest, DimensionRange,
    ExtendedValue, GridProperties, GridRange, InsertDimensionRequest, Request, RowData, SheetProperties,
    UnmergeCellsRequest, UpdateCellsRequest,
};

use crate::domain::sheet::columns::COLUMNS;
use crate::domain::sheet::log::{DONE, FIRST_ENTRY, LOG_BEFORE, LOG_DONE, LOG_ENTRY, LOG_NOTICE, Log};
use crate::domain::sheet::plan::{Back, Insertion, Overwrite, Plan};

/// Rows of a new log, and rows that are added to a full one.
const LOG_ROWS: usize = 1_000;

/// Creates the log: a hidden tab with a notice in its first row.
pub(super) fn create_log(id: i32, title: &str) -> Vec<Request> {
    let properties = SheetProperties {
        sheet_id: Some(id),
        title: Some(title.to_owned()),
        hidden: Some(true),
        grid_properties: Some(GridProperties {
            row_count: Some(number(LOG_ROWS)),
            column_count: Some(number(LOG_ENTRY.end)),
            ..GridProperties::default()
        }),
        ..SheetProperties::default()
    };
    let add = AddSheetRequest { properties: Some(properties) };
    vec![
        Request { add_sheet: Some(add), ..Request::default() },
        update(cells(id, 0..1, 0..1), vec![row_data([LOG_NOTICE])]),
    ]
}

/// Adds a plan's new rows below everything.
///
/// Google finds the last row with content itself when it applies `appendCells`, so a row that staff typed
/// meanwhile is never overwritten. `values.append` would look for a table and start at its first column,
/// which need not be the first of the tab; `insertDimension` needs a row's index from an earlier read.
pub(super) fn additions(tab: i32, plan: &Plan) -> Option<Request> {
    let append = AppendCellsRequest {
        fields: Some(value_mask()),
        rows: Some(plan.additions.iter().map(row_data).collect()),
        sheet_id: Some(tab),
        table_id: None,
    };
    let request = Request { append_cells: Some(append), ..Request::default() };
    (!plan.additions.is_empty()).then_some(request)
}

/// The requests for the rows that a plan overwrites or inserts again. Every row is copied into the log before
/// it is overwritten.
pub(super) fn changes(tab: i32, log_id: i32, plan: &Plan, log: &Log) -> Vec<Request> {
    let mut requests = Vec::new();
    let end = plan.log_start + plan.overwrites.len();
    if end > log.size {
        let more = AppendDimensionRequest {
            dimension: Some("ROWS".to_owned()),
            length: Some(number((end - log.size).max(LOG_ROWS))),
            sheet_id: Some(log_id),
        };
        requests.push(Request { append_dimension: Some(more), ..Request::default() });
    }
    if plan.clears_log && !plan.overwrites.is_empty() {
        let all = cells(log_id, FIRST_ENTRY..log.end, 0..LOG_ENTRY.end);
        let unmerge = UnmergeCellsRequest { range: Some(all.clone()) };
        requests.push(Request { unmerge_cells: Some(unmerge), ..Request::default() });
        requests.push(update(all, Vec::new()));
    }
    requests.extend(log_overwrites(tab, log_id, plan));
    requests.extend(overwrites(tab, log_id, &plan.overwrites));
    // After the overwritten rows, because it moves them down.
    requests.extend(plan.insertions.iter().flat_map(|insertion| insert(tab, log_id, insertion)));
    requests
}

/// Copies the rows into the log, and writes beside them what happens to them.
fn log_overwrites(tab: i32, log_id: i32, plan: &Plan) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut place = plan.log_start;
    for neighbours in plan.overwrites.chunk_by(|one, next| one.row + 1 == next.row) {
        let Some(first) = neighbours.first() else { continue };
        let rows = first.row..first.row + neighbours.len();
        let places = place..place + neighbours.len();
        place = places.end;
        requests.push(copy(cells(tab, rows, 0..COLUMNS), cells(log_id, places, LOG_BEFORE)));
    }
    if place > plan.log_start {
        let entries = plan.overwrites.iter().map(|overwrite| {
            let reason = [overwrite.columns.letters(), overwrite.aim.to_text(), String::new()];
            row_data(reason.iter().chain(overwrite.logged()))
        });
        let range = cells(log_id, plan.log_start..place, LOG_ENTRY);
        requests.push(update(range, entries.collect()));
    }
    requests
}

fn overwrites(tab: i32, log_id: i32, overwrites: &[Overwrite]) -> Vec<Request> {
    let mut requests = Vec::new();
    let alike = |one: &Overwrite, next: &Overwrite| {
        one.row + 1 == next.row && one.columns == next.columns && one.back.is_empty() && next.back.is_empty()
    };
    for neighbours in overwrites.chunk_by(alike) {
        let Some(first) = neighbours.first() else { continue };
        let rows = first.row..first.row + neighbours.len();
        for columns in first.columns.ranges() {
            let texts = neighbours.iter().map(|overwrite| row_data(&overwrite.written[columns.clone()]));
            let texts = texts.collect();
            requests.push(update(cells(tab, rows.clone(), columns), texts));
        }
        requests.extend(copy_back(tab, log_id, &rows, &first.back));
    }
    requests
}

/// Inserts a row below the header. It ends the log entries that it is copied from.
fn insert(tab: i32, log_id: i32, insertion: &Insertion) -> Vec<Request> {
    let rows = 1..2;
    let below_header = InsertDimensionRequest {
        inherit_from_before: Some(true),
        range: Some(DimensionRange {
            dimension: Some("ROWS".to_owned()),
            start_index: Some(1),
            end_index: Some(2),
            sheet_id: Some(tab),
        }),
    };
    let mut requests = vec![
        Request { insert_dimension: Some(below_header), ..Request::default() },
        update(cells(tab, rows.clone(), 0..COLUMNS), vec![row_data(&insertion.cells)]),
    ];
    requests.extend(copy_back(tab, log_id, &rows, &insertion.back));
    for back in &insertion.back {
        let done = cells(log_id, back.place..back.place + 1, LOG_DONE..LOG_DONE + 1);
        requests.push(update(done, vec![row_data([DONE])]));
    }
    requests
}

/// Copies cells from the log, so that formulas, numbers and formats come back as they were. Google may leave
/// out rows that are hidden by a filter; for these the texts that were written before must do.
fn copy_back(tab: i32, log_id: i32, rows: &Range<usize>, back: &[Back]) -> Vec<Request> {
    let mut requests = Vec::new();
    for Back { place, columns } in back {
        for columns in columns.ranges() {
            let from = cells(log_id, *place..place + 1, columns.clone());
            requests.push(copy(from, cells(tab, rows.clone(), columns)));
        }
    }
    requests
}

/// Writes texts into a range, and empties the cells for which there is no text.
fn update(range: GridRange, rows: Vec<RowData>) -> Request {
    let update =
        UpdateCellsRequest { fields: Some(value_mask()), range: Some(range), rows: Some(rows), start: None };
    Request { update_cells: Some(update), ..Request::default() }
}

/// Copies values, formulas, formats and merges.
fn copy(from: GridRange, to: GridRange) -> Request {
    let copy = CopyPasteRequest {
        source: Some(from),
        destination: Some(to),
        paste_type: Some("PASTE_NORMAL".to_owned()),
        paste_orientation: Some("NORMAL".to_owned()),
    };
    Request { copy_paste: Some(copy), ..Request::default() }
}

fn cells(sheet: i32, rows: Range<usize>, columns: Range<usize>) -> GridRange {
    GridRange {
        sheet_id: Some(sheet),
        start_row_index: Some(number(rows.start)),
        end_row_index: Some(number(rows.end)),
        start_column_index: Some(number(columns.start)),
        end_column_index: Some(number(columns.end)),
    }
}

/// A row of texts. Google takes a `stringValue` as it is: it is never a formula, a number or a date.
fn row_data<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> RowData {
    let cell = |text: T| match text.as_ref() {
        "" => CellData::default(),
        text => CellData {
            user_entered_value: Some(ExtendedValue {
                string_value: Some(text.to_owned()),
                ..ExtendedValue::default()
            }),
            ..CellData::default()
        },
    };
    RowData { values: Some(texts.into_iter().map(cell).collect()) }
}

/// Formats, notes and the validation of the cells stay as they are.
fn value_mask() -> FieldMask {
    FieldMask::new(&["userEnteredValue"])
}

/// Google refuses an index beyond the tab, so one that does not fit is refused too.
fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
