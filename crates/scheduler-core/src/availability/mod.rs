//! When a visit can start: windows of a day, minus what is busy, cut into slots. Pure.

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use crate::domain::clinic::{AvailabilityException, AvailabilityRule, BusinessHours};
use crate::domain::time::{Slot, Span};

/// What decides the free time of a range of days, loaded by one statement and prepared once.
#[derive(Debug, Clone)]
pub struct Calendar {
    timezone: Tz,
    rules: Vec<AvailabilityRule>,
    business_hours: BusinessHours,
    exceptions: Vec<AvailabilityException>,
    busy: Vec<Span>,
}

/// What a visit needs, and what may be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Length in minutes.
    pub minutes: i32,
    /// Minutes kept free after it.
    pub buffer_minutes: i32,
    /// Nothing that starts before this wall-clock moment (now plus the clinic's notice).
    pub not_before: NaiveDateTime,
}

impl Calendar {
    /// Prepares what was read: weekly `rules` and `exceptions` (those not active are passed over),
    /// `business_hours` for a clinic without any active rule, and the time occupied by visits,
    /// `[start, end + buffer)` each, in any order. `timezone` knows which wall times do not exist.
    pub fn new(
        timezone: Tz,
        rules: Vec<AvailabilityRule>,
        business_hours: BusinessHours,
        exceptions: Vec<AvailabilityException>,
        busy: Vec<Span>,
    ) -> Self {
        Self { timezone, rules, business_hours, exceptions, busy }
    }

    /// Opening windows of a day after rules, special hours and blocked parts, in order, merged
    /// where they touch.
    pub fn windows(&self, _date: NaiveDate) -> Vec<Span> {
        todo!()
    }

    /// Free starts of a day, in order (product 2).
    pub fn slots(&self, _date: NaiveDate, _demand: Demand) -> Vec<Slot> {
        todo!()
    }

    /// Days of `[from, until]` with at least one free start, in order.
    pub fn days(&self, _from: NaiveDate, _until: NaiveDate, _demand: Demand) -> Vec<NaiveDate> {
        todo!()
    }

    /// Whether a visit may stand there, grid or not: within a window, clear of every busy span.
    pub fn fits(&self, _slot: Slot, _demand: Demand) -> bool {
        todo!()
    }

    /// Whether a window of any weekday or exception is as long as `minutes`.
    pub fn has_room_for(&self, _minutes: i32) -> bool {
        todo!()
    }
}
