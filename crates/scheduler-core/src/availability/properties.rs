//! Property tests: the slots of random clinics, compared with a model that checks every minute.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::America::Sao_Paulo;
use proptest::collection::vec;
use proptest::prelude::*;

use super::fixtures::{exception, rule};
use super::{Calendar, SlotRequest};
use crate::domain::clinic::{BusinessHours, ExceptionType};
use crate::domain::interval::Interval;
use crate::domain::time::Slot;

const MINUTES_PER_DAY: usize = 24 * 60;

/// Start and end, in minutes since midnight.
type Times = (u32, u32);

/// A random week of a clinic. All times are in minutes.
#[derive(Debug, Clone)]
struct Week {
    from: NaiveDate,
    /// Weekday (0 is Sunday), start, end.
    rules: Vec<(i16, u32, u32)>,
    /// Days after `from`, whether special hours (else blocked), times.
    exceptions: Vec<(u64, bool, Option<Times>)>,
    /// Minutes from midnight of `from` to the appointment, duration with buffer.
    appointments: Vec<(i64, i64)>,
    minutes: i32,
    buffer_minutes: i32,
    not_before: i64,
}

impl Week {
    fn day(&self, offset: u64) -> NaiveDate {
        self.from + chrono::Days::new(offset)
    }

    fn start(&self) -> NaiveDateTime {
        self.from.and_time(NaiveTime::MIN)
    }

    fn calendar(&self) -> Calendar {
        let rules = self.rules.iter().map(|&(day, start, end)| rule(day, clock(start), clock(end)));
        let exceptions = self.exceptions.iter().map(|&(day, special, times)| {
            let kind = if special { ExceptionType::SpecialHours } else { ExceptionType::Blocked };
            exception(self.day(day), kind, times.map(|(start, end)| (clock(start), clock(end))))
        });
        Calendar::new(
            Sao_Paulo,
            rules.collect(),
            BusinessHours::default(),
            exceptions.collect(),
            self.busy().collect(),
        )
    }

    fn busy(&self) -> impl Iterator<Item = Interval<NaiveDateTime>> {
        self.appointments.iter().map(|&(start, length)| {
            let start = self.start() + TimeDelta::minutes(start);
            Interval { start, end: start + TimeDelta::minutes(length) }
        })
    }

    fn slot_request(&self) -> SlotRequest {
        let not_before = self.start() + TimeDelta::minutes(self.not_before);
        SlotRequest { minutes: self.minutes, buffer_minutes: self.buffer_minutes, not_before }
    }

    /// Whether the clinic is open, for each minute of the day.
    fn open_minutes(&self, offset: u64) -> Vec<bool> {
        let date = self.day(offset);
        let of_day = || self.exceptions.iter().filter(move |&&(day, _, _)| day == offset);
        let has_special = of_day().any(|&(_, special, _)| special);
        (0..MINUTES_PER_DAY as u32)
            .map(|minute| {
                let within = |&(start, end): &Times| (start..end).contains(&minute);
                let opened = if has_special {
                    of_day().any(|(_, special, times)| *special && times.as_ref().is_some_and(within))
                } else {
                    let weekday = date.weekday().num_days_from_sunday() as i16;
                    self.rules.iter().any(|&(day, start, end)| day == weekday && within(&(start, end)))
                };
                let blocked =
                    of_day().any(|(_, special, times)| !special && times.as_ref().is_none_or(within));
                let wall = date.and_time(clock(minute));
                let exists = Sao_Paulo.from_local_datetime(&wall).earliest().is_some();
                opened && !blocked && exists
            })
            .collect()
    }

    fn expected_slots(&self, offset: u64) -> Vec<Slot> {
        let date = self.day(offset);
        let start_of_day = date.and_time(NaiveTime::MIN);
        let open = self.open_minutes(offset);
        let mut busy = vec![false; 2 * MINUTES_PER_DAY];
        for appointment in self.busy() {
            let minute =
                |at: NaiveDateTime| (at - start_of_day).num_minutes().clamp(0, busy.len() as i64) as usize;
            let (start, end) = (minute(appointment.start), minute(appointment.end));
            busy[start..end].fill(true);
        }
        let free = |minute: usize| open.get(minute) == Some(&true) && !busy[minute];
        let (length, step) = (self.minutes as usize, (self.minutes + self.buffer_minutes) as usize);
        let mut slots = Vec::new();
        let mut gap = 0;
        for minute in 0..MINUTES_PER_DAY {
            if !free(minute) {
                gap = minute + 1;
                continue;
            }
            let at = start_of_day + TimeDelta::minutes(minute as i64);
            let fits = (minute..minute + length).all(free) && !busy[minute..minute + step].contains(&true);
            if (minute - gap).is_multiple_of(step) && fits && at >= self.slot_request().not_before {
                slots.push(Slot { date, time: at.time() });
            }
        }
        slots
    }
}

fn clock(minute: u32) -> NaiveTime {
    NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).expect("a minute of the day")
}

fn times() -> impl Strategy<Value = Times> {
    (0..1380u32, 1..600u32).prop_map(|(start, length)| (start, (start + length).min(1439)))
}

fn week() -> impl Strategy<Value = Week> {
    let from = prop_oneof![
        Just(NaiveDate::from_ymd_opt(2026, 2, 15)),
        Just(NaiveDate::from_ymd_opt(2018, 11, 1)),
        Just(NaiveDate::from_ymd_opt(2018, 2, 14)),
    ];
    (
        from.prop_map(|from| from.expect("a date")),
        vec((0..7i16, times()).prop_map(|(day, (start, end))| (day, start, end)), 1..12),
        vec((0..7u64, any::<bool>(), proptest::option::of(times())), 0..4),
        vec((-600..7 * 1440i64, 1..200i64), 0..40),
        1..200i32,
        0..60i32,
        -1440..4 * 1440i64,
    )
        .prop_map(|(from, rules, exceptions, appointments, minutes, buffer_minutes, not_before)| Week {
            from,
            rules,
            exceptions,
            appointments,
            minutes,
            buffer_minutes,
            not_before,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slots_are_those_of_the_minute_by_minute_model(week in week()) {
        let calendar = week.calendar();
        let mut days = Vec::new();
        for offset in 0..7 {
            let slots = calendar.slots(week.day(offset), week.slot_request());
            prop_assert_eq!(&slots, &week.expected_slots(offset), "day {}", week.day(offset));
            days.extend((!slots.is_empty()).then(|| week.day(offset)));
        }
        prop_assert_eq!(calendar.days(week.day(0), week.day(6), week.slot_request()), days);
    }

    #[test]
    fn slots_are_inside_windows_and_overlap_neither_appointments_nor_each_other(week in week()) {
        let (calendar, slot_request) = (week.calendar(), week.slot_request());
        let length = TimeDelta::minutes(week.minutes.into());
        let with_buffer = length + TimeDelta::minutes(week.buffer_minutes.into());
        for offset in 0..7 {
            let windows = calendar.windows(week.day(offset));
            prop_assert!(windows.windows(2).all(|pair| pair[0].end < pair[1].start));
            let slots = calendar.slots(week.day(offset), slot_request);
            prop_assert!(slots.windows(2).all(|pair| pair[0].at() + length <= pair[1].at()));
            for slot in slots {
                let occupied = Interval { start: slot.at(), end: slot.at() + with_buffer };
                prop_assert!(week.busy().all(|busy| !busy.overlaps(occupied)));
                prop_assert!(windows.iter().any(|w| w.start <= slot.at() && slot.at() + length <= w.end));
                prop_assert!(slot.at() >= slot_request.not_before);
                prop_assert!(calendar.fits(slot, slot_request));
            }
        }
    }

    #[test]
    fn a_slot_fits_exactly_if_its_minutes_are_free(week in week(), offset in 0..7u64, minute in 0..1440u32) {
        let slot = Slot { date: week.day(offset), time: clock(minute) };
        let open = week.open_minutes(offset);
        let end = minute as usize + week.minutes as usize;
        let occupied = Interval {
            start: slot.at(),
            end: slot.at() + TimeDelta::minutes((week.minutes + week.buffer_minutes).into()),
        };
        let expected = end <= MINUTES_PER_DAY
            && open[minute as usize..end].iter().all(|&open| open)
            && week.busy().all(|busy| !busy.overlaps(occupied))
            && slot.at() >= week.slot_request().not_before;
        prop_assert_eq!(week.calendar().fits(slot, week.slot_request()), expected);
    }
}
