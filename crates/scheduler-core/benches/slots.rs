//! Benchmark of the search for all free slots of one clinic's month (a pass), compared with a naive
//! implementation of the same rules.
//!
//! `cargo bench -p scheduler-core --bench slots` prints p50 and p99 of both in one run. The limit
//! for the pass is 60 µs at p99 (`docs/rules/speed.md#slots`).

#![expect(clippy::expect_used, reason = "wrong data in the benchmark itself must stop it")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::America::Sao_Paulo;
use criterion::Criterion;
use scheduler_core::availability::{Calendar, SlotRequest};
use scheduler_core::domain::clinic::{AvailabilityException, AvailabilityRule, BusinessHours, ExceptionType};
use scheduler_core::domain::ids::{ClinicId, ExceptionId, RuleId};
use scheduler_core::domain::interval::Interval;
use scheduler_core::domain::time::Slot;
use uuid::Uuid;

const DAYS: u64 = 30;
const APPOINTMENTS: usize = 500;
const P99_LIMIT: Duration = Duration::from_micros(60);
const SAMPLES: usize = 20_000;

fn main() {
    let month = Month::new();
    let calendar = month.calendar();
    let (days, slots) = month.pass(&calendar);
    assert_eq!(
        (&days, &slots),
        (&month.plain_days(), &month.plain_pass()),
        "both implementations must find the same slots"
    );
    println!(
        "{DAYS} days, {APPOINTMENTS} appointments: {} days with {} free starts",
        days.len(),
        slots.len()
    );

    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("slots/pass", |b| b.iter(|| black_box(&month).pass(black_box(&calendar))));
    criterion.bench_function("slots/prepare and pass", |b| {
        b.iter_batched(
            || month.clone(),
            |copy| month.pass(&copy.into_calendar()),
            criterion::BatchSize::SmallInput,
        )
    });
    criterion.bench_function("slots/plain pass", |b| {
        b.iter(|| (black_box(&month).plain_days(), black_box(&month).plain_pass()))
    });
    criterion.final_summary();
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // `cargo test --benches` only checks that the benchmark runs.
    }

    let pass = percentiles(SAMPLES, || (), |()| month.pass(black_box(&calendar)));
    let prepared = percentiles(SAMPLES, || month.clone(), |copy| month.pass(&copy.into_calendar()));
    let plain = percentiles(SAMPLES / 20, || (), |()| (month.plain_days(), month.plain_pass()));
    for (what, (p50, p99)) in [("pass", pass), ("prepare and pass", prepared), ("plain pass", plain)] {
        println!("{what:<17} p50 {:>8.1} µs   p99 {:>8.1} µs", micros(p50), micros(p99));
    }
    println!(
        "p99 {:.1} µs, limit {} µs: {}; {:.0} times as fast as plain",
        micros(pass.1),
        P99_LIMIT.as_micros(),
        if pass.1 < P99_LIMIT { "met" } else { "EXCEEDED" },
        micros(plain.0) / micros(pass.0),
    );
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// p50 and p99 of `work`. The time of `setup`, which makes its input, is not counted.
fn percentiles<I, T>(samples: usize, setup: impl Fn() -> I, work: impl Fn(I) -> T) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..samples)
        .map(|_| {
            let input = setup();
            let start = Instant::now();
            black_box(work(input));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[samples / 2], times[samples * 99 / 100])
}

/// A clinic's month, as read from the database.
#[derive(Clone)]
struct Month {
    from: NaiveDate,
    rules: Vec<AvailabilityRule>,
    exceptions: Vec<AvailabilityException>,
    busy: Vec<Interval<NaiveDateTime>>,
    slot_request: SlotRequest,
}

impl Month {
    /// A clinic that is open every day from 8 to 12 and from 13 to 21, except for one closed day and one
    /// closed part of a day. Its appointments last 20 to 30 minutes, with gaps between them, and are
    /// shuffled.
    fn new() -> Self {
        let from = NaiveDate::from_ymd_opt(2026, 3, 1).expect("a date");
        let rules = (0..7).flat_map(|day| [rule(day, 8, 12), rule(day, 13, 21)]).collect();
        let exceptions = vec![
            blocked(from + Days::new(9), None),
            blocked(from + Days::new(16), Some((clock(10, 0), clock(11, 30)))),
        ];
        let mut random = Random(2026);
        let mut busy = Vec::with_capacity(APPOINTMENTS);
        'all: for day in (0..DAYS).cycle() {
            let mut at = (from + Days::new(day)).and_time(clock(8, 0));
            for _ in 0..17 {
                if busy.len() == APPOINTMENTS {
                    break 'all;
                }
                at += TimeDelta::minutes(5 * random.below(4));
                let end = at + TimeDelta::minutes(20 + 5 * random.below(3) + 10);
                busy.push(Interval { start: at, end });
                at = end;
            }
        }
        for i in (1..busy.len()).rev() {
            busy.swap(i, random.below(i as i64 + 1) as usize);
        }
        let slot_request =
            SlotRequest { minutes: 20, buffer_minutes: 10, not_before: from.and_time(clock(9, 30)) };
        Self { from, rules, exceptions, busy, slot_request }
    }

    fn days(&self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take(DAYS as usize)
    }

    fn calendar(&self) -> Calendar {
        self.clone().into_calendar()
    }

    fn into_calendar(self) -> Calendar {
        Calendar::new(Sao_Paulo, self.rules, BusinessHours::default(), self.exceptions, self.busy)
    }

    fn pass(&self, calendar: &Calendar) -> (Vec<NaiveDate>, Vec<Slot>) {
        let until = self.from + Days::new(DAYS - 1);
        let days = calendar.days(self.from, until, self.slot_request);
        let slots = days.iter().flat_map(|&date| calendar.slots(date, self.slot_request)).collect();
        (days, slots)
    }

    fn plain_days(&self) -> Vec<NaiveDate> {
        self.days().filter(|&date| !self.plain_slots(date).is_empty()).collect()
    }

    fn plain_pass(&self) -> Vec<Slot> {
        self.days().flat_map(|date| self.plain_slots(date)).collect()
    }

    /// The rules of `docs/rules/agenda.md#slots` in their simplest form: each candidate is compared with all
    /// appointments and exceptions.
    fn plain_slots(&self, date: NaiveDate) -> Vec<Slot> {
        let length = TimeDelta::minutes(self.slot_request.minutes.into());
        let with_buffer = length + TimeDelta::minutes(self.slot_request.buffer_minutes.into());
        let weekday = date.weekday().num_days_from_sunday() as i16;
        let of_day = |busy: &Interval<NaiveDateTime>| busy.start.date() <= date && date <= busy.end.date();
        let closed = |at: NaiveDateTime| {
            self.exceptions.iter().any(|exception| {
                let start = exception.start_time.unwrap_or(NaiveTime::MIN);
                let end = exception.end_time.unwrap_or(clock(23, 59));
                exception.exception_date == date && start <= at.time() && at.time() < end
            })
        };
        let mut slots = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.day_of_week == weekday) {
            let (mut at, end) = (date.and_time(rule.start_time), date.and_time(rule.end_time));
            while at + length <= end {
                let occupied = Interval { start: at, end: at + with_buffer };
                let taken = self.busy.iter().filter(|busy| of_day(busy)).find(|b| b.overlaps(occupied));
                let blocked =
                    (0..self.slot_request.minutes).any(|m| closed(at + TimeDelta::minutes(m.into())));
                if let Some(appointment) = taken {
                    at = appointment.end.max(at + TimeDelta::minutes(1));
                } else if blocked {
                    at += TimeDelta::minutes(1);
                } else {
                    let exists = Sao_Paulo.from_local_datetime(&at).earliest().is_some();
                    if exists && at >= self.slot_request.not_before {
                        slots.push(Slot { date, time: at.time() });
                    }
                    at += with_buffer;
                }
            }
        }
        slots
    }
}

fn rule(day_of_week: i16, start: u32, end: u32) -> AvailabilityRule {
    AvailabilityRule {
        id: RuleId(Uuid::nil()),
        clinic_id: ClinicId("clinic".into()),
        professional_id: None,
        day_of_week,
        start_time: clock(start, 0),
        end_time: clock(end, 0),
        active: true,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn blocked(exception_date: NaiveDate, times: Option<(NaiveTime, NaiveTime)>) -> AvailabilityException {
    AvailabilityException {
        id: ExceptionId(Uuid::nil()),
        clinic_id: ClinicId("clinic".into()),
        exception_date,
        exception_type: ExceptionType::Blocked,
        start_time: times.map(|(start, _)| start),
        end_time: times.map(|(_, end)| end),
        reason: None,
        active: true,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn clock(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a time")
}

/// Pseudo-random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % limit
    }
}
