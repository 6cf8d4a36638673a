//! Free times and days of a clinic (the specification's three questions).

use chrono::{DateTime, NaiveDate, Utc};

use crate::adapters::postgres::Db;
use crate::domain::clinic::Clinic;
use crate::domain::ids::AppointmentId;
use crate::domain::time::Slot;
use crate::error::StoreError;

/// Free starts of one day for a visit of `minutes`. Nothing beyond the clinic's horizon.
pub async fn get_available_slots(
    _db: &Db,
    _clinic: &Clinic,
    _date: NaiveDate,
    _minutes: i32,
    _leaving_out: Option<AppointmentId>,
    _now: DateTime<Utc>,
) -> Result<Vec<Slot>, StoreError> {
    todo!()
}

/// Days of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableDays {
    /// Days with a free start.
    pub days: Vec<NaiveDate>,
    /// No window is ever long enough.
    pub too_long: bool,
}

/// Days of `[from, until]` (cut at the horizon) with a free start: one statement, one pass.
pub async fn get_available_days(
    _db: &Db,
    _clinic: &Clinic,
    _from: NaiveDate,
    _until: NaiveDate,
    _minutes: i32,
    _leaving_out: Option<AppointmentId>,
    _now: DateTime<Utc>,
) -> Result<AvailableDays, StoreError> {
    todo!()
}

/// The three free starts nearest to `lost`: of that day, then of the following days.
pub async fn get_nearest_slots(
    _db: &Db,
    _clinic: &Clinic,
    _lost: Slot,
    _minutes: i32,
    _leaving_out: Option<AppointmentId>,
    _now: DateTime<Utc>,
) -> Result<Vec<Slot>, StoreError> {
    todo!()
}
