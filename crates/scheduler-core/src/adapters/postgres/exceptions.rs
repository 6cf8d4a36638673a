//! Days that differ from their week.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::Db;
use super::appointments::read::AppointmentFilter;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::{AvailabilityException, ExceptionType};
use crate::domain::ids::{ClinicId, ExceptionId};
use crate::error::StoreError;

/// As many appointments as a day can have: one of each minute.
const MINUTES_OF_A_DAY: i64 = 24 * 60;

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

/// A change of a special day: only what is present; `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct ExceptionChange {
    /// The day.
    pub exception_date: Option<NaiveDate>,
    /// What it does.
    pub exception_type: Option<ExceptionType>,
    /// From.
    pub start_time: Option<Option<NaiveTime>>,
    /// To.
    pub end_time: Option<Option<NaiveTime>>,
    /// For reception.
    pub reason: Option<Option<String>>,
    /// Whether it counts.
    pub active: Option<bool>,
}

/// An exception as it stands, and the confirmed appointments it stands over.
#[derive(Debug)]
pub struct ExceptionWithConflicts {
    /// The exception.
    pub exception: AvailabilityException,
    /// Appointments that somebody must now call about.
    pub conflicts: Vec<Appointment>,
}

/// What became of a change.
#[derive(Debug)]
pub enum ExceptionUpdate {
    /// It stands so now.
    Done(Box<ExceptionWithConflicts>),
    /// No such exception of this clinic.
    NotFound,
    /// Type and times would not go together; here it is as it stands.
    Unfit(Box<AvailabilityException>),
}

row_query!($ query_exceptions: ExceptionRow =
    "id, clinic_id, exception_date, exception_type, start_time, end_time, reason,
    active, created_at, updated_at");

impl Db {
    /// Makes an exception; `None`: no such clinic.
    pub async fn create_exception(
        &self,
        clinic: &ClinicId,
        new: &NewException,
    ) -> Result<Option<ExceptionWithConflicts>, StoreError> {
        const ACTION: &str = "create an availability exception";
        let made = try_run!(self, ACTION, |connection| query_exceptions!(
            "insert into scheduler.availability_exceptions
                (clinic_id, exception_date, exception_type, start_time, end_time, reason)
            values ($1, $2, $3, $4, $5, $6)
            returning",
            "",
            clinic.as_str(),
            new.exception_date,
            new.exception_type.as_str(),
            new.start_time,
            new.end_time,
            new.reason,
        )
        .fetch_one(connection));
        match made {
            Ok(row) => self.standing(row).await.map(Some),
            Err(error) if constraint(&error) == Some("availability_exceptions_clinic_id_fkey") => Ok(None),
            Err(error) => Err(store_error(ACTION, error)),
        }
    }

    /// Active exceptions of a range of days, open where no end is given, by day; `None`: no such
    /// clinic.
    pub async fn list_exceptions(
        &self,
        clinic: &ClinicId,
        from: Option<NaiveDate>,
        until: Option<NaiveDate>,
    ) -> Result<Option<Vec<AvailabilityException>>, StoreError> {
        const ACTION: &str = "list availability exceptions";
        let rows = run!(self, ACTION, retry, |connection| query_exceptions!(
            "select",
            "from scheduler.availability_exceptions
            where clinic_id = $1 and active
                and exception_date >= coalesce($2, exception_date)
                and exception_date <= coalesce($3, exception_date)
            order by exception_date, start_time nulls first, id",
            clinic.as_str(),
            from,
            until,
        )
        .fetch_all(connection))?;
        let exceptions = rows.into_iter().map(AvailabilityException::try_from).collect::<Result<_, _>>()?;
        self.unless_unknown(clinic, exceptions).await
    }

    /// Changes an exception, or takes it back. `clinic`: `None` only for a key that may touch every
    /// clinic.
    pub async fn update_exception(
        &self,
        clinic: Option<&ClinicId>,
        id: ExceptionId,
        change: &ExceptionChange,
    ) -> Result<ExceptionUpdate, StoreError> {
        const ACTION: &str = "update an availability exception";
        let row = try_run!(self, ACTION, |connection| query_exceptions!(
            "update scheduler.availability_exceptions set
                exception_date = coalesce($3, exception_date),
                exception_type = coalesce($4, exception_type),
                start_time = case when $5::boolean then $6 else start_time end,
                end_time = case when $7::boolean then $8 else end_time end,
                reason = case when $9::boolean then $10 else reason end,
                active = coalesce($11, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning",
            "",
            id.0,
            clinic.map(ClinicId::as_str),
            change.exception_date,
            change.exception_type.map(ExceptionType::as_str),
            change.start_time.is_some(),
            change.start_time.flatten(),
            change.end_time.is_some(),
            change.end_time.flatten(),
            change.reason.is_some(),
            change.reason.clone().flatten(),
            change.active,
        )
        .fetch_optional(connection));
        match row {
            Ok(Some(row)) => Ok(ExceptionUpdate::Done(Box::new(self.standing(row).await?))),
            Ok(None) => Ok(ExceptionUpdate::NotFound),
            Err(error) if constraint(&error) == Some("exceptions_times_check") => {
                let stands = self.find_exception(clinic, id).await?;
                Ok(stands.map_or(ExceptionUpdate::NotFound, |row| ExceptionUpdate::Unfit(Box::new(row))))
            }
            Err(error) => Err(store_error(ACTION, error)),
        }
    }

    async fn find_exception(
        &self,
        clinic: Option<&ClinicId>,
        id: ExceptionId,
    ) -> Result<Option<AvailabilityException>, StoreError> {
        const ACTION: &str = "find an availability exception";
        let row = run!(self, ACTION, retry, |connection| query_exceptions!(
            "select",
            "from scheduler.availability_exceptions
            where id = $1 and clinic_id = coalesce($2, clinic_id)",
            id.0,
            clinic.map(ClinicId::as_str),
        )
        .fetch_optional(connection))?;
        row.map(AvailabilityException::try_from).transpose()
    }

    async fn standing(&self, row: ExceptionRow) -> Result<ExceptionWithConflicts, StoreError> {
        let exception = AvailabilityException::try_from(row)?;
        if !exception.active {
            return Ok(ExceptionWithConflicts { exception, conflicts: Vec::new() });
        }
        let filter = AppointmentFilter {
            from: Some(exception.exception_date),
            until: Some(exception.exception_date),
            status: Some(AppointmentStatus::Confirmed),
            after: None,
            limit: MINUTES_OF_A_DAY,
        };
        let appointments = self.list_appointments(&exception.clinic_id, &filter).await?;
        let mut conflicts =
            appointments.ok_or_else(|| StoreError::internal("list conflicts", "the clinic has vanished"))?;
        conflicts.retain(|appointment| stands_over(&exception, appointment));
        Ok(ExceptionWithConflicts { exception, conflicts })
    }
}

/// Whether an exception takes time from an appointment: a blocked part that it reaches into, or special
/// hours that it does not fit.
fn stands_over(exception: &AvailabilityException, appointment: &Appointment) -> bool {
    let Some((start, end)) = exception.start_time.zip(exception.end_time) else { return true };
    match exception.exception_type {
        ExceptionType::Blocked => appointment.start_time < end && start < appointment.end_time,
        ExceptionType::SpecialHours => appointment.start_time < start || end < appointment.end_time,
    }
}

/// A row as PostgreSQL gives it.
#[derive(Debug, Deserialize)]
pub(super) struct ExceptionRow {
    id: Uuid,
    clinic_id: String,
    exception_date: NaiveDate,
    exception_type: String,
    start_time: Option<NaiveTime>,
    end_time: Option<NaiveTime>,
    reason: Option<String>,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<ExceptionRow> for AvailabilityException {
    type Error = StoreError;

    fn try_from(row: ExceptionRow) -> Result<Self, StoreError> {
        let exception_type = match row.exception_type.as_str() {
            "BLOCKED" => ExceptionType::Blocked,
            "SPECIAL_HOURS" => ExceptionType::SpecialHours,
            _ => return Err(StoreError::internal("read an exception", "unknown type of exception")),
        };
        Ok(Self {
            id: ExceptionId(row.id),
            clinic_id: ClinicId(row.clinic_id),
            exception_date: row.exception_date,
            exception_type,
            start_time: row.start_time,
            end_time: row.end_time,
            reason: row.reason,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
