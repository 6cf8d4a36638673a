//! Rows of a clinic's Google Sheet (`docs/rules/sheet.md#sheet-rows`): one per appointment, found by its id.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::appointment::AppointmentStatus;
use super::ids::AppointmentId;
use super::phone::Phone;
use super::time::{Slot, format_date};

/// The header row, which is written if the tab is empty.
pub const HEADER: [&str; 10] = [
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
/// Number of columns before "Observações", which belongs to the clinic's staff and is never overwritten.
const COLUMNS_BEFORE_NOTES: usize = 7;
/// Index of the column with the appointment's id, counted from 0.
pub const ID_COLUMN: usize = 8;

/// The data of an appointment that the sheet shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct SheetAppointment {
    pub id: AppointmentId,
    /// Version of the appointment with these values.
    pub version: i32,
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

/// What was read from a tab of a spreadsheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tab {
    /// Number of rows up to the last one with content.
    pub used: usize,
    /// Number of rows that the tab has, if Google reported it. Nothing can be written below the last one.
    pub rows: Option<usize>,
    /// Row number by appointment id, counted from 1. If staff copied a row, the first one counts.
    pub by_id: HashMap<String, usize>,
}

/// Adjacent cells of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Row number, counted from 1.
    pub row: usize,
    /// Index of the first cell's column, counted from 0.
    pub column: usize,
    /// Contents from left to right, as text.
    pub values: Vec<String>,
}

/// The cells that must be written to bring a tab up to date. An appointment whose id is in the tab is
/// updated in its row, except for the staff's column. Any other is appended below the last row with
/// content.
pub fn cells(tab: &Tab, appointments: &[SheetAppointment], now: DateTime<Utc>) -> Vec<Cells> {
    let mut cells = Vec::new();
    let mut next = tab.used + 1;
    let mut append = |cells: &mut Vec<Cells>, values| {
        cells.push(Cells { row: next, column: 0, values });
        next += 1;
    };
    if tab.used == 0 {
        append(&mut cells, HEADER.map(str::to_owned).to_vec());
    }
    for appointment in appointments {
        let mut values = row(appointment, now);
        match tab.by_id.get(&appointment.id.to_string()) {
            Some(&row) => {
                let id_and_time = values.split_off(ID_COLUMN);
                values.truncate(COLUMNS_BEFORE_NOTES);
                cells.push(Cells { row, column: 0, values });
                cells.push(Cells { row, column: ID_COLUMN, values: id_and_time });
            }
            None => append(&mut cells, values),
        }
    }
    cells
}

fn row(appointment: &SheetAppointment, now: DateTime<Utc>) -> Vec<String> {
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
    .to_vec()
}

/// Puts an apostrophe before a value that looks like a formula. In the sheet, values are written RAW and are
/// never formulas, but another program could run them when it opens a CSV export
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn escape_formula(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn appointment(id: u128) -> SheetAppointment {
        SheetAppointment {
            id: Uuid::from_u128(id).into(),
            version: 1,
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
    fn an_empty_tab_gets_its_header_and_then_the_appointments() {
        let written = cells(&Tab::default(), &[appointment(1)], noon());
        assert_eq!((written[0].row, written[0].values.as_slice()), (1, &HEADER.map(str::to_owned)[..]));
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
        assert_eq!((written[1].row, written[1].column), (2, 0));
        assert_eq!(written[1].values, expected);
        assert_eq!(written.len(), 2);
    }

    #[test]
    fn an_appointment_in_the_tab_keeps_its_row_and_the_staff_column() {
        let id = Uuid::from_u128(1).to_string();
        let tab = Tab { used: 9, rows: None, by_id: HashMap::from([(id.clone(), 4)]) };
        let written = cells(&tab, &[appointment(2), appointment(1)], noon());
        let positions: Vec<_> =
            written.iter().map(|cells| (cells.row, cells.column, cells.values.len())).collect();
        assert_eq!(positions, [(10, 0, 10), (4, 0, 7), (4, 8, 2)]);
        assert_eq!(written[2].values[0], id);
    }

    #[test]
    fn only_a_confirmed_appointment_shows_the_patients_confirmation() {
        let cancelled = SheetAppointment { status: AppointmentStatus::Cancelled, ..appointment(1) };
        assert_eq!(row(&cancelled, noon())[6], "CANCELLED");
        let unconfirmed = SheetAppointment { confirmed: false, ..appointment(1) };
        assert_eq!(row(&unconfirmed, noon())[6], "CONFIRMED");
    }

    #[test]
    fn a_value_that_looks_like_a_formula_is_escaped() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let appointment = SheetAppointment { patient_name: Some(name.into()), ..appointment(1) };
            assert_eq!(row(&appointment, noon())[2], format!("'{name}"));
        }
        assert_eq!(row(&appointment(1), noon())[2], "Maria Silva");
    }

    #[test]
    fn an_unknown_value_is_an_empty_cell() {
        let unknown =
            SheetAppointment { patient_name: None, patient_phone: None, areas: None, ..appointment(1) };
        let row = row(&unknown, noon());
        assert_eq!((row[2].as_str(), row[3].as_str(), row[5].as_str()), ("", "", ""));
    }
}
