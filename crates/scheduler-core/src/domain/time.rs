//! Conversion between a clinic's wall clock and instants (`docs/rules/agenda.md#time-zones`). Nothing here
//! panics: a sum beyond the moments that chrono knows is the last or the first of them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::interval::Interval;

/// The start of an appointment on the clinic's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names explain themselves")]
pub struct Slot {
    #[serde(deserialize_with = "super::date_limits::stored_date")]
    pub date: NaiveDate,
    #[serde(with = "hour_minute")]
    pub time: NaiveTime,
}

impl Slot {
    /// Date and time together.
    pub fn at(self) -> NaiveDateTime {
        self.date.and_time(self.time)
    }
}

/// What the wall clock of `timezone` shows at an instant.
pub fn wall_clock_at(now: DateTime<Utc>, timezone: Tz) -> NaiveDateTime {
    let utc = now.naive_utc();
    shifted(utc, offset(utc, timezone))
}

/// The instant after `at` by this time.
pub fn later(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    shifted(at.naive_utc(), by).and_utc()
}

/// Whole seconds from `since` to `now`; 0 if `now` is not later.
pub fn seconds_between(since: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    u32::try_from((now - since).num_seconds().max(0)).unwrap_or(u32::MAX)
}

/// The instant at which the wall clock shows `wall`. A time that the clock skips means the next one that
/// exists; a time that occurs twice means the first.
pub fn wall_clock_to_utc(wall: NaiveDateTime, timezone: Tz) -> DateTime<Utc> {
    let (from, until) = (shifted(wall, -MAX_UTC_OFFSET), shifted(wall, MAX_UTC_OFFSET));
    let (before, after) = (offset(from, timezone), offset(until, timezone));
    let with_old_offset = shifted(wall, -before);
    if before == after {
        return with_old_offset.and_utc();
    }
    let change = change_between(from, until, timezone);
    let utc = if with_old_offset < change { with_old_offset } else { shifted(wall, -after).max(change) };
    utc.and_utc()
}

/// The first wall-clock time that [`wall_clock_to_utc`] turns into `instant` or a later instant. If `instant`
/// is in the second pass of an hour that clocks repeat, this is the end of that hour.
pub fn first_wall_clock_from(instant: DateTime<Utc>, timezone: Tz) -> NaiveDateTime {
    let wall = wall_clock_at(instant, timezone);
    if wall_clock_to_utc(wall, timezone) >= instant {
        return wall;
    }
    let (from, until) = (shifted(wall, -MAX_UTC_OFFSET), shifted(wall, MAX_UTC_OFFSET));
    shifted(change_between(from, until, timezone), offset(from, timezone))
}

/// The wall-clock times that are skipped on or near `date` because clocks are put forward.
pub fn skipped_times_near(date: NaiveDate, timezone: Tz) -> Option<Interval<NaiveDateTime>> {
    let midnight = date.and_time(NaiveTime::MIN);
    let (from, until) = (shifted(midnight, -MAX_UTC_OFFSET), shifted(midnight, MAX_UTC_OFFSET + DAY));
    let (before, after) = (offset(from, timezone), offset(until, timezone));
    (before < after).then(|| {
        let change = change_between(from, until, timezone);
        Interval { start: shifted(change, before), end: shifted(change, after) }
    })
}

/// More than any zone's offset from UTC (the largest is 14 hours, in Kiribati).
const MAX_UTC_OFFSET: TimeDelta = TimeDelta::hours(15);
const DAY: TimeDelta = TimeDelta::hours(24);

fn offset(utc: NaiveDateTime, timezone: Tz) -> TimeDelta {
    TimeDelta::seconds(timezone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into())
}

fn shifted(at: NaiveDateTime, by: TimeDelta) -> NaiveDateTime {
    let limit = if by < TimeDelta::zero() { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
    at.checked_add_signed(by).unwrap_or(limit)
}

/// The instant (UTC) between `from` and `until` at which the offset changes, by binary search.
fn change_between(from: NaiveDateTime, until: NaiveDateTime, timezone: Tz) -> NaiveDateTime {
    let (old, mut before, mut after) = (offset(from, timezone), from, until);
    while (after - before).num_seconds() > 1 {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if offset(middle, timezone) == old {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

/// Formats a date as `16/02/2026`.
pub fn format_date(date: NaiveDate) -> String {
    date.format("%d/%m/%Y").to_string()
}

/// JSON Schema of a time of day in the form `HH:MM`.
#[cfg(feature = "openapi")]
pub enum HourMinute {}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for HourMinute {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HourMinute".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
    }
}

/// Serde format of a time of day: `HH:MM`, in the API and in storage.
pub mod hour_minute {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes `HH:MM`.
    pub fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.format("%H:%M"))
    }

    /// Reads `HH:MM`.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(from)?;
        NaiveTime::parse_from_str(&text, "%H:%M").map_err(D::Error::custom)
    }
}

/// Serde format of an optional time of day: `HH:MM` or null.
pub mod hour_minute_option {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes `HH:MM` or null.
    pub fn serialize<S: Serializer>(time: &Option<NaiveTime>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::hour_minute::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    /// Reads `HH:MM` or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveTime>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| NaiveTime::parse_from_str(&text, "%H:%M").map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::{Manaus, New_York, Noronha, Rio_Branco, Sao_Paulo};
    use chrono_tz::Pacific::Apia;

    use super::*;

    fn wall(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a wall-clock time")
    }

    #[test]
    fn every_wall_clock_time_resolves_to_one_instant() {
        let check = |zone: Tz, text: &str, utc: &str| {
            assert_eq!(wall_clock_to_utc(wall(text), zone), wall(utc).and_utc(), "{zone} {text}");
        };
        check(Sao_Paulo, "2026-02-16 09:00", "2026-02-16 12:00");
        check(Manaus, "2026-02-16 09:00", "2026-02-16 13:00");
        check(Rio_Branco, "2026-02-16 09:00", "2026-02-16 14:00");
        check(Noronha, "2026-02-16 09:00", "2026-02-16 11:00");
        check(Sao_Paulo, "2028-02-29 09:00", "2028-02-29 12:00");
        // A day without midnight: clocks skip 00:00 to 01:00.
        check(Sao_Paulo, "2018-11-03 23:59", "2018-11-04 02:59");
        check(Sao_Paulo, "2018-11-04 00:00", "2018-11-04 03:00");
        check(Sao_Paulo, "2018-11-04 00:30", "2018-11-04 03:00");
        check(Sao_Paulo, "2018-11-04 01:00", "2018-11-04 03:00");
        check(Sao_Paulo, "2018-11-04 01:30", "2018-11-04 03:30");
        check(Sao_Paulo, "2018-11-05 09:00", "2018-11-05 11:00");
        // A day of 25 hours: 23:00 to 24:00 occur twice.
        check(Sao_Paulo, "2018-02-17 22:59", "2018-02-18 00:59");
        check(Sao_Paulo, "2018-02-17 23:00", "2018-02-18 01:00");
        check(Sao_Paulo, "2018-02-17 23:30", "2018-02-18 01:30");
        check(Sao_Paulo, "2018-02-18 00:00", "2018-02-18 03:00");
        // Rio Branco used UTC-4 for five years, and UTC-5 before and after.
        check(Rio_Branco, "2008-06-24 00:30", "2008-06-24 05:00");
        check(Rio_Branco, "2013-11-09 23:30", "2013-11-10 03:30");
        check(New_York, "2026-03-08 02:30", "2026-03-08 07:00");
        check(New_York, "2026-11-01 01:30", "2026-11-01 05:30");
        // Samoa skipped the whole of 2011-12-30.
        check(Apia, "2011-12-30 12:00", "2011-12-30 10:00");
    }

    #[test]
    fn a_time_that_exists_resolves_as_in_chrono() {
        for zone in [Sao_Paulo, Manaus, Rio_Branco, Noronha, New_York] {
            let mut at = wall("2017-10-01 00:00");
            while at < wall("2019-03-01 00:00") {
                let expected = zone.from_local_datetime(&at).earliest();
                if let Some(expected) = expected {
                    assert_eq!(wall_clock_to_utc(at, zone), expected, "{zone} {at}");
                }
                at += TimeDelta::minutes(30);
            }
        }
    }

    #[test]
    fn first_wall_clock_from_never_returns_a_time_before_the_instant() {
        let check = |zone: Tz, utc: &str, expected: &str| {
            assert_eq!(first_wall_clock_from(wall(utc).and_utc(), zone), wall(expected), "{zone} {utc}");
        };
        check(Sao_Paulo, "2026-02-16 12:00", "2026-02-16 09:00");
        check(Sao_Paulo, "2018-11-04 02:59", "2018-11-03 23:59");
        check(Sao_Paulo, "2018-11-04 03:00", "2018-11-04 01:00");
        check(Sao_Paulo, "2018-02-18 01:30", "2018-02-17 23:30");
        check(Sao_Paulo, "2018-02-18 02:00", "2018-02-18 00:00");
        check(Sao_Paulo, "2018-02-18 02:30", "2018-02-18 00:00");
        check(Sao_Paulo, "2018-02-18 03:00", "2018-02-18 00:00");
    }

    #[test]
    fn no_moment_is_too_early_or_too_late_to_be_converted() {
        for zone in [Sao_Paulo, Manaus, New_York, Apia] {
            for wall in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
                let instant = wall_clock_to_utc(wall, zone);
                wall_clock_at(wall.and_utc(), zone);
                first_wall_clock_from(wall.and_utc(), zone);
                assert_eq!(skipped_times_near(wall.date(), zone), None, "{zone} {wall}");
                assert!((instant.naive_utc() - wall).abs() < MAX_UTC_OFFSET, "{zone} {wall}: {instant}");
            }
        }
        assert_eq!(later(DateTime::<Utc>::MAX_UTC, DAY), DateTime::<Utc>::MAX_UTC);
        assert_eq!(later(wall("2026-02-16 09:00").and_utc(), DAY), wall("2026-02-17 09:00").and_utc());
    }

    #[test]
    fn a_stored_slot_outside_the_limits_is_not_read() {
        let read = |date: &str| {
            serde_json::from_value::<Slot>(serde_json::json!({ "date": date, "time": "09:00" })).ok()
        };
        assert!(read("2026-02-16").is_some());
        for date in ["+262142-12-31", "+10000-01-01", "1999-12-31", "2101-01-01"] {
            assert_eq!(read(date), None, "{date}");
        }
    }

    #[test]
    fn the_times_that_clocks_skip_are_found() {
        let check = |zone: Tz, date: &str, expected: Option<(&str, &str)>| {
            let date = date.parse().expect("a date");
            let expected = expected.map(|(start, end)| Interval { start: wall(start), end: wall(end) });
            assert_eq!(skipped_times_near(date, zone), expected, "{zone} {date}");
        };
        let skipped = Some(("2018-11-04 00:00", "2018-11-04 01:00"));
        check(Sao_Paulo, "2018-11-04", skipped);
        check(Sao_Paulo, "2018-11-06", None);
        check(Sao_Paulo, "2018-02-17", None);
        check(Sao_Paulo, "2028-02-29", None);
        check(Manaus, "2018-11-04", None);
        check(Noronha, "2018-11-04", None);
        check(Rio_Branco, "2008-06-24", Some(("2008-06-24 00:00", "2008-06-24 01:00")));
        check(Rio_Branco, "2013-11-10", None);
        check(New_York, "2026-03-08", Some(("2026-03-08 02:00", "2026-03-08 03:00")));
        check(Apia, "2011-12-30", Some(("2011-12-30 00:00", "2011-12-31 00:00")));
    }
}
