//! Ranges in A1 notation (<https://developers.google.com/workspace/sheets/api/guides/concepts#cell>).

use std::ops::Range;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The first columns of a tab, as many as this: `'Agenda'!A:J`.
pub(super) fn columns(tab: &str, number: usize) -> String {
    format!("{}!A:{}", quoted(tab), column_letter(number.saturating_sub(1)))
}

/// Cells of one column; rows and column are counted from 0: `'Agenda'!I2:I5`.
pub(super) fn cells_of_column(tab: &str, column: usize, rows: &Range<usize>) -> String {
    let letter = column_letter(column);
    format!("{}!{letter}{}:{letter}{}", quoted(tab), rows.start + 1, rows.end)
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

/// Letter of a column, counted from 0. No range has more than 26 columns.
fn column_letter(column: usize) -> char {
    u8::try_from(column).ok().and_then(|column| b'A'.checked_add(column)).map_or('Z', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_in_a1_notation() {
        assert_eq!(cells_of_column("Agenda", 8, &(11..14)), "'Agenda'!I12:I14");
        assert_eq!(cells_of_column("D'Ávila 2026", 8, &(11..12)), "'D''Ávila 2026'!I12:I12");
        assert_eq!(columns("Agenda", 10), "'Agenda'!A:J");
        assert_eq!(percent_encode("A/B?"), "A%2FB%3F");
    }

    #[test]
    fn the_last_row_of_a_tab_is_read_from_googles_range() {
        assert_eq!(last_row("Agenda!A1:I1000"), Some(1000));
        assert_eq!(last_row("'D''Ávila!'!A1:I12"), Some(12));
        assert_eq!(last_row("Agenda!A:I"), None);
    }
}
