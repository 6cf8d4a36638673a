//! Days and hours as patients write them: "amanhã", "sexta", "16/02", "dia 16", "16h30".

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};

use crate::domain::text_normalize::normalize;

/// What a text says about when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Days named, in order, each once.
    pub days: Vec<NaiveDate>,
    /// Hours named, in order, each once.
    pub hours: Vec<NaiveTime>,
}

/// Reads days and hours. A weekday is the nearest of those offered, else the next in the
/// calendar; a date without a year is the next to come, unless that is beyond `horizon`.
pub fn read(text: &str, today: NaiveDate, horizon: NaiveDate, offered: &[NaiveDate]) -> When {
    let words = words_of(text);
    let mut when = When::default();
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        let found = read_day(rest, at > 0, today, horizon, offered)
            .map(|(day, used)| (Some(day), None, used))
            .or_else(|| read_hour(rest, words[..at].last()).map(|(hour, used)| (None, Some(hour), used)));
        let (day, hour, used) = found.unwrap_or((None, None, 1));
        if let Some(day) = day.filter(|day| !when.days.contains(day)) {
            when.days.push(day);
        }
        if let Some(hour) = hour.filter(|hour| !when.hours.contains(hour)) {
            when.hours.push(hour);
        }
        at += used;
    }
    when
}

/// The next day with this number in its month, today included.
pub fn day_of_month(number: u32, today: NaiveDate) -> Option<NaiveDate> {
    today.iter_days().take(62).find(|day| day.day() == number)
}

/// Words in lower case without accents; figures keep what joins them (`16/02`, `16:30`).
fn words_of(text: &str) -> Vec<String> {
    let pieces =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '!' | '?' | '(' | ')' | '*'));
    pieces
        .flat_map(|piece| {
            let piece = piece.trim_matches(|c: char| !c.is_alphanumeric());
            let figures = piece.starts_with(|c: char| c.is_ascii_digit());
            if figures && piece.contains(['/', ':', '.', '-']) {
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
    follows: bool,
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
    if let Some(weekday) = weekday(word(0), !follows && words.len() == 1) {
        let is_it = |day: &NaiveDate| day.weekday() == weekday;
        let day = offered.iter().copied().find(|day| *day >= today && is_it(day));
        let used = 1 + usize::from(word(1) == "feira");
        return Some((day.or_else(|| today.iter_days().take(7).find(is_it))?, used));
    }
    if let Some(day) = dated(word(0), today, horizon) {
        return Some((day, 1));
    }
    let (number, used) = match word(0) {
        "dia" => (figure(word(1))?, 2),
        first => (figure(first)?, 1),
    };
    if let ("de", Some(month)) = (word(used), month(word(used + 1))) {
        return Some((next_date(number, month, today, horizon)?, used + 2));
    }
    (used == 2).then(|| day_of_month(number, today)).flatten().map(|day| (day, 2))
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
fn dated(word: &str, today: NaiveDate, horizon: NaiveDate) -> Option<NaiveDate> {
    let parts: Vec<&str> = word.split(['/', '-', '.']).collect();
    let (day, month) = (figure(parts.first()?)?, figure(parts.get(1)?)?);
    match parts.as_slice() {
        [_, _] => next_date(day, month, today, horizon),
        [_, _, year] => {
            let year: i32 = year.parse().ok()?;
            NaiveDate::from_ymd_opt(if year < 100 { 2000 + year } else { year }, month, day)
        }
        _ => None,
    }
}

/// The date in this year; in the next one if it is over and the next can be booked.
fn next_date(day: u32, month: u32, today: NaiveDate, horizon: NaiveDate) -> Option<NaiveDate> {
    let in_year = |year: i32| NaiveDate::from_ymd_opt(year, month, day);
    let next = in_year(today.year() + 1);
    match in_year(today.year()) {
        Some(date) if date >= today => Some(date),
        Some(date) => Some(next.filter(|next| *next <= horizon).unwrap_or(date)),
        None => next,
    }
}

fn read_hour(words: &[String], before: Option<&String>) -> Option<(NaiveTime, usize)> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let (hour, mut minute, mut used) = match (word(0), word(1)) {
        ("meio", "dia") => (12, 0, 2),
        ("meiodia", _) => (12, 0, 1),
        (first, second) => {
            let after_at = before.is_some_and(|before| matches!(before.as_str(), "as" | "umas" | "pelas"));
            match clock(first) {
                Some((hour, minute)) => (hour, minute, 1),
                None if matches!(second, "h" | "hs" | "hrs" | "hora" | "horas") => (figure(first)?, 0, 2),
                None if after_at => (figure(first)?, 0, 1),
                None if matches!(second, "da") && matches!(word(2), "manha" | "tarde" | "noite") => {
                    (figure(first)?, 0, 1)
                }
                None => return None,
            }
        }
    };
    if (word(used), word(used + 1)) == ("e", "meia") {
        (minute, used) = (30, used + 2);
    }
    let afternoon = word(used) == "da" && matches!(word(used + 1), "tarde" | "noite");
    let hour = if afternoon && hour < 12 { hour + 12 } else { hour };
    Some((NaiveTime::from_hms_opt(hour, minute, 0)?, used))
}

/// `16h`, `16h30`, `16h30min`, `16hs`, `16:30`, `16:30h`.
fn clock(word: &str) -> Option<(u32, u32)> {
    let (hour, minute) = word.split_once([':', 'h'])?;
    let minute =
        minute.trim_end_matches("min").trim_matches(|c| matches!(c, 'h' | 's' | 'r' | 'm' | 'o' | 'a'));
    let minute = if minute.is_empty() { 0 } else { figure(minute).filter(|_| minute.len() == 2)? };
    Some((figure(hour)?, minute))
}

/// One or two figures.
fn figure(word: &str) -> Option<u32> {
    ((1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit()))
        .then(|| word.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 14 February 2026; Monday 16 and Friday 20 are offered, and the Friday after.
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
    fn days_in_words() {
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
    fn dates_in_figures() {
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
        check("99/99", &[], &[]);
        check("16", &[], &[]);
        check("dia 99", &[], &[]);
    }

    #[test]
    fn hours() {
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
    fn a_date_that_is_over_is_next_year_s_where_that_can_be_booked() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let when = read("05/01", date("2026-12-20"), date("2027-02-18"), &[]);
        assert_eq!(when.days, [date("2027-01-05")]);
    }
}
