//! Half-open stretches of the wall clock as plain numbers, which is what makes the search fast.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::domain::time::Span;

/// `[start, end)` in seconds of the wall clock: since 1970 for a moment, since midnight for a
/// time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Stretch {
    /// Between two times of a day.
    pub(super) fn of_day(start: NaiveTime, end: NaiveTime) -> Self {
        Self { start: start.num_seconds_from_midnight().into(), end: end.num_seconds_from_midnight().into() }
    }

    pub(super) fn length(self) -> i64 {
        self.end - self.start
    }

    pub(super) fn moved_by(self, seconds: i64) -> Self {
        Self { start: self.start + seconds, end: self.end + seconds }
    }

    /// As the rest of the product writes it; `None` beyond the calendar's ends.
    pub(super) fn span(self) -> Option<Span> {
        let moment = |seconds| DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc());
        Some(Span { start: moment(self.start)?, end: moment(self.end)? })
    }
}

impl From<Span> for Stretch {
    /// Grown to whole seconds.
    fn from(span: Span) -> Self {
        Self { start: span.start.and_utc().timestamp(), end: seconds_from(span.end) }
    }
}

/// The first whole second that is not before `moment`.
pub(super) fn seconds_from(moment: NaiveDateTime) -> i64 {
    moment.and_utc().timestamp() + i64::from(moment.nanosecond() > 0)
}

/// Seconds at which a day starts.
pub(super) fn midnight(date: NaiveDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// Puts stretches in order, makes one of those that touch or overlap, and drops empty ones.
pub(super) fn merge(stretches: &mut Vec<Stretch>) {
    stretches.retain(|stretch| stretch.length() > 0);
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    stretches.dedup_by(|next, kept| {
        let touches = next.start <= kept.end;
        if touches {
            kept.end = kept.end.max(next.end);
        }
        touches
    });
}

/// Cuts `hole` out of stretches that are in order.
pub(super) fn cut(stretches: &mut Vec<Stretch>, hole: Stretch) {
    if hole.length() <= 0 {
        return;
    }
    for i in (0..stretches.len()).rev() {
        let whole = stretches[i];
        if hole.start >= whole.end || hole.end <= whole.start {
            continue;
        }
        let left = Stretch { start: whole.start, end: hole.start };
        let right = Stretch { start: hole.end, end: whole.end };
        let kept = [left, right].into_iter().filter(|part| part.length() > 0);
        stretches.splice(i..=i, kept);
    }
}
