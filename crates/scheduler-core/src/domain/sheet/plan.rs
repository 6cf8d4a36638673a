//! What has to be written to bring a tab up to date (`docs/rules/sheet.md#rows-that-staff-move`).

use std::cmp::Reverse;
use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::columns::{ColumnSet, HEADER, ID_COLUMN, NOTES_COLUMN, Row, SheetAppointment, row, same_details};
use super::log::{Aim, FIRST_ENTRY, Log};
use super::repair::{Repair, repairs};
use super::tab::Tab;
use crate::domain::ids::AppointmentId;

pub use super::repair::Back;

/// Maximum rows that one write overwrites. Each may take its own requests, and Google has four seconds.
pub const MAX_OVERWRITES: usize = 100;

/// A row that is overwritten where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwrite {
    /// Index of the row in the tab.
    pub row: usize,
    /// The columns that are written.
    pub columns: ColumnSet,
    /// Why, and which row is meant.
    pub aim: Aim,
    /// The row with the texts that are written in these columns.
    pub written: Row,
    /// The row as it was read.
    pub meant: Row,
    /// What is then copied back from the log; only for [`Aim::Undo`].
    pub back: Vec<Back>,
}

impl Overwrite {
    /// What the log keeps as [`LogEntry::cells`](super::log::LogEntry::cells).
    pub fn logged(&self) -> &Row {
        match self.aim {
            Aim::Update(_) => &self.written,
            Aim::Disown(_) | Aim::Empty(_) | Aim::Undo(_) => &self.meant,
        }
    }
}

/// A row that is inserted below the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insertion {
    /// Its texts.
    pub cells: Row,
    /// What is then copied from the log.
    pub back: Vec<Back>,
}

/// One write. Google makes all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// From top to bottom, at most one for each row.
    pub overwrites: Vec<Overwrite>,
    /// Rows that were hit by mistake and have disappeared since.
    pub insertions: Vec<Insertion>,
    /// Rows that are added below everything.
    pub additions: Vec<Row>,
    /// Index of the row in the log for the first of `overwrites`.
    pub log_start: usize,
    /// Whether the earlier entries of the log are removed.
    pub clears_log: bool,
    /// Appointments whose row is right already, or is added.
    pub settled: Vec<AppointmentId>,
    /// Whether something is left for another write.
    pub goes_on: bool,
}

/// Plans the next write. `due` are the appointments that must stand in the tab with their current data;
/// `others` are those whose row must be right if there is one. As long as a row that was hit by mistake waits
/// for its content, nothing else is written.
pub fn plan(
    tab: &Tab,
    log: &Log,
    due: &[SheetAppointment],
    others: &[SheetAppointment],
    now: DateTime<Utc>,
) -> Plan {
    let known = due.iter().chain(others).map(|appointment| appointment.id.to_string()).collect();
    let repairs = repairs(tab, log, &known);
    let mut plan = if repairs.is_empty() { update(tab, due, others, now) } else { undo(tab, repairs) };
    let is_complete = plan.overwrites.len() <= MAX_OVERWRITES;
    plan.overwrites.truncate(MAX_OVERWRITES);
    plan.overwrites.sort_by_key(|overwrite| overwrite.row);
    plan.clears_log = is_complete && plan.insertions.is_empty() && !plan.goes_on && log.end > FIRST_ENTRY;
    plan.log_start = if plan.clears_log { FIRST_ENTRY } else { log.end.max(FIRST_ENTRY) };
    plan.goes_on |= !is_complete;
    plan
}

impl Plan {
    /// Whether the tab is up to date.
    pub fn is_empty(&self) -> bool {
        self.overwrites.is_empty() && self.insertions.is_empty() && self.additions.is_empty()
    }

    /// Whether the write needs the log.
    pub fn needs_log(&self) -> bool {
        !self.overwrites.is_empty()
    }

    /// The appointments whose row is right after the write. `found` are the ids that Google found in the
    /// rows of `overwrites`, in their order.
    pub fn right(&self, found: &[String]) -> Vec<AppointmentId> {
        let updated =
            self.overwrites.iter().zip(found).filter_map(|(overwrite, found)| match overwrite.aim {
                Aim::Update(id) if *found == id.to_string() => Some(id),
                _ => None,
            });
        self.settled.iter().copied().chain(updated).collect()
    }

    /// Whether nothing is left to do after the write. Otherwise the tab must be read again: an id does not
    /// tell whether the other aims were met.
    pub fn is_final(&self, found: &[String]) -> bool {
        let is_hit = |(index, overwrite): (usize, &Overwrite)| match overwrite.aim {
            Aim::Update(id) => found.get(index).is_some_and(|found| *found == id.to_string()),
            Aim::Disown(_) | Aim::Empty(_) | Aim::Undo(_) => false,
        };
        !self.goes_on && self.overwrites.iter().enumerate().all(is_hit)
    }
}

fn undo(tab: &Tab, repairs: Vec<Repair>) -> Plan {
    let mut plan = Plan { goes_on: true, ..Plan::default() };
    for Repair { row, cells, back } in repairs {
        match row {
            Some(row) => {
                let columns = back.iter().fold(ColumnSet::NONE, |all, back| all.union(back.columns));
                let aim = Aim::Undo(back.iter().map(|back| back.place).collect());
                let meant = tab.rows.get(row).cloned().unwrap_or_default();
                plan.overwrites.push(Overwrite { row, columns, aim, written: cells, meant, back });
            }
            None => plan.insertions.push(Insertion { cells, back }),
        }
    }
    plan
}

fn update(tab: &Tab, due: &[SheetAppointment], others: &[SheetAppointment], now: DateTime<Utc>) -> Plan {
    let mut plan = Plan::default();
    if tab.rows.is_empty() && !due.is_empty() {
        plan.additions.push(HEADER.map(str::to_owned));
    }
    let by_id = tab.by_id();
    let dues: HashSet<AppointmentId> = due.iter().map(|appointment| appointment.id).collect();
    for appointment in due.iter().chain(others) {
        let cells = row(appointment, now);
        match by_id.get(cells[ID_COLUMN].as_str()) {
            Some(rows) => plan.update_row(tab, rows, appointment.id, cells),
            None if dues.contains(&appointment.id) => {
                plan.additions.push(cells);
                plan.settled.push(appointment.id);
            }
            None => {}
        }
    }
    plan
}

impl Plan {
    /// Keeps one of the rows that have the id of an appointment, and brings it up to date. `cells` are the
    /// appointment's current data.
    fn update_row(&mut self, tab: &Tab, rows: &[usize], id: AppointmentId, cells: Row) {
        let found: Vec<(usize, &Row)> =
            rows.iter().filter_map(|index| Some((*index, tab.rows.get(*index)?))).collect();
        // The row that staff have changed least, then one with a note, then the topmost.
        let best = found.iter().max_by_key(|(index, row)| {
            let equal = row.iter().zip(&cells).take(NOTES_COLUMN).filter(|(one, other)| one == other).count();
            (equal, !row[NOTES_COLUMN].is_empty(), Reverse(*index))
        });
        let Some(&(kept, kept_row)) = best else { return };
        for &(index, copy) in found.iter().filter(|(index, _)| *index != kept) {
            let same_note = copy[NOTES_COLUMN].is_empty() || copy[NOTES_COLUMN] == kept_row[NOTES_COLUMN];
            let (columns, aim) = if same_note && same_details(copy, kept_row) {
                (ColumnSet::ALL, Aim::Empty(id))
            } else {
                (ColumnSet::ID, Aim::Disown(id))
            };
            self.overwrite(index, copy, columns, aim, Row::default());
        }
        if same_details(kept_row, &cells) {
            self.settled.push(id);
        } else {
            self.overwrite(kept, kept_row, ColumnSet::DETAILS, Aim::Update(id), cells);
        }
    }

    fn overwrite(&mut self, row: usize, meant: &Row, columns: ColumnSet, aim: Aim, written: Row) {
        let back = Vec::new();
        self.overwrites.push(Overwrite { row, columns, aim, written, meant: meant.clone(), back });
    }
}

#[cfg(test)]
mod tests;
