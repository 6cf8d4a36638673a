//! Availability exceptions: dates whose opening hours differ from those of the weekday
//! (docs/rules/agenda.md#exceptions).

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::Db;
use super::appointments::read::AppointmentFilter;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::{AvailabilityException, ExceptionType};
use crate::domain::date_limits::{FIRST_DATE, LAST_DATE};
use crate::domain::ids::{ClinicId, ExceptionId};
use crate::error::StoreError;

/// Maximum confirmed appointments of a day: they do not overlap, and each lasts at least a minute.
const MAX_APPOINTMENTS_PER_DAY: i64 = 24 * 60;

/// An exception to create.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct NewException {
    pub exception_date: NaiveDate,
    pub exception_type: ExceptionType,
    /// Given with `end_time` or not at all; special hours need both.
    pub start_time: Option<NaiveTime>,
    /// Must be after the start.
    pub end_time: Option<NaiveTime>,
    /// Shown to reception only.
    pub reason: Option<String>,
}

/// New values for an exception. `None` leaves a field unchanged, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct ExceptionChange {
    pub exception_date: Option<NaiveDate>,
    pub exception_type: Option<ExceptionType>,
    pub start_time: Option<Option<NaiveTime>>,
    pub end_time: Option<Option<NaiveTime>>,
    pub reason: Option<Option<String>>,
    pub active: Option<bool>,
}

/// A stored exception and the confirmed appointments that it affects.
#[derive(Debug)]
pub struct ExceptionWithConflicts {
    /// The stored exception.
    pub exception: AvailabilityException,
    /// Confirmed appointments that it affects. They stay booked until reception moves or cancels them.
    pub conflicts: Vec<Appointment>,
}

/// Outcome of changing an exception.
#[derive(Debug)]
pub enum ExceptionUpdate {
    /// The exception after the change, with its conflicts.
    Updated(Box<ExceptionWithConflicts>),
    /// The exception does not exist, or belongs to another clinic.
    NotFound,
    /// The new type and times would not fit together; nothing was changed. Holds the stored exception.
    InvalidTimes(Box<AvailabilityException>),
}

row_query!($ query_exceptions: ExceptionRow =
    "id, clinic_id, exception_date, exception_type, start_time, end_time, reason,
    active, created_at, updated_at");

impl Db {
    /// Creates an active exception. `None`: the clinic does not exist.
    pub async fn create_exception(
        &self,
        clinic: &ClinicId,
        new: &NewException,
    ) -> Result<Option<ExceptionWithConflicts>, StoreError> {
        const ACTION: &str = "create an availability exception";
        let created = try_run!(self, ACTION, |connection| query_exceptions!(
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
        match created {
            Ok(row) => self.with_conflicts(row).await.map(Some),
            Err(error) if constraint(&error) == Some("availability_exceptions_clinic_id_fkey") => Ok(None),
            Err(error) => Err(store_error(ACTION, error)),
        }
    }

    /// Active exceptions from `from` to `until`, both included, sorted by date. A missing bound is the first or
    /// last accepted day (docs/rules/data.md#dates). `None`: the clinic does not exist.
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
            where clinic_id = $1 and active and exception_date between $2 and $3
            order by exception_date, start_time nulls first, id",
            clinic.as_str(),
            from.unwrap_or(FIRST_DATE),
            until.unwrap_or(LAST_DATE),
        )
        .fetch_all(connection))?;
        let exceptions = rows.into_iter().map(AvailabilityException::try_from).collect::<Result<_, _>>()?;
        self.none_if_no_clinic(clinic, exceptions).await
    }

    /// Changes or deactivates an exception. `clinic` is `None` only if the API key covers all clinics.
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
            Ok(Some(row)) => Ok(ExceptionUpdate::Updated(Box::new(self.with_conflicts(row).await?))),
            Ok(None) => Ok(ExceptionUpdate::NotFound),
            Err(error) if constraint(&error) == Some("exceptions_times_check") => {
                let stored = self.find_exception(clinic, id).await?;
                Ok(stored
                    .map_or(ExceptionUpdate::NotFound, |row| ExceptionUpdate::InvalidTimes(Box::new(row))))
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

    async fn with_conflicts(&self, row: ExceptionRow) -> Result<ExceptionWithConflicts, StoreError> {
        let exception = AvailabilityException::try_from(row)?;
        if !exception.active {
            return Ok(ExceptionWithConflicts { exception, conflicts: Vec::new() });
        }
        let filter = AppointmentFilter {
            from: Some(exception.exception_date),
            until: Some(exception.exception_date),
            status: Some(AppointmentStatus::Confirmed),
            after: None,
            limit: MAX_APPOINTMENTS_PER_DAY,
        };
        let appointments = self.list_appointments(&exception.clinic_id, &filter).await?;
        let mut conflicts = appointments.ok_or_else(|| {
            StoreError::internal("list the conflicts of an exception", "the clinic no longer exists")
        })?;
        conflicts.retain(|appointment| affects(&exception, appointment));
        Ok(ExceptionWithConflicts { exception, conflicts })
    }
}

/// Whether an exception affects an appointment of its date: the appointment overlaps the blocked part, or is
/// not wholly within the special hours.
fn affects(exception: &AvailabilityException, appointment: &Appointment) -> bool {
    let Some((start, end)) = exception.start_time.zip(exception.end_time) else { return true };
    match exception.exception_type {
        ExceptionType::Blocked => appointment.start_time < end && start < appointment.end_time,
        ExceptionType::SpecialHours => appointment.start_time < start || end < appointment.end_time,
    }
}

/// A row of `scheduler.availability_exceptions`, also read from its JSON form.
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
            _ => {
                return Err(StoreError::internal("read an availability exception", "unknown exception type"));
            }
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
