//! Wall clocks, half-open spans, and how both are written.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A start of a visit on the clinic's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// The day.
    pub date: NaiveDate,
    /// The start.
    #[serde(with = "hour_minute")]
    pub time: NaiveTime,
}

impl Slot {
    /// The slot as one wall-clock moment.
    pub fn at(self) -> NaiveDateTime {
        self.date.and_time(self.time)
    }
}

/// `[start, end)` on the clinic's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Included.
    pub start: NaiveDateTime,
    /// Excluded.
    pub end: NaiveDateTime,
}

impl Span {
    /// Whether the two share an instant.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Its length.
    pub fn length(self) -> TimeDelta {
        self.end - self.start
    }
}

/// The clinic's wall clock at an instant.
pub fn local(now: DateTime<Utc>, timezone: Tz) -> NaiveDateTime {
    now.with_timezone(&timezone).naive_local()
}

/// `HH:MM`, as every API and stored form writes a time of day.
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

/// `HH:MM` or null.
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
