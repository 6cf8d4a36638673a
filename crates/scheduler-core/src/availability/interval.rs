//! Intervals of the wall clock, in seconds.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::domain::interval::Interval;

/// An interval in seconds of the wall clock: since 1970 for moments, since midnight for times of day.
/// Integers make the search for slots fast.
pub(super) type SecondsInterval = Interval<i64>;

impl Interval<i64> {
    /// From one time of day to another, in seconds since midnight.
    pub(super) fn of_day(start: NaiveTime, end: NaiveTime) -> Self {
        Self { start: start.num_seconds_from_midnight().into(), end: end.num_seconds_from_midnight().into() }
    }

    pub(super) fn shifted(self, seconds: i64) -> Self {
        Self { start: self.start + seconds, end: self.end + seconds }
    }

    /// Converts to wall-clock moments. `None` if one is out of chrono's range.
    pub(super) fn moments(self) -> Option<Interval<NaiveDateTime>> {
        let moment = |seconds| DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc());
        Some(Interval { start: moment(self.start)?, end: moment(self.end)? })
    }
}

impl From<Interval<NaiveDateTime>> for SecondsInterval {
    /// Rounds the end up to a whole second, so that the result covers the interval.
    fn from(interval: Interval<NaiveDateTime>) -> Self {
        Self { start: interval.start.and_utc().timestamp(), end: seconds_from(interval.end) }
    }
}

/// The first whole second at or after `moment`.
pub(super) fn seconds_from(moment: NaiveDateTime) -> i64 {
    moment.and_utc().timestamp() + i64::from(moment.nanosecond() > 0)
}

/// The second at which a day starts on the wall clock, since 1970.
pub(super) fn midnight(date: NaiveDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// Sorts intervals, merges those that touch or overlap, and drops empty ones.
pub(super) fn merge(intervals: &mut Vec<SecondsInterval>) {
    intervals.retain(|interval| interval.length() > 0);
    intervals.sort_unstable_by_key(|interval| interval.start);
    intervals.dedup_by(|next, kept| {
        let touches = next.start <= kept.end;
        if touches {
            kept.end = kept.end.max(next.end);
        }
        touches
    });
}

/// Removes `hole` from sorted intervals.
pub(super) fn cut(intervals: &mut Vec<SecondsInterval>, hole: SecondsInterval) {
    if hole.length() <= 0 {
        return;
    }
    for i in (0..intervals.len()).rev() {
        let interval = intervals[i];
        if !interval.overlaps(hole) {
            continue;
        }
        let left = SecondsInterval { start: interval.start, end: hole.start };
        let right = SecondsInterval { start: hole.end, end: interval.end };
        let kept = [left, right].into_iter().filter(|part| part.length() > 0);
        intervals.splice(i..=i, kept);
    }
}
