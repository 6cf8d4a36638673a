//! How tomorrow's visits are told to the clinic: the nightly report's words.

use chrono::NaiveDate;

use super::appointment::Appointment;
use super::time::written_date;

/// WhatsApp takes longer texts, but cuts them off behind "read more".
const LONGEST: usize = 4_000;

/// The report of a day's visits, in their order, as messages of at most 4,000 characters, cut at
/// line ends. Nothing where there is no visit.
pub fn report(date: NaiveDate, visits: &[Appointment]) -> Vec<String> {
    if visits.is_empty() {
        return Vec::new();
    }
    let total = match visits.len() {
        1 => "Total: 1 sessão agendada".to_owned(),
        several => format!("Total: {several} sessões agendadas"),
    };
    let title = format!("📋 Agenda de amanhã ({}):", written_date(date));
    let lines = visits.iter().map(line);
    cut([title, String::new()].into_iter().chain(lines).chain([String::new(), total]))
}

/// `✔ 09:00 - Maria Silva | Depilação a laser | Pernas`
fn line(visit: &Appointment) -> String {
    let mark = if visit.patient_confirmed_at.is_some() { "✔ " } else { "" };
    let time = visit.start_time.format("%H:%M");
    let said = |text: &Option<String>| {
        let line = on_one_line(text.as_deref().unwrap_or_default());
        if line.is_empty() { "–".to_owned() } else { line }
    };
    let (name, areas) = (said(&visit.patient_name), said(&visit.areas));
    format!("{mark}{time} - {name} | {} | {areas}", on_one_line(&visit.service_name))
}

/// A patient's line breaks would look like visits of their own.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut messages = Vec::new();
    let (mut message, mut length) = (String::new(), 0);
    for line in lines {
        // Only a line that fills a message by itself is cut within.
        for piece in pieces(&line) {
            let longer = length + 1 + piece.chars().count();
            if length > 0 && longer > LONGEST {
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

fn pieces(line: &str) -> Vec<String> {
    if line.chars().count() <= LONGEST {
        return vec![line.to_owned()];
    }
    let characters: Vec<char> = line.chars().collect();
    characters.chunks(LONGEST).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, TimeDelta};
    use uuid::Uuid;

    use super::*;
    use crate::domain::appointment::AppointmentStatus;
    use crate::domain::ids::ClinicId;

    fn visit(time: NaiveTime, name: &str, areas: Option<&str>) -> Appointment {
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
    fn visits_are_told_one_a_line_and_counted() {
        let mut confirmed = visit(nine(), "Maria Silva", Some("Pernas"));
        confirmed.patient_confirmed_at = Some(Default::default());
        let later = visit(nine() + TimeDelta::hours(1), "João Souza", None);
        let expected = "📋 Agenda de amanhã (16/02/2026):\n\n\
            ✔ 09:00 - Maria Silva | Depilação a laser | Pernas\n\
            10:00 - João Souza | Depilação a laser | –\n\n\
            Total: 2 sessões agendadas";
        assert_eq!(report(monday(), &[confirmed, later]), [expected]);
    }

    #[test]
    fn one_visit_is_counted_in_the_singular_and_stays_on_its_line() {
        let said = report(monday(), &[visit(nine(), "Maria\nSilva", Some("Pernas\n\ne braços"))]);
        let expected = "📋 Agenda de amanhã (16/02/2026):\n\n\
            09:00 - Maria Silva | Depilação a laser | Pernas e braços\n\n\
            Total: 1 sessão agendada";
        assert_eq!(said, [expected]);
    }

    #[test]
    fn no_visit_is_no_report() {
        assert!(report(monday(), &[]).is_empty());
    }

    #[test]
    fn a_long_report_is_cut_at_line_ends() {
        let midnight = NaiveTime::MIN;
        let visits: Vec<Appointment> = (0..200)
            .map(|n| visit(midnight + TimeDelta::minutes(7 * n), &format!("Paciente {n}"), Some("Pernas")))
            .collect();
        let messages = report(monday(), &visits);
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|message| message.chars().count() <= LONGEST));
        let lines: Vec<&str> = messages.iter().flat_map(|message| message.lines()).collect();
        for (n, visit) in visits.iter().enumerate() {
            let expected = line(visit);
            assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "visit {n}");
        }
        assert_eq!(lines.last(), Some(&"Total: 200 sessões agendadas"));
    }

    #[test]
    fn a_line_that_no_message_holds_is_cut_within() {
        let messages = report(monday(), &[visit(nine(), "Maria", Some(&"x".repeat(9_000)))]);
        assert!(messages.iter().all(|message| message.chars().count() <= LONGEST));
        assert_eq!(messages.concat().matches('x').count(), 9_000);
    }
}
