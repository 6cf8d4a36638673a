//! A spreadsheet, and the requests of `spreadsheets.batchUpdate` that the product makes
//! (<https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/request>).

use std::ops::Range;

use serde_json::Value;

use super::grid::Grid;

/// One tab.
#[derive(Debug, Clone)]
pub(super) struct Tab {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) hidden: bool,
    pub(super) grid: Grid,
}

/// The tabs of a spreadsheet.
#[derive(Debug, Clone, Default)]
pub(super) struct Spreadsheet {
    pub(super) tabs: Vec<Tab>,
    /// Whether `copyPaste` copies nothing, as it may be for rows that are hidden by a filter.
    pub(super) ignores_copies: bool,
}

/// Cells of one tab.
struct Cells {
    tab: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Spreadsheet {
    /// The tab with this title.
    pub(super) fn tab(&self, title: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.title == title)
    }

    /// The tab with this title.
    pub(super) fn tab_mut(&mut self, title: &str) -> Option<&mut Tab> {
        self.tabs.iter_mut().find(|tab| tab.title == title)
    }

    /// Applies requests one after the other, all or none. Fails with Google's message.
    pub(super) fn apply(&mut self, requests: &Value) -> Result<(), String> {
        let mut changed = self.clone();
        for (number, request) in requests.as_array().into_iter().flatten().enumerate() {
            let (name, request) = request
                .as_object()
                .and_then(|request| request.iter().next())
                .ok_or_else(|| format!("Invalid requests[{number}]: no kind is set"))?;
            changed
                .apply_one(name, request)
                .map_err(|error| format!("Invalid requests[{number}].{name}: {error}"))?;
        }
        *self = changed;
        Ok(())
    }

    fn apply_one(&mut self, name: &str, request: &Value) -> Result<(), String> {
        match name {
            "addSheet" => self.add_sheet(&request["properties"]),
            "appendCells" => self.append_cells(request),
            "appendDimension" => self.append_dimension(request),
            "copyPaste" => self.copy_paste(request),
            "insertDimension" => self.insert_dimension(request),
            "unmergeCells" => self.cells(&request["range"]).map(drop),
            "updateCells" => self.update_cells(request),
            _ => Err("this test server does not know the request".into()),
        }
    }

    fn add_sheet(&mut self, properties: &Value) -> Result<(), String> {
        let id = properties["sheetId"].as_i64().ok_or("the tests need an id")?;
        let title = properties["title"].as_str().ok_or("the tests need a title")?;
        if self.tabs.iter().any(|tab| tab.id == id || tab.title.to_lowercase() == title.to_lowercase()) {
            return Err(format!("A sheet with the name \"{title}\" already exists."));
        }
        let size = |name: &str| size(&properties["gridProperties"][name]);
        self.tabs.push(Tab {
            id,
            title: title.to_owned(),
            hidden: properties["hidden"] == true,
            grid: Grid::new(size("rowCount")?, size("columnCount")?),
        });
        Ok(())
    }

    /// "Adds new cells after the last row with data in a sheet, inserting new rows into the sheet if
    /// necessary."
    fn append_cells(&mut self, request: &Value) -> Result<(), String> {
        check_fields(request)?;
        let grid = &mut self.of_id(&request["sheetId"])?.grid;
        let first = grid.content().len();
        let rows = texts(&request["rows"]);
        grid.rows = grid.rows.max(first + rows.len());
        for (row, texts) in (first..).zip(&rows) {
            for (column, text) in texts.iter().enumerate() {
                grid.set(row, column, text);
            }
        }
        Ok(())
    }

    fn append_dimension(&mut self, request: &Value) -> Result<(), String> {
        let more = size(&request["length"])?;
        if request["dimension"] != "ROWS" {
            return Err("these tests add rows only".into());
        }
        self.of_id(&request["sheetId"])?.grid.rows += more;
        Ok(())
    }

    fn copy_paste(&mut self, request: &Value) -> Result<(), String> {
        if request["pasteType"] != "PASTE_NORMAL" || request["pasteOrientation"] != "NORMAL" {
            return Err("these tests copy everything".into());
        }
        let (from, to) = (self.cells(&request["source"])?, self.cells(&request["destination"])?);
        if (from.rows.len(), from.columns.len()) != (to.rows.len(), to.columns.len()) {
            return Err("the shapes differ".into());
        }
        if self.ignores_copies {
            return Ok(());
        }
        let source = self.tabs[from.tab].grid.clone();
        for (from_row, to_row) in from.rows.zip(to.rows) {
            for (from_column, to_column) in from.columns.clone().zip(to.columns.clone()) {
                self.tabs[to.tab].grid.set(to_row, to_column, source.text(from_row, from_column));
            }
        }
        Ok(())
    }

    fn insert_dimension(&mut self, request: &Value) -> Result<(), String> {
        let range = &request["range"];
        let rows = size(&range["startIndex"])?..size(&range["endIndex"])?;
        let inherits = request["inheritFromBefore"] == true;
        let grid = &mut self.of_id(&range["sheetId"])?.grid;
        let is_valid =
            if inherits { rows.start > 0 && rows.start <= grid.rows } else { rows.start < grid.rows };
        if range["dimension"] != "ROWS" || !is_valid {
            return Err("the index is not in the sheet".into());
        }
        for row in rows {
            grid.insert_row(row);
        }
        Ok(())
    }

    /// "If the data in rows does not cover the entire requested range, the fields matching those set in
    /// fields will be cleared."
    fn update_cells(&mut self, request: &Value) -> Result<(), String> {
        check_fields(request)?;
        let cells = self.cells(&request["range"])?;
        let rows = texts(&request["rows"]);
        if rows.len() > cells.rows.len() || rows.iter().any(|row| row.len() > cells.columns.len()) {
            return Err("Attempting to write outside the range".into());
        }
        let grid = &mut self.tabs[cells.tab].grid;
        for (index, row) in cells.rows.enumerate() {
            for (offset, column) in cells.columns.clone().enumerate() {
                let text = rows.get(index).and_then(|row| row.get(offset));
                grid.set(row, column, text.map_or("", String::as_str));
            }
        }
        Ok(())
    }

    fn of_id(&mut self, id: &Value) -> Result<&mut Tab, String> {
        self.tabs.iter_mut().find(|tab| *id == tab.id).ok_or_else(|| format!("No grid with id: {id}"))
    }

    /// Reads a `GridRange` with all its bounds, which must be in the sheet.
    fn cells(&self, range: &Value) -> Result<Cells, String> {
        let id = &range["sheetId"];
        let tab = self.tabs.iter().position(|tab| *id == tab.id);
        let tab = tab.ok_or_else(|| format!("No grid with id: {id}"))?;
        let rows = size(&range["startRowIndex"])?..size(&range["endRowIndex"])?;
        let columns = size(&range["startColumnIndex"])?..size(&range["endColumnIndex"])?;
        if !self.tabs[tab].grid.contains(&rows, &columns) {
            return Err(format!("Range exceeds grid limits. Max rows: {}", self.tabs[tab].grid.rows));
        }
        Ok(Cells { tab, rows, columns })
    }
}

fn check_fields(request: &Value) -> Result<(), String> {
    if request["fields"] == "userEnteredValue" {
        return Ok(());
    }
    Err("At least one field must be listed in 'fields', in these tests userEnteredValue".into())
}

fn size(value: &Value) -> Result<usize, String> {
    value.as_u64().and_then(|size| usize::try_from(size).ok()).ok_or_else(|| "a bound is missing".to_owned())
}

/// The texts of `RowData`. A cell without a value is cleared.
fn texts(rows: &Value) -> Vec<Vec<String>> {
    let text = |cell: &Value| cell["userEnteredValue"]["stringValue"].as_str().unwrap_or_default().to_owned();
    let cells = |row: &Value| row["values"].as_array().into_iter().flatten().map(text).collect();
    rows.as_array().into_iter().flatten().map(cells).collect()
}
