//! Ranges in A1 notation (<https://developers.google.com/workspace/sheets/api/guides/concepts#cell>).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::sheet::Cells;

/// Whole columns of a tab, numbered from 0: `'Agenda'!A:I`.
pub(super) fn columns(tab: &str, first: usize, last: usize) -> String {
    format!("{}!{}:{}", quoted(tab), column_letter(first), column_letter(last))
}

/// Cells of one row: `'Agenda'!A2:J2`.
pub(super) fn range(tab: &str, cells: &Cells) -> String {
    let last = cells.column + cells.values.len().saturating_sub(1);
    let row = cells.row;
    format!("{}!{}{row}:{}{row}", quoted(tab), column_letter(cells.column), column_letter(last))
}

/// The last row of a range that Google returned, which is the last row of the tab: 1000 for
/// `Agenda!A1:I1000`.
pub(super) fn last_row(range: &str) -> Option<usize> {
    let (_, corner) = range.rsplit_once('!')?.1.split_once(':')?;
    corner.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()
}

/// Percent-encodes a part of a URL's path, because the client does not.
pub(super) fn percent_encode(part: &str) -> String {
    utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()
}

fn quoted(tab: &str) -> String {
    format!("'{}'", tab.replace('\'', "''"))
}

/// Letter of a column, numbered from 0. The sheet's last column is `J`.
fn column_letter(column: usize) -> char {
    u8::try_from(column).ok().and_then(|column| b'A'.checked_add(column)).map_or('Z', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_in_a1_notation() {
        let cells = Cells { row: 12, column: 8, values: vec![String::new(); 2] };
        assert_eq!(range("Agenda", &cells), "'Agenda'!I12:J12");
        assert_eq!(range("D'Ávila 2026", &cells), "'D''Ávila 2026'!I12:J12");
        assert_eq!(columns("Agenda", 0, 8), "'Agenda'!A:I");
        assert_eq!(percent_encode("A/B?"), "A%2FB%3F");
    }

    #[test]
    fn the_last_row_of_a_tab_is_read_from_googles_range() {
        assert_eq!(last_row("Agenda!A1:I1000"), Some(1000));
        assert_eq!(last_row("'D''Ávila!'!A1:I12"), Some(12));
        assert_eq!(last_row("Agenda!A:I"), None);
    }
}
