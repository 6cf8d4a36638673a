//! A builder for the calendars that the tests use.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::America::Sao_Paulo;
use chrono_tz::Tz;
use uuid::Uuid;

use super::{Calendar, SlotRequest};
use crate::domain::clinic::{
    AvailabilityException, AvailabilityRule, BusinessHours, DayHours, DayName, ExceptionType,
};
use crate::domain::ids::{ClinicId, ExceptionId, RuleId};
use crate::domain::interval::Interval;
use crate::domain::time::Slot;

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(super) fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").expect("a time")
}

pub(super) fn at(day: &str, clock: &str) -> NaiveDateTime {
    date(day).and_time(time(clock))
}

pub(super) fn rule(day_of_week: i16, start_time: NaiveTime, end_time: NaiveTime) -> AvailabilityRule {
    AvailabilityRule {
        id: RuleId(Uuid::nil()),
        clinic_id: ClinicId("clinic".into()),
        professional_id: None,
        day_of_week,
        start_time,
        end_time,
        active: true,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

pub(super) fn exception(
    exception_date: NaiveDate,
    exception_type: ExceptionType,
    times: Option<(NaiveTime, NaiveTime)>,
) -> AvailabilityException {
    AvailabilityException {
        id: ExceptionId(Uuid::nil()),
        clinic_id: ClinicId("clinic".into()),
        exception_date,
        exception_type,
        start_time: times.map(|(start, _)| start),
        end_time: times.map(|(_, end)| end),
        reason: None,
        active: true,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

/// Builds a clinic's calendar and a slot request, and checks the resulting slots.
pub(super) struct CalendarBuilder {
    zone: Tz,
    pub(super) rules: Vec<AvailabilityRule>,
    hours: BusinessHours,
    pub(super) exceptions: Vec<AvailabilityException>,
    busy: Vec<Interval<NaiveDateTime>>,
    pub(super) slot_request: SlotRequest,
}

impl CalendarBuilder {
    /// A clinic without opening hours. The request is for 45 minutes and 10 minutes of buffer.
    pub(super) fn closed() -> Self {
        let not_before = at("2000-01-01", "00:00");
        let slot_request = SlotRequest { minutes: 45, buffer_minutes: 10, not_before };
        let (rules, exceptions, busy) = Default::default();
        Self { zone: Sao_Paulo, rules, hours: BusinessHours::default(), exceptions, busy, slot_request }
    }

    /// A clinic that is open every day from `start` to `end`.
    pub(super) fn open(start: &str, end: &str) -> Self {
        (0..7).fold(Self::closed(), |days, day| days.rule(day, start, end))
    }

    pub(super) fn zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    pub(super) fn rule(mut self, day: i16, start: &str, end: &str) -> Self {
        self.rules.push(rule(day, time(start), time(end)));
        self
    }

    pub(super) fn hours(mut self, day: DayName, start: &str, end: &str) -> Self {
        let hours = BTreeMap::from([(day, DayHours { start: time(start), end: time(end) })]);
        self.hours.0.extend(hours);
        self
    }

    pub(super) fn special(mut self, day: &str, start: &str, end: &str) -> Self {
        let times = Some((time(start), time(end)));
        self.exceptions.push(exception(date(day), ExceptionType::SpecialHours, times));
        self
    }

    pub(super) fn blocked(mut self, day: &str, times: Option<(&str, &str)>) -> Self {
        let times = times.map(|(start, end)| (time(start), time(end)));
        self.exceptions.push(exception(date(day), ExceptionType::Blocked, times));
        self
    }

    /// Adds an appointment with 10 minutes of buffer.
    pub(super) fn appointment(mut self, day: &str, start: &str, end: &str) -> Self {
        self.busy.push(Interval { start: at(day, start), end: at(day, end) + TimeDelta::minutes(10) });
        self
    }

    pub(super) fn minutes(mut self, minutes: i32, buffer_minutes: i32) -> Self {
        self.slot_request = SlotRequest { minutes, buffer_minutes, ..self.slot_request };
        self
    }

    pub(super) fn from(mut self, day: &str, clock: &str) -> Self {
        self.slot_request.not_before = at(day, clock);
        self
    }

    pub(super) fn calendar(&self) -> Calendar {
        Calendar::new(
            self.zone,
            self.rules.clone(),
            self.hours.clone(),
            self.exceptions.clone(),
            self.busy.clone(),
        )
    }

    pub(super) fn check(&self, day: &str, expected: &str) {
        let slots = self.calendar().slots(date(day), self.slot_request);
        assert!(slots.iter().all(|slot| slot.date == date(day)));
        let slots: Vec<String> = slots.iter().map(|slot| slot.time.format("%H:%M").to_string()).collect();
        assert_eq!(slots.join(" "), expected, "{day}");
        let any = self.calendar().days(date(day), date(day), self.slot_request);
        assert_eq!(any.is_empty(), expected.is_empty(), "{day}");
    }

    pub(super) fn check_windows(&self, day: &str, expected: &str) {
        let windows = self.calendar().windows(date(day));
        let windows: Vec<String> = windows
            .iter()
            .map(|w| format!("{}-{}", w.start.format("%H:%M"), w.end.format("%H:%M")))
            .collect();
        assert_eq!(windows.join(" "), expected, "{day}");
    }

    pub(super) fn fits(&self, day: &str, clock: &str) -> bool {
        self.calendar().fits(Slot { date: date(day), time: time(clock) }, self.slot_request)
    }
}
