//! When an appointment can start (`docs/rules/agenda.md#slots`): the opening windows of a day minus the busy
//! time, divided into slots. Pure functions.

mod interval;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use self::interval::{SecondsInterval, cut, merge, midnight, seconds_from};
use crate::domain::clinic::{AvailabilityException, AvailabilityRule, BusinessHours, DayName, ExceptionType};
use crate::domain::interval::Interval;
use crate::domain::time::{Slot, skipped_times_near};

/// The data that determines the free time in a range of days. One SQL statement loads it, and
/// [`Calendar::new`] prepares it for many searches.
#[derive(Debug, Clone)]
pub struct Calendar {
    timezone: Tz,
    /// Opening windows by weekday, Sunday first, in seconds since midnight.
    week: [Vec<SecondsInterval>; 7],
    /// Active exceptions, sorted by date.
    exceptions: Vec<AvailabilityException>,
    /// Occupied intervals in order, merged where they touch.
    busy: Vec<SecondsInterval>,
}

/// Duration of the requested appointment, and the earliest start to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRequest {
    /// Duration in minutes.
    pub minutes: i32,
    /// Minutes to keep free after the appointment.
    pub buffer_minutes: i32,
    /// Earliest start, on the clinic's wall clock: now plus the clinic's minimum notice.
    pub not_before: NaiveDateTime,
}

/// Whether a clinic is open, and when it opens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStatus {
    /// Whether the clinic is open.
    pub open: bool,
    /// Next opening on the clinic's wall clock; `None` if there is none within the searched days.
    pub next: Option<NaiveDateTime>,
}

impl Calendar {
    /// Prepares a calendar. Inactive `rules` and `exceptions` are ignored. `business_hours` apply only if no
    /// rule is active. `busy` holds the interval `[start, end + buffer)` of each appointment, in any order.
    /// `timezone` determines which wall-clock times do not exist.
    pub fn new(
        timezone: Tz,
        rules: Vec<AvailabilityRule>,
        business_hours: BusinessHours,
        mut exceptions: Vec<AvailabilityException>,
        busy: Vec<Interval<NaiveDateTime>>,
    ) -> Self {
        exceptions.retain(|exception| exception.active);
        exceptions.sort_by_key(|exception| exception.exception_date);
        let mut busy: Vec<SecondsInterval> = busy.into_iter().map(SecondsInterval::from).collect();
        merge(&mut busy);
        Self { timezone, week: week_of(&rules, &business_hours), exceptions, busy }
    }

    /// Opening windows of a day after its exceptions, in order and merged where they touch. Wall-clock times
    /// that do not exist are left out.
    pub fn windows(&self, date: NaiveDate) -> Vec<Interval<NaiveDateTime>> {
        let mut open = Vec::new();
        self.open_on(date, &mut open);
        open.into_iter().filter_map(SecondsInterval::moments).collect()
    }

    /// Free slots of a day, in order. In each free gap they start at the beginning of the gap and repeat
    /// every duration plus buffer.
    pub fn slots(&self, date: NaiveDate, slot_request: SlotRequest) -> Vec<Slot> {
        let (mut open, mut slots) = (Vec::new(), Vec::new());
        self.each_start(date, slot_request, &mut open, |start| {
            let time = u32::try_from(start - midnight(date))
                .ok()
                .and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0));
            slots.extend(time.map(|time| Slot { date, time }));
            true
        });
        slots
    }

    /// Days from `from` to `until`, inclusive, with at least one free slot, in order.
    pub fn days(&self, from: NaiveDate, until: NaiveDate, slot_request: SlotRequest) -> Vec<NaiveDate> {
        let mut open = Vec::new();
        from.iter_days()
            .take_while(|&date| date <= until)
            .filter(|&date| {
                let mut any = false;
                self.each_start(date, slot_request, &mut open, |_| {
                    any = true;
                    false
                });
                any
            })
            .collect()
    }

    /// Up to `count` free slots near a slot that was taken, in order: the nearest ones of the same day, then
    /// the first ones of the following days, up to and including `until`.
    pub fn nearest(
        &self,
        taken: Slot,
        until: NaiveDate,
        slot_request: SlotRequest,
        count: usize,
    ) -> Vec<Slot> {
        let mut nearest = self.slots(taken.date, slot_request);
        nearest.sort_by_key(|slot| (slot.time - taken.time).abs());
        nearest.truncate(count);
        nearest.sort();
        let days_after = taken.date.iter_days().skip(1).take_while(|&date| date <= until);
        for date in days_after {
            if nearest.len() == count {
                break;
            }
            nearest.extend(self.slots(date, slot_request).into_iter().take(count - nearest.len()));
        }
        nearest
    }

    /// Whether an appointment can start at `slot`, on the grid or not: it must be inside one window and not
    /// start before `not_before`. With its buffer it must overlap no busy interval.
    pub fn fits(&self, slot: Slot, slot_request: SlotRequest) -> bool {
        let Some(appointment) = SlotLength::of(slot_request) else { return false };
        let start = slot.at().and_utc().timestamp();
        let end = start + appointment.seconds;
        let mut open = Vec::new();
        self.open_on(slot.date, &mut open);
        slot.at() >= slot_request.not_before
            && open.iter().any(|window| window.covers(SecondsInterval { start, end }))
            && self.busy_from(start).first().is_none_or(|busy| busy.start >= start + appointment.step)
    }

    /// Whether the clinic is open at a wall-clock moment, and when it opens next, up to and including the
    /// day `until`.
    pub fn opening(&self, at: NaiveDateTime, until: NaiveDate) -> OpenStatus {
        let mut days = at.date().iter_days().take_while(|&date| date <= until);
        OpenStatus {
            open: self.windows(at.date()).iter().any(|window| window.contains(at)),
            next: days.find_map(|date| {
                self.windows(date).into_iter().map(|window| window.start).find(|&start| start > at)
            }),
        }
    }

    /// Whether any weekday or exception has a window of at least `minutes`.
    pub fn has_room_for(&self, minutes: i32) -> bool {
        let special = self
            .exceptions
            .chunk_by(|one, other| one.exception_date == other.exception_date)
            .filter_map(special_hours);
        let longest = self.week.iter().cloned().chain(special).flatten().map(SecondsInterval::length).max();
        longest.is_some_and(|longest| longest >= i64::from(minutes) * 60)
    }

    /// Fills `open` with the opening windows of a day, in seconds since 1970.
    fn open_on(&self, date: NaiveDate, open: &mut Vec<SecondsInterval>) {
        open.clear();
        let first = self.exceptions.partition_point(|exception| exception.exception_date < date);
        let of_day = &self.exceptions[first..];
        let last = of_day.partition_point(|exception| exception.exception_date == date);
        let of_day = &of_day[..last];
        match special_hours(of_day) {
            Some(special) => open.extend(special),
            None => open.extend(&self.week[date.weekday().num_days_from_sunday() as usize]),
        }
        for exception in of_day.iter().filter(|e| e.exception_type == ExceptionType::Blocked) {
            let start = exception.start_time.unwrap_or(NaiveTime::MIN);
            let blocked = match exception.end_time {
                Some(end) => SecondsInterval::of_day(start, end),
                None => SecondsInterval { end: SECONDS_PER_DAY, ..SecondsInterval::of_day(start, start) },
            };
            cut(open, blocked);
        }
        if open.is_empty() {
            return;
        }
        let midnight = midnight(date);
        open.iter_mut().for_each(|window| *window = window.shifted(midnight));
        if let Some(missing) = skipped_times_near(date, self.timezone) {
            cut(open, missing.into());
        }
    }

    /// Calls `found` with the start of each free slot of a day, in seconds since 1970 and in order, until it
    /// returns false.
    fn each_start(
        &self,
        date: NaiveDate,
        slot_request: SlotRequest,
        open: &mut Vec<SecondsInterval>,
        mut found: impl FnMut(i64) -> bool,
    ) {
        let Some(appointment) = SlotLength::of(slot_request) else { return };
        let not_before = seconds_from(slot_request.not_before);
        if not_before >= midnight(date) + SECONDS_PER_DAY {
            return;
        }
        self.open_on(date, open);
        for window in open.iter() {
            let mut gap = window.start;
            let mut busy = self.busy_from(window.start).iter();
            loop {
                let next = busy.next();
                let last_in_window = window.end - appointment.seconds;
                let last =
                    next.map_or(last_in_window, |next| last_in_window.min(next.start - appointment.step));
                let past = (not_before - gap).max(0);
                let mut start = gap + (past + appointment.step - 1) / appointment.step * appointment.step;
                while start <= last {
                    if !found(start) {
                        return;
                    }
                    start += appointment.step;
                }
                match next {
                    Some(next) if next.end < window.end => gap = gap.max(next.end),
                    _ => break,
                }
            }
        }
    }

    /// The busy intervals that end after `moment`.
    fn busy_from(&self, moment: i64) -> &[SecondsInterval] {
        &self.busy[self.busy.partition_point(|busy| busy.end <= moment)..]
    }
}

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Duration of an appointment in seconds.
struct SlotLength {
    seconds: i64,
    /// With the buffer: the distance between slots.
    step: i64,
}

impl SlotLength {
    /// `None` if the duration is not positive: such an appointment is never offered.
    fn of(slot_request: SlotRequest) -> Option<Self> {
        let seconds = i64::from(slot_request.minutes) * 60;
        let step = seconds + i64::from(slot_request.buffer_minutes.max(0)) * 60;
        (seconds > 0).then_some(Self { seconds, step })
    }
}

/// The windows of a day with special hours, which replace the weekly ones. `None` if it has no special
/// hours.
fn special_hours(of_day: &[AvailabilityException]) -> Option<Vec<SecondsInterval>> {
    let mut special = of_day.iter().filter(|e| e.exception_type == ExceptionType::SpecialHours).peekable();
    special.peek()?;
    let mut windows: Vec<SecondsInterval> =
        special.filter_map(|e| Some(SecondsInterval::of_day(e.start_time?, e.end_time?))).collect();
    merge(&mut windows);
    Some(windows)
}

fn week_of(rules: &[AvailabilityRule], business_hours: &BusinessHours) -> [Vec<SecondsInterval>; 7] {
    let mut week: [Vec<SecondsInterval>; 7] = Default::default();
    let mut active = rules.iter().filter(|rule| rule.active).peekable();
    if active.peek().is_none() {
        for (day, hours) in &business_hours.0 {
            week[days_from_sunday(*day)].push(SecondsInterval::of_day(hours.start, hours.end));
        }
    }
    for rule in active {
        let day = usize::try_from(rule.day_of_week).ok().and_then(|day| week.get_mut(day));
        if let Some(windows) = day {
            windows.push(SecondsInterval::of_day(rule.start_time, rule.end_time));
        }
    }
    week.iter_mut().for_each(merge);
    week
}

fn days_from_sunday(day: DayName) -> usize {
    match day {
        DayName::Sun => 0,
        DayName::Mon => 1,
        DayName::Tue => 2,
        DayName::Wed => 3,
        DayName::Thu => 4,
        DayName::Fri => 5,
        DayName::Sat => 6,
    }
}
