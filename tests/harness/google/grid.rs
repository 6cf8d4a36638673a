//! A tab's cells, and the ranges in A1 notation that name them.

/// Columns of a new tab.
const COLUMNS: usize = 26;

/// A tab.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    /// Rows from the first to the last that was ever written.
    pub(super) cells: Vec<Vec<String>>,
    /// Rows there are.
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

    /// As Google tells columns: without the empty cells at a row's end and the empty rows at the
    /// range's.
    pub(super) fn told(&self, first: usize, last: usize) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> =
            self.cells.iter().map(|row| row.iter().take(last + 1).skip(first).cloned().collect()).collect();
        for row in &mut rows {
            row.truncate(row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1));
        }
        rows.truncate(rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        rows
    }

    /// Whether a cell is there to be written; the row is counted from 1.
    pub(super) fn holds(&self, row: usize, column: usize) -> bool {
        row <= self.rows && column < COLUMNS
    }
}

/// `'Agenda'!A:I`
pub(super) fn columns(range: &str) -> Option<(String, usize, usize)> {
    let (tab, columns) = split(range)?;
    let (first, last) = columns.split_once(':')?;
    Some((tab, number(first)?, number(last)?))
}

/// `'Agenda'!A2:J2`: the first column, the last, and the row.
pub(super) fn cells(range: &str) -> Option<(String, usize, usize, usize)> {
    let (tab, cells) = split(range)?;
    let (first, last) = cells.split_once(':')?;
    let ((first, row), (last, same)) = (first.split_at_checked(1)?, last.split_at_checked(1)?);
    (same == row).then_some(())?;
    Some((tab, number(first)?, number(last)?, row.parse().ok().filter(|row| *row > 0)?))
}

/// Columns of a tab with rows, as Google names them in an answer.
pub(super) fn whole(tab: &str, first: usize, last: usize, rows: usize) -> String {
    format!("'{}'!{}1:{}{rows}", tab.replace('\'', "''"), letter(first), letter(last))
}

fn split(range: &str) -> Option<(String, &str)> {
    let (tab, rest) = range.rsplit_once('!')?;
    let plain = tab.strip_prefix('\'').and_then(|tab| tab.strip_suffix('\'')).unwrap_or(tab);
    Some((plain.replace("''", "'"), rest))
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
