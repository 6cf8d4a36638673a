//! The log of a tab: what each write found in a row, and what it wrote there. Google copies the row into the
//! log and changes it in one step, so that nothing is lost if staff have moved the rows meanwhile
//! (`docs/rules/sheet.md#rows-that-staff-move`).

use std::ops::Range;

use super::columns::{COLUMNS, ColumnSet, ID_COLUMN, Row, row_of};
use crate::domain::ids::AppointmentId;

/// Columns of the log in which Google copies the row as it was.
pub const LOG_BEFORE: Range<usize> = 0..COLUMNS;
/// Columns of the log with the columns that were written, the aim, whether the entry is done with, and
/// [`LogEntry::cells`].
pub const LOG_ENTRY: Range<usize> = COLUMNS..2 * COLUMNS + 3;
/// Column of the log for [`DONE`].
pub const LOG_DONE: usize = COLUMNS + 2;
/// Marks an entry whose row was inserted again.
pub const DONE: &str = "done";
/// Index of the row of the first entry. The row above has a notice.
pub const FIRST_ENTRY: usize = 1;
/// What the log tells a person who finds it.
pub const LOG_NOTICE: &str =
    "Não apague esta aba: ela guarda o que havia em cada linha da agenda antes de cada alteração automática.";

/// The title of the log of the tab with this id.
pub fn log_title(tab: i32) -> String {
    format!("Cópias do agendador {tab}")
}

/// Why a row is overwritten, and which row is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// The row with this appointment's id gets the appointment's current data.
    Update(AppointmentId),
    /// A row that staff copied from this appointment's row loses the id.
    Disown(AppointmentId),
    /// A copy of this appointment's row that differs in nothing is emptied.
    Empty(AppointmentId),
    /// The row that the entries at these places hit by mistake gets its content back, newest entry first.
    Undo(Vec<usize>),
}

impl Aim {
    /// The aim as the log holds it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Update(id) => format!("update {id}"),
            Self::Disown(id) => format!("disown {id}"),
            Self::Empty(id) => format!("empty {id}"),
            Self::Undo(places) => {
                places.iter().fold("undo".to_owned(), |text, place| format!("{text} {place}"))
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (verb, rest) = text.split_once(' ')?;
        match verb {
            "update" => rest.parse().ok().map(Self::Update),
            "disown" => rest.parse().ok().map(Self::Disown),
            "empty" => rest.parse().ok().map(Self::Empty),
            "undo" => {
                let places = rest.split(' ').map(|place| place.parse().ok()).collect::<Option<Vec<_>>>()?;
                Some(Self::Undo(places))
            }
            _ => None,
        }
    }
}

/// One overwritten row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Index of the entry's row in the log.
    pub place: usize,
    /// The row as it was at the moment of the write.
    pub before: Row,
    /// The columns that were written.
    pub columns: ColumnSet,
    /// Why.
    pub aim: Aim,
    /// What was written, for [`Aim::Update`]; otherwise the row that was meant.
    pub cells: Row,
    /// Whether the row was inserted again.
    pub is_done: bool,
}

impl LogEntry {
    fn new(place: usize, texts: Vec<String>) -> Option<Self> {
        let mut texts = texts.into_iter();
        let before = row_of(texts.by_ref());
        let columns = ColumnSet::parse(&texts.next()?)?;
        let aim = Aim::parse(&texts.next()?)?;
        let is_done = texts.next().is_some_and(|text| text == DONE);
        Some(Self { place, before, columns, aim, cells: row_of(texts), is_done })
    }

    /// Whether the write changed the row that was meant.
    fn is_hit(&self) -> bool {
        match self.aim {
            Aim::Update(id) => self.before[ID_COLUMN] == id.to_string(),
            Aim::Disown(_) | Aim::Empty(_) | Aim::Undo(_) => self.before == self.cells,
        }
    }
}

/// The log of a tab. It is empty if the tab has none yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The entries, oldest first.
    pub entries: Vec<LogEntry>,
    /// Index of the row after the last entry.
    pub end: usize,
    /// Number of rows that the log can hold now; 0 if there is no log.
    pub size: usize,
}

impl Log {
    /// Takes the texts that Google returned, the notice included.
    pub fn new(rows: Vec<Vec<String>>, size: usize) -> Self {
        let end = rows.len().max(FIRST_ENTRY);
        let entries = rows.into_iter().enumerate().skip(FIRST_ENTRY);
        let entries = entries.filter_map(|(place, texts)| LogEntry::new(place, texts)).collect();
        Self { entries, end, size }
    }

    /// The entries whose write changed another row than the one that was meant, and whose row has not been
    /// given its content back. Newest first.
    pub fn mistakes(&self) -> Vec<&LogEntry> {
        let is_mistake = |entry: &&LogEntry| {
            !entry.is_done && !entry.is_hit() && entry.before != self.after(entry) && !self.is_undone(entry)
        };
        self.entries.iter().rev().filter(is_mistake).collect()
    }

    /// A row as a write left it.
    pub fn after(&self, entry: &LogEntry) -> Row {
        let mut after = entry.before.clone();
        match &entry.aim {
            Aim::Update(_) => entry.columns.copy(&entry.cells, &mut after),
            Aim::Disown(_) | Aim::Empty(_) => entry.columns.copy(&Row::default(), &mut after),
            Aim::Undo(places) => {
                for undone in places.iter().filter_map(|place| self.at(*place)) {
                    undone.columns.copy(&undone.before, &mut after);
                }
            }
        }
        after
    }

    /// Every appointment that an entry was meant for or whose row it hit. Staff may have moved rows since, so
    /// each of them must be looked at again.
    pub fn ids(&self) -> Vec<AppointmentId> {
        let meant = |entry: &LogEntry| match entry.aim {
            Aim::Update(id) | Aim::Disown(id) | Aim::Empty(id) => Some(id),
            Aim::Undo(_) => None,
        };
        let hit = |entry: &LogEntry| entry.before[ID_COLUMN].parse().ok();
        self.entries.iter().flat_map(|entry| [meant(entry), hit(entry)]).flatten().collect()
    }

    fn is_undone(&self, entry: &LogEntry) -> bool {
        self.entries.iter().any(|later| match &later.aim {
            Aim::Undo(places) => places.contains(&entry.place) && later.is_hit(),
            _ => false,
        })
    }

    fn at(&self, place: usize) -> Option<&LogEntry> {
        self.entries.iter().find(|entry| entry.place == place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIA: &str = "00000000-0000-0000-0000-000000000001";
    const JOAO: &str = "00000000-0000-0000-0000-000000000002";

    fn id(text: &str) -> AppointmentId {
        text.parse().unwrap()
    }

    /// A row with a name, a note and an id.
    fn row(name: &str, note: &str, id: &str) -> Vec<String> {
        ["", "", name, "", "", "", "", note, id, ""].map(str::to_owned).to_vec()
    }

    /// A row of the log: the row as it was, what was done, and the entry's cells.
    fn entry(before: Vec<String>, aim: &str, cells: Vec<String>) -> Vec<String> {
        [before, ["ABCDEFGJ", aim, ""].map(str::to_owned).to_vec(), cells].concat()
    }

    fn log(entries: &[Vec<String>]) -> Log {
        let rows = std::iter::once(vec![LOG_NOTICE.to_owned()]).chain(entries.iter().cloned());
        Log::new(rows.collect(), 1_000)
    }

    fn places(log: &Log) -> Vec<usize> {
        log.mistakes().iter().map(|entry| entry.place).collect()
    }

    #[test]
    fn a_write_that_found_another_row_is_a_mistake_until_it_is_undone() {
        let update = format!("update {MARIA}");
        let hit = entry(row("Maria", "", MARIA), &update, row("Maria Silva", "", MARIA));
        assert!(places(&log(std::slice::from_ref(&hit))).is_empty());

        let missed = entry(row("almoço", "sala 2", ""), &update, row("Maria Silva", "", MARIA));
        let damaged = row("Maria Silva", "sala 2", "");
        let found = log(&[hit.clone(), missed.clone()]);
        assert_eq!((places(&found), found.end), (vec![2], 3));
        assert_eq!(found.after(&found.entries[1]).to_vec(), damaged);

        let undone = entry(damaged.clone(), "undo 2", damaged.clone());
        assert!(places(&log(&[hit.clone(), missed.clone(), undone])).is_empty());
        let missed_again = entry(row("João", "", JOAO), "undo 2", damaged);
        let found = log(&[hit, missed, missed_again]);
        assert_eq!(places(&found), [3, 2], "newest first");
        assert_eq!(found.after(&found.entries[2]).to_vec(), row("almoço", "", JOAO));
    }

    #[test]
    fn a_row_that_was_inserted_again_is_no_mistake_any_more() {
        let mut missed = entry(row("almoço", "", ""), &format!("update {MARIA}"), row("Maria", "", MARIA));
        assert_eq!(places(&log(&[missed.clone()])), [1]);
        missed[LOG_DONE] = DONE.to_owned();
        let found = log(&[missed]);
        assert!(places(&found).is_empty());
        assert_eq!(found.ids(), [id(MARIA)], "the appointment still waits");
    }

    #[test]
    fn the_meant_and_the_hit_appointment_are_named() {
        let found = log(&[entry(row("João", "", JOAO), &format!("update {MARIA}"), row("Maria", "", MARIA))]);
        assert_eq!(found.ids(), [id(MARIA), id(JOAO)]);
    }

    #[test]
    fn an_unreadable_entry_is_left_out() {
        let found = log(&[row("João", "", JOAO), entry(row("João", "", JOAO), "rename 7", row("", "", ""))]);
        assert_eq!((found.entries.len(), found.end), (0, 3));
        assert_eq!(Log::new(Vec::new(), 0).end, FIRST_ENTRY);
    }

    #[test]
    fn every_aim_is_read_as_it_was_written() {
        let id = id(MARIA);
        for aim in [Aim::Update(id), Aim::Disown(id), Aim::Empty(id), Aim::Undo(vec![7, 5])] {
            assert_eq!(Aim::parse(&aim.to_text()), Some(aim));
        }
        assert_eq!((Aim::parse("undo"), Aim::parse("undo x"), Aim::parse("update x")), (None, None, None));
    }
}
