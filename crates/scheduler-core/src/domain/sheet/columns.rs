//! The columns of a clinic's sheet, and the row of an appointment (`docs/rules/sheet.md#sheet-rows`).

use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::domain::appointment::AppointmentStatus;
use crate::domain::ids::AppointmentId;
use crate::domain::phone::Phone;
use crate::domain::time::{Slot, format_date};

/// Number of columns that the product reads and writes.
pub const COLUMNS: usize = 10;

/// The header row, which is written if the tab is empty.
pub const HEADER: [&str; COLUMNS] = [
    "Data",
    "Hora",
    "Paciente",
    "Telefone",
    "Serviço",
    "Áreas",
    "Status",
    "Observações",
    "ID",
    "Atualizado em (UTC)",
];
/// Index of "Observações", which belongs to the clinic's staff. The columns before it show the appointment.
pub const NOTES_COLUMN: usize = 7;
/// Index of the column with the appointment's id.
pub const ID_COLUMN: usize = 8;

/// A row's texts in the columns of the product, as the sheet shows them.
pub type Row = [String; COLUMNS];

/// Some of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSet([bool; COLUMNS]);

/// The data of an appointment that the sheet shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct SheetAppointment {
    pub id: AppointmentId,
    /// Version of the appointment with these values.
    pub version: i32,
    /// Version up to which the row was written when these values were read.
    pub sheet_version: i32,
    /// Date and time of the start.
    pub slot: Slot,
    pub patient_name: Option<String>,
    /// Canonical digits.
    pub patient_phone: Option<String>,
    pub service_name: String,
    /// The areas to treat, in the patient's words.
    pub areas: Option<String>,
    pub status: AppointmentStatus,
    /// Whether the patient confirmed in answer to the reminder.
    pub confirmed: bool,
}

impl ColumnSet {
    /// No column.
    pub const NONE: Self = Self([false; COLUMNS]);
    /// What follows the appointment: all columns but the staff's and the id.
    pub const DETAILS: Self = Self([true, true, true, true, true, true, true, false, false, true]);
    /// The id alone.
    pub const ID: Self = Self([false, false, false, false, false, false, false, false, true, false]);
    /// Every column.
    pub const ALL: Self = Self([true; COLUMNS]);

    /// The columns with these letters; `None` if there is no letter, or a column that the product does not
    /// have.
    pub fn parse(letters: &str) -> Option<Self> {
        let mut set = Self::NONE;
        for letter in letters.chars() {
            let index = ('A'..).take(COLUMNS).position(|known| known == letter)?;
            set.0[index] = true;
        }
        (set != Self::NONE).then_some(set)
    }

    /// The columns' letters: `ABCDEFGJ`.
    pub fn letters(self) -> String {
        ('A'..).zip(self.0).filter(|(_, is_in)| *is_in).map(|(letter, _)| letter).collect()
    }

    /// The columns as ranges of indexes, from left to right.
    pub fn ranges(self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for index in (0..COLUMNS).filter(|index| self.0[*index]) {
            match ranges.last_mut() {
                Some(range) if range.end == index => range.end += 1,
                _ => ranges.push(index..index + 1),
            }
        }
        ranges
    }

    /// The columns of both.
    pub fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] || other.0[index]))
    }

    /// Copies these columns' texts from one row to another.
    pub fn copy(self, from: &Row, to: &mut Row) {
        for ((from, to), is_in) in from.iter().zip(to).zip(self.0) {
            if is_in {
                to.clone_from(from);
            }
        }
    }
}

/// Takes the texts of one row. Google leaves out empty cells at the end of a row.
pub fn row_of(mut texts: impl Iterator<Item = String>) -> Row {
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

/// Whether two rows show the same appointment, whatever their notes and ids are.
pub fn same_details(one: &Row, other: &Row) -> bool {
    one[..NOTES_COLUMN] == other[..NOTES_COLUMN]
}

/// The row of an appointment. The staff's column is empty.
pub fn row(appointment: &SheetAppointment, now: DateTime<Utc>) -> Row {
    let phone = appointment.patient_phone.as_deref().map(|phone| match Phone::with_country_code(phone) {
        Ok(phone) => phone.display(),
        Err(_) => phone.to_owned(),
    });
    let mark =
        if appointment.confirmed && appointment.status == AppointmentStatus::Confirmed { " ✔" } else { "" };
    [
        format_date(appointment.slot.date),
        appointment.slot.time.format("%H:%M").to_string(),
        appointment.patient_name.clone().unwrap_or_default(),
        phone.unwrap_or_default(),
        appointment.service_name.clone(),
        appointment.areas.clone().unwrap_or_default(),
        format!("{}{mark}", appointment.status.as_str()),
        String::new(),
        appointment.id.to_string(),
        now.format("%d/%m/%Y %H:%M").to_string(),
    ]
    .map(escape_formula)
}

/// Puts an apostrophe before a text that looks like a formula. The sheet holds it as a text and never as a
/// formula, but another program could run it when it opens a CSV export
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn escape_formula(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn appointment() -> SheetAppointment {
        SheetAppointment {
            id: Uuid::from_u128(1).into(),
            version: 1,
            sheet_version: 0,
            slot: Slot { date: "2026-02-16".parse().unwrap(), time: "09:00:00".parse().unwrap() },
            patient_name: Some("Maria Silva".into()),
            patient_phone: Some("5511999990000".into()),
            service_name: "Depilação a laser".into(),
            areas: Some("Pernas".into()),
            status: AppointmentStatus::Confirmed,
            confirmed: true,
        }
    }

    fn noon() -> DateTime<Utc> {
        "2026-02-14T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_appointment_has_a_text_for_every_column_but_the_staffs() {
        let expected = [
            "16/02/2026",
            "09:00",
            "Maria Silva",
            "(11) 99999-0000",
            "Depilação a laser",
            "Pernas",
            "CONFIRMED ✔",
            "",
            "00000000-0000-0000-0000-000000000001",
            "14/02/2026 12:00",
        ];
        assert_eq!(row(&appointment(), noon()), expected);
    }

    #[test]
    fn only_a_confirmed_appointment_shows_the_patients_confirmation() {
        let cancelled = SheetAppointment { status: AppointmentStatus::Cancelled, ..appointment() };
        assert_eq!(row(&cancelled, noon())[6], "CANCELLED");
        let unconfirmed = SheetAppointment { confirmed: false, ..appointment() };
        assert_eq!(row(&unconfirmed, noon())[6], "CONFIRMED");
    }

    #[test]
    fn a_text_that_looks_like_a_formula_is_escaped() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let appointment = SheetAppointment { patient_name: Some(name.into()), ..appointment() };
            assert_eq!(row(&appointment, noon())[2], format!("'{name}"));
        }
        assert_eq!(row(&appointment(), noon())[2], "Maria Silva");
    }

    #[test]
    fn an_unknown_value_is_an_empty_cell() {
        let unknown =
            SheetAppointment { patient_name: None, patient_phone: None, areas: None, ..appointment() };
        let row = row(&unknown, noon());
        assert_eq!((row[2].as_str(), row[3].as_str(), row[5].as_str()), ("", "", ""));
    }

    #[test]
    fn columns_are_written_as_letters_and_as_ranges() {
        assert_eq!(ColumnSet::DETAILS.letters(), "ABCDEFGJ");
        assert_eq!(ColumnSet::DETAILS.ranges(), [0..7, 9..10]);
        assert_eq!(ColumnSet::parse("ABCDEFGJ"), Some(ColumnSet::DETAILS));
        assert_eq!(ColumnSet::parse("ABCDEFGHIJ"), Some(ColumnSet::ALL));
        assert_eq!((ColumnSet::parse(""), ColumnSet::parse("AK"), ColumnSet::parse("a")), (None, None, None));
        let both = ColumnSet::DETAILS.union(ColumnSet::ID);
        assert_eq!(both.letters(), "ABCDEFGIJ");
        let mut copied = Row::default();
        both.copy(&row(&appointment(), noon()), &mut copied);
        assert_eq!(copied, row(&appointment(), noon()));
    }
}
