//! Opening rules, exceptions, and the calendar of a range of days by one statement.

use chrono::{NaiveDate, NaiveTime};

use super::Db;
use crate::availability::Calendar;
use crate::domain::appointment::Appointment;
use crate::domain::clinic::{AvailabilityException, AvailabilityRule, ExceptionType};
use crate::domain::ids::{AppointmentId, ClinicId, ProfessionalId};
use crate::error::StoreError;

/// A weekly window to be made.
#[derive(Debug, Clone)]
pub struct NewRule {
    /// Whom it is about, if anybody.
    pub professional_id: Option<ProfessionalId>,
    /// 0 = Sunday … 6 = Saturday.
    pub day_of_week: i16,
    /// Opening.
    pub start_time: NaiveTime,
    /// Closing, later.
    pub end_time: NaiveTime,
}

/// A special day to be made.
#[derive(Debug, Clone)]
pub struct NewException {
    /// The day.
    pub exception_date: NaiveDate,
    /// What it does.
    pub exception_type: ExceptionType,
    /// Both times or neither; special hours need both.
    pub start_time: Option<NaiveTime>,
    /// Later than the start.
    pub end_time: Option<NaiveTime>,
    /// For reception.
    pub reason: Option<String>,
}

impl Db {
    /// What decides the free time of `[from, until]`: one statement. `leaving_out`: a visit whose
    /// own time counts as free. `None`: no such clinic.
    pub async fn find_calendar(
        &self,
        _clinic: &ClinicId,
        _from: NaiveDate,
        _until: NaiveDate,
        _leaving_out: Option<AppointmentId>,
    ) -> Result<Option<Calendar>, StoreError> {
        todo!()
    }

    /// Makes a rule; `None`: no such clinic, or the professional is not of this clinic.
    pub async fn create_rule(
        &self,
        _clinic: &ClinicId,
        _new: &NewRule,
    ) -> Result<Option<AvailabilityRule>, StoreError> {
        todo!()
    }

    /// Makes an exception and lists the confirmed visits it stands over; `None`: no such clinic.
    pub async fn create_exception(
        &self,
        _clinic: &ClinicId,
        _new: &NewException,
    ) -> Result<Option<(AvailabilityException, Vec<Appointment>)>, StoreError> {
        todo!()
    }
}
