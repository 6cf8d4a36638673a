//! Days and hours as patients write them: "amanhã", "sexta", "16/02", "dia 16", "16h30".

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};

use crate::domain::date_limits::is_accepted;
use crate::domain::text_normalize::normalize;

/// The days and hours that a text names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Days in the order of the text, without duplicates.
    pub days: Vec<NaiveDate>,
    /// Hours in the order of the text, without duplicates.
    pub hours: Vec<NaiveTime>,
}

/// Reads days and hours. A weekday means the nearest offered day with that name, otherwise the next one in
/// the calendar. A date without a year means this year, or next year if it is past and `horizon` allows it.
pub fn read(text: &str, today: NaiveDate, horizon: NaiveDate, offered: &[NaiveDate]) -> When {
    let words = words_of(text);
    let mut when = When::default();
    let mut position = 0;
    while position < words.len() {
        let rest = &words[position..];
        let found = read_day(rest, position > 0, today, horizon, offered)
            .map(|(day, consumed)| (Some(day), None, consumed))
            .or_else(|| {
                read_hour(rest, words[..position].last()).map(|(hour, consumed)| (None, Some(hour), consumed))
            });
        let (day, hour, consumed) = found.unwrap_or((None, None, 1));
        if let Some(day) = day.filter(|day| !when.days.contains(day)) {
            when.days.push(day);
        }
        if let Some(hour) = hour.filter(|hour| !when.hours.contains(hour)) {
            when.hours.push(hour);
        }
        position += consumed;
    }
    when
}

/// The next date with this day of the month, today included.
pub fn day_of_month(number: u32, today: NaiveDate) -> Option<NaiveDate> {
    today.iter_days().take(62).find(|day| day.day() == number)
}

/// Splits a text into words in lower case without accents. Dates and times stay whole (`16/02`, `16:30`).
fn words_of(text: &str) -> Vec<String> {
    let pieces =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '!' | '?' | '(' | ')' | '*'));
    pieces
        .flat_map(|piece| {
            let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
            let starts_with_digit = piece.starts_with(|c: char| c.is_ascii_digit());
            if starts_with_digit && piece.contains(['/', ':', '.', '-']) {
                vec![piece.to_lowercase()]
            } else {
                normalize(piece).split(' ').map(str::to_owned).collect()
            }
        })
        .filter(|word| !word.is_empty())
        .collect()
}

fn read_day(
    words: &[String],
    has_preceding_word: bool,
    today: NaiveDate,
    horizon: NaiveDate,
    offered: &[NaiveDate],
) -> Option<(NaiveDate, usize)> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let in_days = |days: u64| today.checked_add_days(Days::new(days));
    match (word(0), word(1), word(2)) {
        ("hoje", ..) => return Some((today, 1)),
        ("depois", "de", "amanha") => return Some((in_days(2)?, 3)),
        ("depois", "d", "amanha") => return Some((in_days(2)?, 3)),
        ("amanha", ..) => return Some((in_days(1)?, 1)),
        ("segunda", "opcao" | "alternativa", _) => return None,
        _ => {}
    }
    if let Some(weekday) = weekday(word(0), !has_preceding_word && words.len() == 1) {
        let is_that_weekday = |day: &NaiveDate| day.weekday() == weekday;
        let day = offered.iter().copied().find(|day| *day >= today && is_that_weekday(day));
        let consumed = 1 + usize::from(word(1) == "feira");
        return Some((day.or_else(|| today.iter_days().take(7).find(is_that_weekday))?, consumed));
    }
    if let Some(day) = numeric_date(word(0), today, horizon) {
        return Some((day, 1));
    }
    let (number, consumed) = match word(0) {
        "dia" => (short_number(word(1))?, 2),
        first => (short_number(first)?, 1),
    };
    if let ("de", Some(month)) = (word(consumed), month(word(consumed + 1))) {
        return Some((next_date(number, month, today, horizon)?, consumed + 2));
    }
    (consumed == 2).then(|| day_of_month(number, today)).flatten().map(|day| (day, 2))
}

fn weekday(word: &str, alone: bool) -> Option<Weekday> {
    Some(match word {
        "segunda" => Weekday::Mon,
        "terca" => Weekday::Tue,
        "quarta" => Weekday::Wed,
        "quinta" => Weekday::Thu,
        "sexta" => Weekday::Fri,
        "sabado" => Weekday::Sat,
        "domingo" => Weekday::Sun,
        "seg" if alone => Weekday::Mon,
        "ter" if alone => Weekday::Tue,
        "qua" if alone => Weekday::Wed,
        "qui" if alone => Weekday::Thu,
        "sex" if alone => Weekday::Fri,
        "sab" if alone => Weekday::Sat,
        "dom" if alone => Weekday::Sun,
        _ => return None,
    })
}

fn month(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "janeiro",
        "fevereiro",
        "marco",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ];
    let index =
        MONTHS.iter().position(|month| *month == word || (word.len() == 3 && month.starts_with(word)))?;
    u32::try_from(index + 1).ok()
}

/// `16/02`, `16-2`, `16.02.2026`.
fn numeric_date(word: &str, today: NaiveDate, horizon: NaiveDate) -> Option<NaiveDate> {
    let parts: Vec<&str> = word.split(['/', '-', '.']).collect();
    let (day, month) = (short_number(parts.first()?)?, short_number(parts.get(1)?)?);
    match parts.as_slice() {
        [_, _] => next_date(day, month, today, horizon),
        [_, _, year] => {
            let year: i32 = year.parse().ok()?;
            let year = if (0..100).contains(&year) { 2000 + year } else { year };
            NaiveDate::from_ymd_opt(year, month, day).filter(|date| is_accepted(*date))
        }
        _ => None,
    }
}

/// The date in this year; in the next year if it is past and that date can be booked.
fn next_date(day: u32, month: u32, today: NaiveDate, horizon: NaiveDate) -> Option<NaiveDate> {
    let in_year = |year: i32| NaiveDate::from_ymd_opt(year, month, day);
    let next = in_year(today.year() + 1);
    match in_year(today.year()) {
        Some(date) if date >= today => Some(date),
        Some(date) => Some(next.filter(|next| *next <= horizon).unwrap_or(date)),
        None => next,
    }
}

fn read_hour(words: &[String], preceding_word: Option<&String>) -> Option<(NaiveTime, usize)> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let (hour, mut minute, mut consumed) = match (word(0), word(1)) {
        ("meio", "dia") => (12, 0, 2),
        ("meiodia", _) => (12, 0, 1),
        (first, second) => {
            let follows_preposition = preceding_word
                .is_some_and(|preceding_word| matches!(preceding_word.as_str(), "as" | "umas" | "pelas"));
            match clock_time(first) {
                Some((hour, minute)) => (hour, minute, 1),
                None if matches!(second, "h" | "hs" | "hrs" | "hora" | "horas") => {
                    (short_number(first)?, 0, 2)
                }
                None if follows_preposition => (short_number(first)?, 0, 1),
                None if matches!(second, "da") && matches!(word(2), "manha" | "tarde" | "noite") => {
                    (short_number(first)?, 0, 1)
                }
                None => return None,
            }
        }
    };
    if (word(consumed), word(consumed + 1)) == ("e", "meia") {
        (minute, consumed) = (30, consumed + 2);
    }
    let afternoon = word(consumed) == "da" && matches!(word(consumed + 1), "tarde" | "noite");
    let hour = if afternoon && hour < 12 { hour + 12 } else { hour };
    Some((NaiveTime::from_hms_opt(hour, minute, 0)?, consumed))
}

/// `16h`, `16h30`, `16h30min`, `16hs`, `16:30`, `16:30h`.
fn clock_time(word: &str) -> Option<(u32, u32)> {
    let (hour, minute) = word.split_once([':', 'h'])?;
    let minute =
        minute.trim_end_matches("min").trim_matches(|c| matches!(c, 'h' | 's' | 'r' | 'm' | 'o' | 'a'));
    let minute = if minute.is_empty() { 0 } else { short_number(minute).filter(|_| minute.len() == 2)? };
    Some((short_number(hour)?, minute))
}

/// A number of one or two digits.
fn short_number(word: &str) -> Option<u32> {
    ((1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit()))
        .then(|| word.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Today is Saturday, 2026-02-14. Offered are Monday 16, Friday 20 and Friday 27.
    fn check(text: &str, days: &[&str], hours: &[&str]) {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let offered = [date("2026-02-16"), date("2026-02-20"), date("2026-02-27")];
        let when = read(text, date("2026-02-14"), date("2026-04-15"), &offered);
        let expected = When {
            days: days.iter().map(|day| date(day)).collect(),
            hours: hours
                .iter()
                .map(|hour| NaiveTime::parse_from_str(hour, "%H:%M").expect("an hour"))
                .collect(),
        };
        assert_eq!(when, expected, "{text:?}");
    }

    #[test]
    fn days_are_read_in_words() {
        check("hoje", &["2026-02-14"], &[]);
        check("Amanhã", &["2026-02-15"], &[]);
        check("depois de amanhã", &["2026-02-16"], &[]);
        check("sexta", &["2026-02-20"], &[]);
        check("na sexta-feira, por favor", &["2026-02-20"], &[]);
        check("SEGUNDA FEIRA", &["2026-02-16"], &[]);
        check("terça", &["2026-02-17"], &[]);
        check("sáb", &["2026-02-14"], &[]);
        check("pode ser qui", &[], &[]);
        check("segunda ou sexta", &["2026-02-16", "2026-02-20"], &[]);
        check("segunda opção", &[], &[]);
        check("prefiro terça", &["2026-02-17"], &[]);
    }

    #[test]
    fn dates_are_read_in_figures() {
        check("16/02", &["2026-02-16"], &[]);
        check("dia 16", &["2026-02-16"], &[]);
        check("dia 10", &["2026-03-10"], &[]);
        check("16-2", &["2026-02-16"], &[]);
        check("16.02.2026", &["2026-02-16"], &[]);
        check("16/02/26", &["2026-02-16"], &[]);
        check("3 de março", &["2026-03-03"], &[]);
        check("dia 3 de mar", &["2026-03-03"], &[]);
        check("01/02", &["2026-02-01"], &[]);
        check("31/02", &[], &[]);
        check("29/02/2028", &["2028-02-29"], &[]);
        check("16/02/2101", &[], &[]);
        check("16/02/1999", &[], &[]);
        check("16/02/262142", &[], &[]);
        check("16/02/99999999999", &[], &[]);
        check("99/99", &[], &[]);
        check("16", &[], &[]);
        check("dia 99", &[], &[]);
    }

    #[test]
    fn hours_are_read_in_figures_and_words() {
        check("16h", &[], &["16:00"]);
        check("16h30", &[], &["16:30"]);
        check("16:30", &[], &["16:30"]);
        check("às 16", &[], &["16:00"]);
        check("16 horas", &[], &["16:00"]);
        check("16h20min", &[], &["16:20"]);
        check("9hs", &[], &["09:00"]);
        check("9 e meia", &[], &[]);
        check("9h e meia", &[], &["09:30"]);
        check("3 da tarde", &[], &["15:00"]);
        check("meio-dia", &[], &["12:00"]);
        check("25h", &[], &[]);
        check("16:3", &[], &[]);
        check("hoje", &["2026-02-14"], &[]);
        check("sexta às 16h20", &["2026-02-20"], &["16:20"]);
        check("dia 16 às 9", &["2026-02-16"], &["09:00"]);
        check("9h ou 10h", &[], &["09:00", "10:00"]);
    }

    #[test]
    fn a_past_date_means_next_year_when_that_can_be_booked() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let when = read("05/01", date("2026-12-20"), date("2027-02-18"), &[]);
        assert_eq!(when.days, [date("2027-01-05")]);
    }
}
