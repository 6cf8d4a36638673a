//! Free times and days of a clinic (the specification's three questions), each by one statement.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::adapters::postgres::Db;
use crate::availability::{Calendar, SlotRequest};
use crate::domain::clinic::Clinic;
use crate::domain::ids::AppointmentId;
use crate::domain::time::{Slot, local, wall_from};
use crate::error::StoreError;

/// Free starts of one day for an appointment of `minutes`. Nothing beyond the clinic's horizon.
pub async fn get_available_slots(
    db: &Db,
    clinic: &Clinic,
    date: NaiveDate,
    minutes: i32,
    leaving_out: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<Vec<Slot>, StoreError> {
    if date < today(clinic, now) || date > clinic.last_bookable_day(now) {
        return Ok(Vec::new());
    }
    let calendar = get_calendar(db, clinic, date, date, leaving_out).await?;
    Ok(calendar.slots(date, slot_request(clinic, minutes, now)))
}

/// Days of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableDays {
    /// Days with a free start.
    pub days: Vec<NaiveDate>,
    /// No window is ever long enough.
    pub too_long: bool,
}

/// Days of `[from, until]` (cut at today and the horizon) with a free start: one statement, one
/// pass.
pub async fn get_available_days(
    db: &Db,
    clinic: &Clinic,
    from: NaiveDate,
    until: NaiveDate,
    minutes: i32,
    leaving_out: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<AvailableDays, StoreError> {
    let (from, until) = (from.max(today(clinic, now)), until.min(clinic.last_bookable_day(now)));
    if from > until {
        return Ok(AvailableDays { days: Vec::new(), too_long: false });
    }
    let calendar = get_calendar(db, clinic, from, until, leaving_out).await?;
    let days = calendar.days(from, until, slot_request(clinic, minutes, now));
    let too_long = days.is_empty() && !calendar.has_room_for(minutes);
    Ok(AvailableDays { days, too_long })
}

/// The three free starts nearest to `lost`: of that day, then of the 13 days after it, in order.
/// A day already past counts as the start of today.
pub async fn get_nearest_slots(
    db: &Db,
    clinic: &Clinic,
    lost: Slot,
    minutes: i32,
    leaving_out: Option<AppointmentId>,
    now: DateTime<Utc>,
) -> Result<Vec<Slot>, StoreError> {
    let lost = lost.max(Slot { date: today(clinic, now), time: NaiveTime::MIN });
    let horizon = clinic.last_bookable_day(now);
    if lost.date > horizon {
        return Ok(Vec::new());
    }
    let until = lost.date.checked_add_days(Days::new(13)).map_or(horizon, |until| until.min(horizon));
    let calendar = get_calendar(db, clinic, lost.date, until, leaving_out).await?;
    Ok(calendar.nearest(lost, until, slot_request(clinic, minutes, now), 3))
}

/// What a patient's appointment of `minutes` needs: the clinic's buffer, and its notice from now on.
pub fn slot_request(clinic: &Clinic, minutes: i32, now: DateTime<Utc>) -> SlotRequest {
    let notice = TimeDelta::minutes(clinic.min_notice_minutes.max(0).into());
    let not_before = wall_from(now + notice, clinic.timezone);
    SlotRequest { minutes, buffer_minutes: clinic.buffer_minutes, not_before }
}

fn today(clinic: &Clinic, now: DateTime<Utc>) -> NaiveDate {
    local(now, clinic.timezone).date()
}

/// The calendar of a clinic that was read before: it cannot be unknown.
pub async fn get_calendar(
    db: &Db,
    clinic: &Clinic,
    from: NaiveDate,
    until: NaiveDate,
    leaving_out: Option<AppointmentId>,
) -> Result<Calendar, StoreError> {
    db.find_calendar(&clinic.id, from, until, leaving_out)
        .await?
        .ok_or_else(|| StoreError::internal("read a clinic's calendar", "the clinic is gone"))
}
