//! The cells of a tab, and what people do to them in the browser.

use std::ops::Range;

/// Number of columns of a new tab.
pub(super) const COLUMNS: usize = 26;

/// The cells of one tab. Rows and columns are counted from 0.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    /// The rows up to the last one that was ever written.
    pub(super) cells: Vec<Vec<String>>,
    /// Number of rows of the tab.
    pub(super) rows: usize,
    /// Number of columns of the tab.
    pub(super) columns: usize,
}

impl Grid {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self { cells: Vec::new(), rows, columns }
    }

    /// The rows up to the last one with content.
    pub fn content(&self) -> &[Vec<String>] {
        let last = self.cells.iter().rposition(|row| row.iter().any(|cell| !cell.is_empty()));
        &self.cells[..last.map_or(0, |last| last + 1)]
    }

    /// The text of a cell.
    pub fn text(&self, row: usize, column: usize) -> &str {
        self.cells.get(row).and_then(|row| row.get(column)).map_or("", String::as_str)
    }

    /// Types a text into a cell.
    pub fn set(&mut self, row: usize, column: usize, text: &str) {
        if text.is_empty() && self.text(row, column).is_empty() {
            return;
        }
        if self.cells.len() <= row {
            self.cells.resize(row + 1, Vec::new());
        }
        let cells = &mut self.cells[row];
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        text.clone_into(&mut cells[column]);
    }

    /// Inserts an empty row.
    pub fn insert_row(&mut self, row: usize) {
        self.rows += 1;
        if row < self.cells.len() {
            self.cells.insert(row, Vec::new());
        }
    }

    /// Deletes a row.
    pub fn delete_row(&mut self, row: usize) {
        self.rows -= 1;
        if row < self.cells.len() {
            self.cells.remove(row);
        }
    }

    /// Inserts a row, and pastes another one into it.
    pub fn copy_row(&mut self, from: usize, to: usize) {
        let copied = self.cells.get(from).cloned().unwrap_or_default();
        self.insert_row(to);
        for (column, text) in copied.iter().enumerate() {
            self.set(to, column, text);
        }
    }

    /// Sorts the rows from `first` on by the texts of a column; rows without a text come last.
    pub fn sort(&mut self, first: usize, column: usize, descending: bool) {
        let end = self.content().len();
        let Some(rows) = self.cells.get_mut(first..end) else { return };
        let text = |row: &Vec<String>| row.get(column).cloned().unwrap_or_default();
        rows.sort_by_key(text);
        if descending {
            rows.reverse();
        }
        rows.sort_by_key(|row| text(row).is_empty());
    }

    /// The values of the first columns as Google returns them: without empty cells at the end of a row and
    /// empty rows at the end of the range.
    pub(super) fn values(&self, columns: usize) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> =
            self.cells.iter().map(|row| row.iter().take(columns).cloned().collect()).collect();
        for row in &mut rows {
            row.truncate(row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
        }
        rows.truncate(rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        rows
    }

    /// Whether the tab has all these cells.
    pub(super) fn contains(&self, rows: &Range<usize>, columns: &Range<usize>) -> bool {
        rows.end <= self.rows && columns.end <= self.columns
    }
}

/// Parses a range such as `'Agenda'!A:J` into the tab and its number of columns.
pub(super) fn columns(range: &str) -> Option<(String, usize)> {
    let (tab, columns) = split(range)?;
    let (first, last) = columns.split_once(':')?;
    (first == "A").then_some(())?;
    Some((tab, number(last)? + 1))
}

/// Parses a range such as `'Agenda'!I2:I5` into the tab, its rows and its column.
pub(super) fn column_cells(range: &str) -> Option<(String, Range<usize>, usize)> {
    let (tab, cells) = split(range)?;
    let (first, last) = cells.split_once(':')?;
    let ((column, first), (last_column, last)) = (first.split_at_checked(1)?, last.split_at_checked(1)?);
    (column == last_column).then_some(())?;
    let first: usize = first.parse().ok().filter(|row| *row > 0)?;
    Some((tab, first - 1..last.parse().ok()?, number(column)?))
}

/// The name of a range of columns in Google's answer, such as `'Agenda'!A1:J1000`.
pub(super) fn range_name(tab: &str, columns: usize, rows: usize) -> String {
    format!("'{}'!A1:{}{rows}", tab.replace('\'', "''"), letter(columns - 1))
}

fn split(range: &str) -> Option<(String, &str)> {
    let (tab, rest) = range.rsplit_once('!')?;
    let unquoted = tab.strip_prefix('\'').and_then(|tab| tab.strip_suffix('\'')).unwrap_or(tab);
    Some((unquoted.replace("''", "'"), rest))
}

fn number(letter: &str) -> Option<usize> {
    match letter.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
        _ => None,
    }
}

fn letter(column: usize) -> char {
    u8::try_from(column).map_or('Z', |column| char::from(b'A' + column))
}
