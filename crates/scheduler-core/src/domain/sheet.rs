//! A clinic's sheet: one row an appointment, found again by the appointment's id.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::appointment::AppointmentStatus;
use super::ids::AppointmentId;
use super::phone::Phone;
use super::time::{Slot, written_date};

/// The first row, written where the tab is empty.
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
/// How many columns there are before the one that belongs to staff.
const OURS: usize = 7;
/// Where the id stands, counted from 0.
pub const ID: usize = 8;

/// What the sheet shows of an appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetAppointment {
    /// The appointment.
    pub id: AppointmentId,
    /// The version that is written.
    pub version: i32,
    /// When.
    pub slot: Slot,
    /// The patient's name, if known.
    pub patient_name: Option<String>,
    /// The patient's phone in canonical digits, if known.
    pub patient_phone: Option<String>,
    /// The service's name.
    pub service_name: String,
    /// The patient's own words.
    pub areas: Option<String>,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Whether the patient confirmed.
    pub confirmed: bool,
}

/// What was read of a tab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tab {
    /// Rows up to the last one that holds anything.
    pub used: usize,
    /// Rows there are, where that was told: nothing can be written below.
    pub rows: Option<usize>,
    /// Row by id, counted from 1; the first one where staff copied a row.
    pub by_id: HashMap<String, usize>,
}

/// Cells beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Their row, counted from 1.
    pub row: usize,
    /// The first one's column, counted from 0.
    pub column: usize,
    /// What they hold, as text.
    pub values: Vec<String>,
}

/// The cells that bring a tab up to date: a known appointment's row in place, but for the column that
/// belongs to staff; an unknown one's below everything.
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
                let id_and_time = values.split_off(ID);
                values.truncate(OURS);
                cells.push(Cells { row, column: 0, values });
                cells.push(Cells { row, column: ID, values: id_and_time });
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
        written_date(appointment.slot.date),
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
    .map(as_text)
    .to_vec()
}

/// Written RAW, nothing is a formula. Whoever exports the sheet to CSV and opens that elsewhere is
/// kept from running a patient's words too (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn as_text(value: String) -> String {
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
    fn a_known_appointment_keeps_its_row_and_the_column_of_staff() {
        let id = Uuid::from_u128(1).to_string();
        let tab = Tab { used: 9, rows: None, by_id: HashMap::from([(id.clone(), 4)]) };
        let written = cells(&tab, &[appointment(2), appointment(1)], noon());
        let places: Vec<_> =
            written.iter().map(|cells| (cells.row, cells.column, cells.values.len())).collect();
        assert_eq!(places, [(10, 0, 10), (4, 0, 7), (4, 8, 2)]);
        assert_eq!(written[2].values[0], id);
    }

    #[test]
    fn a_mark_is_shown_only_where_the_appointment_will_happen() {
        let cancelled = SheetAppointment { status: AppointmentStatus::Cancelled, ..appointment(1) };
        assert_eq!(row(&cancelled, noon())[6], "CANCELLED");
        let unconfirmed = SheetAppointment { confirmed: false, ..appointment(1) };
        assert_eq!(row(&unconfirmed, noon())[6], "CONFIRMED");
    }

    #[test]
    fn words_that_look_like_a_formula_stay_words() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let appointment = SheetAppointment { patient_name: Some(name.into()), ..appointment(1) };
            assert_eq!(row(&appointment, noon())[2], format!("'{name}"));
        }
        assert_eq!(row(&appointment(1), noon())[2], "Maria Silva");
    }

    #[test]
    fn what_is_not_known_is_an_empty_cell() {
        let unknown =
            SheetAppointment { patient_name: None, patient_phone: None, areas: None, ..appointment(1) };
        let row = row(&unknown, noon());
        assert_eq!((row[2].as_str(), row[3].as_str(), row[5].as_str()), ("", "", ""));
    }
}
