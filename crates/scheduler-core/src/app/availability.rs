//! Free days and times of a clinic, each query with one SQL statement (docs/rules/agenda.md#slots).

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::adapters::postgres::Db;
use crate::availability::{Calendar, SlotRequest};
use crate::domain::clinic::Clinic;
use crate::domain::ids::AppointmentId;
use crate::domain::time::{Slot, first_wall_clock_from, later, wall_clock_at};
use crate::error::StoreError;

/// Free start times of one day for an appointment of `minutes`. Empty for a past day or one after the
/// clinic's last bookable day.
pub async fn get_available_slots(
    db: &Db,
    clinic: &Clinic,
    date: NaiveDate,
    minutes: i32,
    exclude: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<Vec<Slot>, StoreError> {
    if date < today(clinic, now) || date > clinic.last_bookable_day(now) {
        return Ok(Vec::new());
    }
    let calendar = get_calendar(db, clinic, date, date, exclude).await?;
    Ok(calendar.slots(date, slot_request(clinic, minutes, now)))
}

/// Result of [`get_available_days`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableDays {
    /// Days with at least one free start time.
    pub days: Vec<NaiveDate>,
    /// Whether `days` is empty because no window of the clinic is as long as the appointment.
    pub too_long: bool,
}

/// Days from `from` to `until`, both included, with a free start time. The range is limited to today
/// until the last bookable day. One SQL statement and one pass in memory.
pub async fn get_available_days(
    db: &Db,
    clinic: &Clinic,
    from: NaiveDate,
    until: NaiveDate,
    minutes: i32,
    exclude: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<AvailableDays, StoreError> {
    let (from, until) = (from.max(today(clinic, now)), until.min(clinic.last_bookable_day(now)));
    if from > until {
        return Ok(AvailableDays { days: Vec::new(), too_long: false });
    }
    let calendar = get_calendar(db, clinic, from, until, exclude).await?;
    let days = calendar.days(from, until, slot_request(clinic, minutes, now));
    let too_long = days.is_empty() && !calendar.has_room_for(minutes);
    Ok(AvailableDays { days, too_long })
}

/// Up to three free start times nearest to `lost`, a slot that is not available: first of its day, then of
/// the 13 days after it. If `lost` is before today, the search starts at the beginning of today.
pub async fn get_nearest_slots(
    db: &Db,
    clinic: &Clinic,
    lost: Slot,
    minutes: i32,
    exclude: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<Vec<Slot>, StoreError> {
    let lost = lost.max(Slot { date: today(clinic, now), time: NaiveTime::MIN });
    let horizon = clinic.last_bookable_day(now);
    if lost.date > horizon {
        return Ok(Vec::new());
    }
    let until = lost.date.checked_add_days(Days::new(13)).map_or(horizon, |until| until.min(horizon));
    let calendar = get_calendar(db, clinic, lost.date, until, exclude).await?;
    Ok(calendar.nearest(lost, until, slot_request(clinic, minutes, now), 3))
}

/// The search for a patient's appointment of `minutes`: adds the clinic's buffer and minimum notice.
pub fn slot_request(clinic: &Clinic, minutes: i32, now: DateTime<Utc>) -> SlotRequest {
    let notice = TimeDelta::minutes(clinic.min_notice_minutes.max(0).into());
    let not_before = first_wall_clock_from(later(now, notice), clinic.timezone);
    SlotRequest { minutes, buffer_minutes: clinic.buffer_minutes, not_before }
}

fn today(clinic: &Clinic, now: DateTime<Utc>) -> NaiveDate {
    wall_clock_at(now, clinic.timezone).date()
}

/// Loads the calendar of a clinic that was loaded before, so a missing clinic is an internal error.
pub async fn get_calendar(
    db: &Db,
    clinic: &Clinic,
    from: NaiveDate,
    until: NaiveDate,
    exclude: Option<AppointmentId>,
) -> Result<Calendar, StoreError> {
    db.find_calendar(&clinic.id, from, until, exclude)
        .await?
        .ok_or_else(|| StoreError::internal("read the calendar", "the clinic no longer exists"))
}
