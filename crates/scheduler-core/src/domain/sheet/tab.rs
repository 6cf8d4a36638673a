//! A clinic's tab as it was read.

use std::collections::HashMap;

use super::columns::{ID_COLUMN, Row, row_of};

/// The rows of a tab. Staff may move, change and delete them at any time, so a row's index holds only for the
/// moment at which the tab was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tab {
    /// The rows up to the last one with content, with the header.
    pub rows: Vec<Row>,
}

impl Tab {
    /// Takes the texts that Google returned.
    pub fn new(rows: Vec<Vec<String>>) -> Self {
        Self { rows: rows.into_iter().map(|row| row_of(row.into_iter())).collect() }
    }

    /// Indexes of the rows with each id, from top to bottom. If staff copied a row, its id has several.
    pub fn by_id(&self) -> HashMap<&str, Vec<usize>> {
        let mut found: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, row) in self.rows.iter().enumerate() {
            if !row[ID_COLUMN].is_empty() {
                found.entry(&row[ID_COLUMN]).or_default().push(index);
            }
        }
        found
    }
}
