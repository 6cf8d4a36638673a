//! People who sort, insert, delete, copy and type in the sheet at random, and what they may rely on.

use std::collections::{BTreeMap, BTreeSet};

use scheduler_core::domain::sheet::HEADER;
use scheduler_core::domain::sheet::columns::{COLUMNS, ID_COLUMN, NOTES_COLUMN, Row};
use scheduler_tests::google::Grid;

/// More typed rows than this are deleted again.
const MAX_TYPED: usize = 12;

/// The people, and what they have typed.
pub(super) struct Staff {
    dice: Dice,
    /// Whether they copy rows.
    pub(super) copies: bool,
    /// Counts what was typed, so that every text is typed once.
    number: usize,
    /// Rows that they typed, the header included. A deleted one need not be there.
    typed: BTreeSet<Row>,
    deleted: BTreeSet<Row>,
    /// Notes that they typed beside an appointment, with its id. A deleted one need not be there.
    notes: BTreeMap<String, String>,
    deleted_notes: BTreeSet<String>,
}

/// Random numbers. The same seed gives the same numbers.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap_or_default()
    }
}

impl Staff {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            copies: false,
            number: 0,
            typed: BTreeSet::from([HEADER.map(str::to_owned)]),
            deleted: BTreeSet::new(),
            notes: BTreeMap::new(),
            deleted_notes: BTreeSet::new(),
        }
    }

    /// Up to three changes.
    pub(super) fn work(&mut self, grid: &mut Grid) {
        for _ in 0..self.dice.below(4) {
            match self.dice.below(if self.copies { 12 } else { 11 }) {
                0..4 => self.sort(grid),
                4 => grid.insert_row(self.row(grid)),
                5..7 => self.delete(grid),
                7..9 => self.type_row(grid),
                9..11 => self.type_note(grid),
                _ => {
                    let (from, to) = (self.row(grid), self.row(grid));
                    grid.copy_row(from, to);
                }
            }
        }
    }

    /// A row below the first.
    fn row(&mut self, grid: &Grid) -> usize {
        1 + self.dice.below(grid.content().len().saturating_sub(1))
    }

    /// Mostly leaves the first row where it is, as if it were frozen.
    fn sort(&mut self, grid: &mut Grid) {
        let first = usize::from(self.dice.below(8) > 0);
        let (column, descending) = (self.dice.below(COLUMNS), self.dice.below(2) == 0);
        grid.sort(first, column, descending);
    }

    fn delete(&mut self, grid: &mut Grid) {
        let index = self.row(grid);
        let row = row(grid, index);
        if self.typed.remove(&row) {
            self.deleted.insert(row.clone());
        }
        self.deleted_notes.insert(row[NOTES_COLUMN].clone());
        grid.delete_row(index);
    }

    /// Types a row into an empty one, or into the first one below everything.
    fn type_row(&mut self, grid: &mut Grid) {
        if self.typed.len() > MAX_TYPED {
            return self.delete(grid);
        }
        self.number += 1;
        let end = grid.content().len();
        let empty: Vec<usize> =
            (1..end).filter(|index| grid.content()[*index].iter().all(String::is_empty)).collect();
        let index = empty.get(self.dice.below(2 * empty.len().max(1))).copied().unwrap_or(end);
        let mut typed = Row::default();
        for column in [0, 2, 5, NOTES_COLUMN] {
            typed[column] = format!("digitado {} {column}", self.number);
            grid.set(index, column, &typed[column]);
        }
        self.typed.insert(typed);
    }

    /// Types a note beside an appointment.
    fn type_note(&mut self, grid: &mut Grid) {
        let index = self.row(grid);
        let id = grid.text(index, ID_COLUMN).to_owned();
        if id.is_empty() || id == HEADER[ID_COLUMN] {
            return;
        }
        self.number += 1;
        let note = format!("nota {}", self.number);
        self.deleted_notes.insert(grid.text(index, NOTES_COLUMN).to_owned());
        grid.set(index, NOTES_COLUMN, &note);
        self.notes.insert(note, id);
    }

    /// Checks everything that was typed, and returns the rows that nobody typed and that have no id.
    pub(super) fn check(&self, rows: &[Vec<String>], round: &str) -> Vec<Row> {
        let rows: Vec<Row> = rows.iter().map(|texts| row_of(texts)).collect();
        let count = |row: &Row| rows.iter().filter(|other| *other == row).count();
        for typed in &self.typed {
            assert!(count(typed) >= 1, "{round}: {typed:?} was lost");
            assert!(self.copies || count(typed) == 1, "{round}: {typed:?} is there twice");
        }
        for (note, id) in &self.notes {
            let beside: Vec<&Row> = rows.iter().filter(|row| row[NOTES_COLUMN] == *note).collect();
            let is_lost = beside.is_empty() && !self.deleted_notes.contains(note);
            assert!(!is_lost, "{round}: the note {note} was lost");
            // A copied note stands in several rows, of which one may have been deleted.
            if self.copies && (beside.len() > 1 || self.deleted_notes.contains(note)) {
                continue;
            }
            for row in beside {
                let is_beside = row[ID_COLUMN] == *id || (self.copies && row[ID_COLUMN].is_empty());
                assert!(is_beside, "{round}: {note} of {id} is beside {row:?}");
            }
        }
        let is_known = |row: &Row| {
            !row[ID_COLUMN].is_empty()
                || row.iter().all(String::is_empty)
                || self.typed.contains(row)
                || self.deleted.contains(row)
        };
        rows.into_iter().filter(|row| !is_known(row)).collect()
    }
}

fn row(grid: &Grid, index: usize) -> Row {
    std::array::from_fn(|column| grid.text(index, column).to_owned())
}

fn row_of(texts: &[String]) -> Row {
    std::array::from_fn(|column| texts.get(column).cloned().unwrap_or_default())
}
