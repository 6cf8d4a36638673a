//! The cells of a tab, and ranges in A1 notation.

/// Number of columns of a new tab.
const COLUMNS: usize = 26;

/// One tab.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    /// The rows up to the last one that was ever written.
    pub(super) cells: Vec<Vec<String>>,
    /// Number of rows of the tab.
    pub(super) rows: usize,
}

impl Grid {
    pub(super) fn new(rows: usize) -> Self {
        Self { cells: Vec::new(), rows }
    }

    pub(super) fn set(&mut self, row: usize, column: usize, text: &str) {
        if self.cells.len() <= row {
            self.cells.resize(row + 1, Vec::new());
        }
        let cells = &mut self.cells[row];
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        text.clone_into(&mut cells[column]);
    }

    /// The values of some columns as Google returns them: without empty cells at the end of a row and
    /// empty rows at the end of the range.
    pub(super) fn values(&self, first: usize, last: usize) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> =
            self.cells.iter().map(|row| row.iter().take(last + 1).skip(first).cloned().collect()).collect();
        for row in &mut rows {
            row.truncate(row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
        }
        rows.truncate(rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        rows
    }

    /// Whether the tab has this cell. Rows are counted from 1, columns from 0.
    pub(super) fn contains(&self, row: usize, column: usize) -> bool {
        row <= self.rows && column < COLUMNS
    }
}

/// Parses a range such as `'Agenda'!A:I` into tab, first column and last column.
pub(super) fn columns(range: &str) -> Option<(String, usize, usize)> {
    let (tab, columns) = split(range)?;
    let (first, last) = columns.split_once(':')?;
    Some((tab, number(first)?, number(last)?))
}

/// Parses a range such as `'Agenda'!A2:J2` into tab, first column, last column and row.
pub(super) fn cells(range: &str) -> Option<(String, usize, usize, usize)> {
    let (tab, cells) = split(range)?;
    let (first, last) = cells.split_once(':')?;
    let ((first, row), (last, last_row)) = (first.split_at_checked(1)?, last.split_at_checked(1)?);
    (last_row == row).then_some(())?;
    Some((tab, number(first)?, number(last)?, row.parse().ok().filter(|row| *row > 0)?))
}

/// The name of a range of columns in Google's answer, such as `'Agenda'!A1:I1000`.
pub(super) fn range_name(tab: &str, first: usize, last: usize, rows: usize) -> String {
    format!("'{}'!{}1:{}{rows}", tab.replace('\'', "''"), letter(first), letter(last))
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
