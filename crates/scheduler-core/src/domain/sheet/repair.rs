//! Finds the rows that writes hit by mistake, and what they get back.

use std::collections::HashSet;

use super::columns::{ColumnSet, ID_COLUMN, Row};
use super::log::{Log, LogEntry};
use super::tab::Tab;

/// Columns of a log entry that are copied back into a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// Index of the entry's row in the log.
    pub place: usize,
    /// The columns.
    pub columns: ColumnSet,
}

/// A row that gets back what was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Index of the row in the tab; `None` if it is no longer there and is inserted again.
    pub row: Option<usize>,
    /// The row after the repair, as texts.
    pub cells: Row,
    /// What is copied from the log, in this order: a row may have been hit several times.
    pub back: Vec<Back>,
}

/// The rows that must get back their content from the log. A row that has the id of one of our appointments
/// (`known`) and lost only the appointment's data is left out: it is written from our own data.
pub(super) fn repairs(tab: &Tab, log: &Log, known: &HashSet<String>) -> Vec<Repair> {
    let mut rows: Vec<Repair> = (0..)
        .zip(&tab.rows)
        .map(|(row, cells)| Repair { row: Some(row), cells: cells.clone(), back: Vec::new() })
        .collect();
    let is_lost =
        |entry: &LogEntry| entry.columns != ColumnSet::DETAILS || !known.contains(&entry.before[ID_COLUMN]);
    // From the newest to the oldest, so that a row that was hit twice is first given back the state in which
    // the second write found it, and then the one in which the first found it.
    for entry in log.mistakes().into_iter().filter(|entry| is_lost(entry)) {
        let after = log.after(entry);
        if let Some(row) = rows.iter_mut().find(|row| row.cells == after) {
            entry.columns.copy(&entry.before, &mut row.cells);
            row.back.push(Back { place: entry.place, columns: entry.columns });
        } else {
            // Staff have changed or deleted the row since. What they see is theirs; what was lost is
            // inserted.
            let back = vec![Back { place: entry.place, columns: ColumnSet::ALL }];
            rows.push(Repair { row: None, cells: entry.before.clone(), back });
        }
    }
    let is_empty = |row: &Repair| row.row.is_none() && row.cells.iter().all(String::is_empty);
    rows.retain(|row| !row.back.is_empty() && !is_empty(row));
    rows
}
