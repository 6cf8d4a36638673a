//! The dates that the product accepts (`docs/rules/data.md#dates`). All code that reads a date from outside
//! uses these limits.

use chrono::{Months, NaiveDate};
use serde::{Deserialize, Deserializer, de::Error};

/// The first accepted date. The database has constraints with the same limits (`…_within_limits`).
pub const FIRST_DATE: NaiveDate = constant(2000, 1, 1);
/// The last accepted date.
pub const LAST_DATE: NaiveDate = constant(2100, 12, 31);

/// No appointment starts more than these months ahead: five years.
const MAX_MONTHS_AHEAD: Months = Months::new(5 * 12);

/// Whether a date is from [`FIRST_DATE`] to [`LAST_DATE`].
pub fn is_accepted(date: NaiveDate) -> bool {
    (FIRST_DATE..=LAST_DATE).contains(&date)
}

/// Parses an accepted date, written exactly as `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    // chrono also parses blanks, signs, and numbers with fewer digits.
    (is_accepted(date) && date.to_string() == text).then_some(date)
}

/// The last date on which an appointment can start if it is booked or moved `today`.
pub fn last_appointment_date(today: NaiveDate) -> NaiveDate {
    today.checked_add_months(MAX_MONTHS_AHEAD).unwrap_or(LAST_DATE).min(LAST_DATE)
}

/// Reads a stored date, which must be accepted.
pub fn stored_date<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveDate, D::Error> {
    accepted(String::deserialize(from)?)
}

/// Reads a stored date or null.
pub fn stored_date_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    Option::<String>::deserialize(from)?.map(accepted).transpose()
}

/// Reads a list of stored dates.
pub fn stored_dates<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<NaiveDate>, D::Error> {
    Vec::<String>::deserialize(from)?.into_iter().map(accepted).collect()
}

fn accepted<E: Error>(text: String) -> Result<NaiveDate, E> {
    parse_date(&text).ok_or_else(|| E::custom("not a date from 2000 to 2100"))
}

const fn constant(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form_and_a_year_from_2000_to_2100() {
        for accepted in ["2000-01-01", "2026-02-16", "2028-02-29", "2100-12-31"] {
            assert_eq!(parse_date(accepted).map(|date| date.to_string()).as_deref(), Some(accepted));
        }
        for refused in [
            "",
            "1999-12-31",
            "2101-01-01",
            "0000-01-01",
            "9999-12-31",
            "10000-01-01",
            "+10000-01-01",
            "+262142-12-31",
            "-262143-01-01",
            "-2026-02-16",
            "+2026-02-16",
            "2026-2-16",
            "2026-02-31",
            " 2026-02-16",
            "2026-02-16 ",
            "2026-02-16T09:00",
            "16/02/2026",
        ] {
            assert_eq!(parse_date(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn an_appointment_is_at_most_five_years_ahead() {
        let check = |today: &str, expected: &str| {
            let last = last_appointment_date(today.parse().expect("a date"));
            assert_eq!(last.to_string(), expected, "{today}");
        };
        check("2026-02-16", "2031-02-16");
        check("2028-02-29", "2033-02-28");
        check("2099-06-01", "2100-12-31");
        assert_eq!(last_appointment_date(NaiveDate::MAX), LAST_DATE);
    }
}
