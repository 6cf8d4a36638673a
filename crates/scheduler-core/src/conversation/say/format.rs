//! Days, hours, prices and lists in the form that patients read.

use chrono::{Datelike, NaiveDate, Weekday};

use super::catalog::{phrase, weekday};
use super::placeholder::fill;
use crate::conversation::machine::state::{AppointmentSummary, BookingPlan, ServiceChoice};
use crate::domain::time::Slot;

/// `segunda`, the name in the catalog.
pub fn weekday_name(day: Weekday) -> &'static str {
    weekday(match day {
        Weekday::Mon => "Mon",
        Weekday::Tue => "Tue",
        Weekday::Wed => "Wed",
        Weekday::Thu => "Thu",
        Weekday::Fri => "Fri",
        Weekday::Sat => "Sat",
        Weekday::Sun => "Sun",
    })
}

/// `segunda, 16/02`.
pub fn written_day(date: NaiveDate) -> String {
    format!("{}, {}", weekday_name(date.weekday()), day_and_month(date))
}

/// `16/02 (segunda)`.
pub fn written_date_and_weekday(date: NaiveDate) -> String {
    format!("{} ({})", day_and_month(date), weekday_name(date.weekday()))
}

/// `16/02`.
pub fn day_and_month(date: NaiveDate) -> String {
    date.format("%d/%m").to_string()
}

/// `09:00`.
pub fn written_time(slot: Slot) -> String {
    slot.time.format("%H:%M").to_string()
}

/// `segunda, 16/02 às 09:00`.
pub fn written_slot(slot: Slot) -> String {
    day_and_time(&written_day(slot.date), &written_time(slot))
}

/// `seg 16/02 às 09:00`, short enough for a button.
pub fn short_slot(slot: Slot) -> String {
    let weekday: String = weekday_name(slot.date.weekday()).chars().take(3).collect();
    day_and_time(&format!("{weekday} {}", day_and_month(slot.date)), &written_time(slot))
}

/// A phrase of the catalog with its placeholders replaced.
pub fn fill_phrase(key: &str, values: &[(&str, &str)]) -> String {
    let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    fill(phrase(key), value)
}

fn day_and_time(day: &str, time: &str) -> String {
    fill_phrase("day_and_time", &[("day", day), ("time", time)])
}

/// One line per service: name and price, without its duration.
pub fn price_table(services: &[ServiceChoice]) -> String {
    let line = |service: &ServiceChoice| {
        fill_phrase("price_line", &[("service", &service.name), ("price", &price(service.price_cents))])
    };
    services.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn price(cents: Option<i32>) -> String {
    match cents {
        None => phrase("price_on_request").to_owned(),
        Some(cents) => {
            let amount = format!("{},{:02}", thousands(cents / 100), cents % 100);
            fill_phrase("price", &[("amount", &amount)])
        }
    }
}

fn thousands(number: i32) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            written.push('.');
        }
        written.push(digit);
    }
    written
}

/// `a`, `a ou b`, `a, b ou c`.
pub fn list_alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} {} {last}", some.join(", "), phrase("or")),
    }
}

/// Placeholder values of a planned appointment.
pub fn plan_values(plan: &BookingPlan, slot: Slot) -> [(&'static str, String); 4] {
    session_values(slot, &plan.service_name, plan.areas.as_deref())
}

/// Placeholder values of an existing appointment.
pub fn appointment_values(appointment: &AppointmentSummary) -> [(&'static str, String); 4] {
    session_values(appointment.slot, &appointment.service_name, appointment.areas.as_deref())
}

fn session_values(slot: Slot, service: &str, areas: Option<&str>) -> [(&'static str, String); 4] {
    [
        ("date", written_day(slot.date)),
        ("time", written_time(slot)),
        ("service", service.to_owned()),
        ("areas", areas.unwrap_or_default().to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_written_as_in_brazil() {
        let check = |cents: Option<i32>, expected: &str| {
            let id = crate::domain::ids::ServiceId(uuid::Uuid::nil());
            let service = ServiceChoice { id, name: "Axilas".to_owned(), minutes: 20, price_cents: cents };
            assert_eq!(price_table(&[service]), format!("• Axilas: {expected}"));
        };
        check(None, "sob consulta");
        check(Some(0), "R$ 0,00");
        check(Some(15_000), "R$ 150,00");
        check(Some(123_456), "R$ 1.234,56");
        check(Some(i32::MAX), "R$ 21.474.836,47");
    }

    #[test]
    fn days_are_written_with_their_weekday() {
        let check = |date: &str, expected: &str| {
            assert_eq!(written_day(date.parse().expect("a date")), expected);
        };
        check("2026-02-16", "segunda, 16/02");
        check("2026-02-17", "terça, 17/02");
        check("2026-02-18", "quarta, 18/02");
        check("2026-02-19", "quinta, 19/02");
        check("2026-02-20", "sexta, 20/02");
        check("2026-02-21", "sábado, 21/02");
        check("2026-02-22", "domingo, 22/02");
        check("2028-02-29", "terça, 29/02");
    }
}
