//! When an appointment can start: windows of a day, minus what is busy, cut into slots. Pure.

mod interval;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use self::interval::{Seconds, cut, merge, midnight, seconds_from};
use crate::domain::clinic::{AvailabilityException, AvailabilityRule, BusinessHours, DayName, ExceptionType};
use crate::domain::interval::Interval;
use crate::domain::time::{Slot, missing_about};

/// What decides the free time of a range of days, loaded by one statement and prepared once.
#[derive(Debug, Clone)]
pub struct Calendar {
    timezone: Tz,
    /// Windows by weekday, Sunday first, in seconds of the day.
    week: [Vec<Seconds>; 7],
    /// Active ones, by date.
    exceptions: Vec<AvailabilityException>,
    /// In order, none touching the next.
    busy: Vec<Seconds>,
}

/// What an appointment needs, and what may be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRequest {
    /// Length in minutes.
    pub minutes: i32,
    /// Minutes kept free after it.
    pub buffer_minutes: i32,
    /// Nothing that starts before this wall-clock moment (now plus the clinic's notice).
    pub not_before: NaiveDateTime,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStatus {
    /// The clinic is open.
    pub open: bool,
    /// When it opens next, the clinic's wall clock; none if it does not within the days searched.
    pub next: Option<NaiveDateTime>,
}

impl Calendar {
    /// Prepares what was read: weekly `rules` and `exceptions` (those not active are passed over),
    /// `business_hours` for a clinic without any active rule, and the time occupied by appointments,
    /// `[start, end + buffer)` each, in any order. `timezone` knows which wall times do not exist.
    pub fn new(
        timezone: Tz,
        rules: Vec<AvailabilityRule>,
        business_hours: BusinessHours,
        mut exceptions: Vec<AvailabilityException>,
        busy: Vec<Interval<NaiveDateTime>>,
    ) -> Self {
        exceptions.retain(|exception| exception.active);
        exceptions.sort_by_key(|exception| exception.exception_date);
        let mut busy: Vec<Seconds> = busy.into_iter().map(Seconds::from).collect();
        merge(&mut busy);
        Self { timezone, week: week_of(&rules, &business_hours), exceptions, busy }
    }

    /// Open parts of a day after rules, special hours and blocked parts, in order, merged where
    /// they touch; wall times that do not exist are left out.
    pub fn windows(&self, date: NaiveDate) -> Vec<Interval<NaiveDateTime>> {
        let mut open = Vec::new();
        self.open_on(date, &mut open);
        open.into_iter().filter_map(Seconds::moments).collect()
    }

    /// Free starts of a day, in order (product 2): in each free gap from the gap's start, every
    /// length plus buffer.
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

    /// Days of `[from, until]` with at least one free start, in order.
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

    /// The `count` free starts nearest to a slot that was lost, in order: those of its own day, and
    /// where they are too few the first ones of the days after it, up to and including `until`.
    pub fn nearest(
        &self,
        lost: Slot,
        until: NaiveDate,
        slot_request: SlotRequest,
        count: usize,
    ) -> Vec<Slot> {
        let mut nearest = self.slots(lost.date, slot_request);
        nearest.sort_by_key(|slot| (slot.time - lost.time).abs());
        nearest.truncate(count);
        nearest.sort();
        let days_after = lost.date.iter_days().skip(1).take_while(|&date| date <= until);
        for date in days_after {
            if nearest.len() == count {
                break;
            }
            nearest.extend(self.slots(date, slot_request).into_iter().take(count - nearest.len()));
        }
        nearest
    }

    /// Whether an appointment may stand there, grid or not: within a window, clear of every busy span,
    /// and not before what the demand says.
    pub fn fits(&self, slot: Slot, slot_request: SlotRequest) -> bool {
        let Some(appointment) = Length::of(slot_request) else { return false };
        let start = slot.at().and_utc().timestamp();
        let end = start + appointment.seconds;
        let mut open = Vec::new();
        self.open_on(slot.date, &mut open);
        slot.at() >= slot_request.not_before
            && open.iter().any(|window| window.covers(Seconds { start, end }))
            && self.busy_from(start).first().is_none_or(|busy| busy.start >= start + appointment.step)
    }

    /// Whether the clinic is open at a wall-clock moment, and when it opens next, on `until` at the
    /// latest.
    pub fn opening(&self, at: NaiveDateTime, until: NaiveDate) -> OpenStatus {
        let mut days = at.date().iter_days().take_while(|&date| date <= until);
        OpenStatus {
            open: self.windows(at.date()).iter().any(|window| window.contains(at)),
            next: days.find_map(|date| {
                self.windows(date).into_iter().map(|window| window.start).find(|&start| start > at)
            }),
        }
    }

    /// Whether a window of any weekday or exception is as long as `minutes`.
    pub fn has_room_for(&self, minutes: i32) -> bool {
        let special = self
            .exceptions
            .chunk_by(|one, other| one.exception_date == other.exception_date)
            .filter_map(special_hours);
        let longest = self.week.iter().cloned().chain(special).flatten().map(Seconds::length).max();
        longest.is_some_and(|longest| longest >= i64::from(minutes) * 60)
    }

    /// Fills `open` with the open parts of a day.
    fn open_on(&self, date: NaiveDate, open: &mut Vec<Seconds>) {
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
                Some(end) => Seconds::of_day(start, end),
                None => Seconds { end: DAY, ..Seconds::of_day(start, start) },
            };
            cut(open, blocked);
        }
        if open.is_empty() {
            return;
        }
        let midnight = midnight(date);
        open.iter_mut().for_each(|window| *window = window.shifted(midnight));
        if let Some(missing) = missing_about(date, self.timezone) {
            cut(open, missing.into());
        }
    }

    /// Calls `found` with each free start of a day (seconds), in order, until it returns false.
    fn each_start(
        &self,
        date: NaiveDate,
        slot_request: SlotRequest,
        open: &mut Vec<Seconds>,
        mut found: impl FnMut(i64) -> bool,
    ) {
        let Some(appointment) = Length::of(slot_request) else { return };
        let not_before = seconds_from(slot_request.not_before);
        if not_before >= midnight(date) + DAY {
            return;
        }
        self.open_on(date, open);
        for window in open.iter() {
            let mut gap = window.start;
            let mut busy = self.busy_from(window.start).iter();
            loop {
                let next = busy.next();
                let to_the_window = window.end - appointment.seconds;
                let last =
                    next.map_or(to_the_window, |next| to_the_window.min(next.start - appointment.step));
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

    /// What is busy at or after a moment.
    fn busy_from(&self, moment: i64) -> &[Seconds] {
        &self.busy[self.busy.partition_point(|busy| busy.end <= moment)..]
    }
}

const DAY: i64 = 24 * 60 * 60;

/// An appointment's length, alone and with its buffer, in seconds.
struct Length {
    seconds: i64,
    step: i64,
}

impl Length {
    /// `None`: an appointment without length is nowhere offered.
    fn of(slot_request: SlotRequest) -> Option<Self> {
        let seconds = i64::from(slot_request.minutes) * 60;
        let step = seconds + i64::from(slot_request.buffer_minutes.max(0)) * 60;
        (seconds > 0).then_some(Self { seconds, step })
    }
}

/// The windows that replace the week's, if a day has any special hours.
fn special_hours(of_day: &[AvailabilityException]) -> Option<Vec<Seconds>> {
    let mut special = of_day.iter().filter(|e| e.exception_type == ExceptionType::SpecialHours).peekable();
    special.peek()?;
    let mut windows: Vec<Seconds> =
        special.filter_map(|e| Some(Seconds::of_day(e.start_time?, e.end_time?))).collect();
    merge(&mut windows);
    Some(windows)
}

fn week_of(rules: &[AvailabilityRule], business_hours: &BusinessHours) -> [Vec<Seconds>; 7] {
    let mut week: [Vec<Seconds>; 7] = Default::default();
    let mut active = rules.iter().filter(|rule| rule.active).peekable();
    if active.peek().is_none() {
        for (day, hours) in &business_hours.0 {
            week[days_from_sunday(*day)].push(Seconds::of_day(hours.start, hours.end));
        }
    }
    for rule in active {
        let day = usize::try_from(rule.day_of_week).ok().and_then(|day| week.get_mut(day));
        if let Some(windows) = day {
            windows.push(Seconds::of_day(rule.start_time, rule.end_time));
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
