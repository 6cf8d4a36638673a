//! The nightly report of tomorrow's appointments, as the clinic reads it.

use chrono::NaiveDate;

use super::catalog::phrase;
use super::format::fill_phrase;
use crate::domain::appointment::Appointment;
use crate::domain::time::format_date;

/// Longest message, in characters. WhatsApp accepts more, but hides the rest behind "read more".
const MAX_MESSAGE_LENGTH: usize = 4_000;

/// The report of a day's appointments, in the given order, as messages of at most 4,000 characters that
/// are split at line ends. Empty if there are no appointments.
pub fn report(date: NaiveDate, appointments: &[Appointment]) -> Vec<String> {
    if appointments.is_empty() {
        return Vec::new();
    }
    let total = match appointments.len() {
        1 => phrase("report_total_one").to_owned(),
        several => fill_phrase("report_total", &[("count", &several.to_string())]),
    };
    let title = fill_phrase("report_title", &[("date", &format_date(date))]);
    let lines = appointments.iter().map(line);
    split_into_messages([title, String::new()].into_iter().chain(lines).chain([String::new(), total]))
}

/// `✔ 09:00 - Maria Silva | Depilação a laser | Pernas`
fn line(appointment: &Appointment) -> String {
    let or_dash = |text: &Option<String>| {
        let line = on_one_line(text.as_deref().unwrap_or_default());
        if line.is_empty() { phrase("report_nothing_said").to_owned() } else { line }
    };
    let confirmed = appointment.patient_confirmed_at.is_some();
    let values = [
        ("time", appointment.start_time.format("%H:%M").to_string()),
        ("patient_name", or_dash(&appointment.patient_name)),
        ("service", on_one_line(&appointment.service_name)),
        ("areas", or_dash(&appointment.areas)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    fill_phrase(if confirmed { "report_line_confirmed" } else { "report_line" }, &values)
}

/// A line break inside a value would look like another appointment.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn split_into_messages(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut messages = Vec::new();
    let (mut message, mut length) = (String::new(), 0);
    for line in lines {
        // Only a line longer than a whole message is split inside the line.
        for piece in split_long_line(&line) {
            let new_length = length + 1 + piece.chars().count();
            if length > 0 && new_length > MAX_MESSAGE_LENGTH {
                messages.push(std::mem::take(&mut message).trim().to_owned());
                length = 0;
            }
            if length > 0 {
                message.push('\n');
                length += 1;
            }
            length += piece.chars().count();
            message.push_str(&piece);
        }
    }
    messages.push(message.trim().to_owned());
    messages
}

fn split_long_line(line: &str) -> Vec<String> {
    if line.chars().count() <= MAX_MESSAGE_LENGTH {
        return vec![line.to_owned()];
    }
    let characters: Vec<char> = line.chars().collect();
    characters.chunks(MAX_MESSAGE_LENGTH).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, TimeDelta};
    use uuid::Uuid;

    use super::*;
    use crate::domain::appointment::AppointmentStatus;
    use crate::domain::ids::ClinicId;

    fn appointment(time: NaiveTime, name: &str, areas: Option<&str>) -> Appointment {
        Appointment {
            id: Uuid::nil().into(),
            clinic_id: ClinicId("sp-1".into()),
            patient_id: Uuid::nil().into(),
            professional_id: None,
            service_id: Uuid::nil().into(),
            appointment_date: monday(),
            start_time: time,
            end_time: time + TimeDelta::minutes(45),
            buffer_minutes: 10,
            areas: areas.map(str::to_owned),
            status: AppointmentStatus::Confirmed,
            notes: None,
            patient_confirmed_at: None,
            version: 1,
            created_at: Default::default(),
            updated_at: Default::default(),
            patient_name: Some(name.to_owned()),
            patient_phone: None,
            service_name: "Depilação a laser".into(),
            professional_name: None,
        }
    }

    fn monday() -> NaiveDate {
        "2026-02-16".parse().unwrap()
    }

    fn nine() -> NaiveTime {
        "09:00:00".parse().unwrap()
    }

    #[test]
    fn each_appointment_gets_one_line_and_all_are_counted() {
        let mut confirmed = appointment(nine(), "Maria Silva", Some("Pernas"));
        confirmed.patient_confirmed_at = Some(Default::default());
        let later = appointment(nine() + TimeDelta::hours(1), "João Souza", None);
        let expected = "📋 Agenda de amanhã (16/02/2026):\n\n\
            ✔ 09:00 - Maria Silva | Depilação a laser | Pernas\n\
            10:00 - João Souza | Depilação a laser | –\n\n\
            Total: 2 sessões agendadas";
        assert_eq!(report(monday(), &[confirmed, later]), [expected]);
    }

    #[test]
    fn one_appointment_is_counted_in_the_singular_and_stays_on_one_line() {
        let said = report(monday(), &[appointment(nine(), "Maria\nSilva", Some("Pernas\n\ne braços"))]);
        let expected = "📋 Agenda de amanhã (16/02/2026):\n\n\
            09:00 - Maria Silva | Depilação a laser | Pernas e braços\n\n\
            Total: 1 sessão agendada";
        assert_eq!(said, [expected]);
    }

    #[test]
    fn a_report_without_appointments_is_empty() {
        assert!(report(monday(), &[]).is_empty());
    }

    #[test]
    fn a_long_report_is_split_at_line_ends() {
        let midnight = NaiveTime::MIN;
        let appointments: Vec<Appointment> = (0..200)
            .map(|n| {
                appointment(midnight + TimeDelta::minutes(7 * n), &format!("Paciente {n}"), Some("Pernas"))
            })
            .collect();
        let messages = report(monday(), &appointments);
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|message| message.chars().count() <= MAX_MESSAGE_LENGTH));
        let lines: Vec<&str> = messages.iter().flat_map(|message| message.lines()).collect();
        for (n, appointment) in appointments.iter().enumerate() {
            let expected = line(appointment);
            assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "appointment {n}");
        }
        assert_eq!(lines.last(), Some(&"Total: 200 sessões agendadas"));
    }

    #[test]
    fn a_line_longer_than_a_message_is_split_inside() {
        let messages = report(monday(), &[appointment(nine(), "Maria", Some(&"x".repeat(9_000)))]);
        assert!(messages.iter().all(|message| message.chars().count() <= MAX_MESSAGE_LENGTH));
        assert_eq!(messages.concat().matches('x').count(), 9_000);
    }
}
