//! Opening rules, exceptions, and the calendar of a range of days by one statement.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;
use uuid::Uuid;

use super::Db;
use super::appointments::AppointmentFilter;
use super::connection::{constraint, failed, run};
use crate::availability::Calendar;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::clinic::{AvailabilityException, AvailabilityRule, BusinessHours, ExceptionType};
use crate::domain::ids::{AppointmentId, ClinicId, ExceptionId, ProfessionalId, RuleId};
use crate::domain::time::Span;
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
        clinic: &ClinicId,
        from: NaiveDate,
        until: NaiveDate,
        leaving_out: Option<AppointmentId>,
    ) -> Result<Option<Calendar>, StoreError> {
        const DOING: &str = "find free time";
        // A visit's buffer may reach into the next day, so the range of busy time is open by one day
        // at both ends.
        let row = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select c.timezone, c.business_hours as "business_hours: Json<BusinessHours>",
                coalesce((
                    select jsonb_agg(to_jsonb(r)) from scheduler.availability_rules r
                    where r.clinic_id = c.clinic_id and r.active
                ), '[]') as "rules!: Json<Vec<RuleRow>>",
                coalesce((
                    select jsonb_agg(to_jsonb(e)) from scheduler.availability_exceptions e
                    where e.clinic_id = c.clinic_id and e.active and e.exception_date between $2 and $3
                ), '[]') as "exceptions!: Json<Vec<ExceptionRow>>",
                coalesce((
                    select array_agg(lower(a.occupied)) from scheduler.appointments a
                    where a.clinic_id = c.clinic_id and a.status in ('CONFIRMED', 'COMPLETED')
                        and a.appointment_date between $2::date - 1 and $3::date + 1
                        and a.id is distinct from $4
                ), '{}') as "starts!: Vec<NaiveDateTime>",
                coalesce((
                    select array_agg(upper(a.occupied)) from scheduler.appointments a
                    where a.clinic_id = c.clinic_id and a.status in ('CONFIRMED', 'COMPLETED')
                        and a.appointment_date between $2::date - 1 and $3::date + 1
                        and a.id is distinct from $4
                ), '{}') as "ends!: Vec<NaiveDateTime>"
            from scheduler.clinics c
            where c.clinic_id = $1"#,
            clinic.as_str(),
            from,
            until,
            leaving_out.map(|id| id.0),
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))?;
        let Some(row) = row else { return Ok(None) };
        let timezone = row.timezone.parse().map_err(|error| StoreError::internal(DOING, error))?;
        let rules = row.rules.0.into_iter().map(AvailabilityRule::from).collect();
        let exceptions =
            row.exceptions.0.into_iter().map(AvailabilityException::try_from).collect::<Result<_, _>>()?;
        let busy = row.starts.into_iter().zip(row.ends).map(|(start, end)| Span { start, end }).collect();
        Ok(Some(Calendar::new(timezone, rules, row.business_hours.0, exceptions, busy)))
    }

    /// Makes a rule; `None`: no such clinic, or the professional is not of this clinic.
    pub async fn create_rule(
        &self,
        clinic: &ClinicId,
        new: &NewRule,
    ) -> Result<Option<AvailabilityRule>, StoreError> {
        const DOING: &str = "create an availability rule";
        let made = run!(self, DOING, |connection| sqlx::query_as!(
            RuleRow,
            "insert into scheduler.availability_rules
                (clinic_id, professional_id, day_of_week, start_time, end_time)
            values ($1, $2, $3, $4, $5)
            returning id, clinic_id, professional_id, day_of_week, start_time, end_time, active,
                created_at, updated_at",
            clinic.as_str(),
            new.professional_id.map(|id| id.0),
            new.day_of_week,
            new.start_time,
            new.end_time,
        )
        .fetch_one(connection));
        match made {
            Ok(row) => Ok(Some(row.into())),
            Err(failure) if constraint(&failure).is_some_and(|name| name.ends_with("_fkey")) => Ok(None),
            Err(failure) => Err(failed(DOING, failure)),
        }
    }

    /// Makes an exception and lists the confirmed visits it stands over; `None`: no such clinic.
    pub async fn create_exception(
        &self,
        clinic: &ClinicId,
        new: &NewException,
    ) -> Result<Option<(AvailabilityException, Vec<Appointment>)>, StoreError> {
        const DOING: &str = "create an availability exception";
        let made = run!(self, DOING, |connection| sqlx::query_as!(
            ExceptionRow,
            "insert into scheduler.availability_exceptions
                (clinic_id, exception_date, exception_type, start_time, end_time, reason)
            values ($1, $2, $3, $4, $5, $6)
            returning id, clinic_id, exception_date, exception_type, start_time, end_time, reason,
                active, created_at, updated_at",
            clinic.as_str(),
            new.exception_date,
            new.exception_type.as_str(),
            new.start_time,
            new.end_time,
            new.reason,
        )
        .fetch_one(connection));
        let row = match made {
            Ok(row) => row,
            Err(failure) if constraint(&failure) == Some("availability_exceptions_clinic_id_fkey") => {
                return Ok(None);
            }
            Err(failure) => return Err(failed(DOING, failure)),
        };
        let exception = AvailabilityException::try_from(row)?;
        let filter = AppointmentFilter {
            from: Some(exception.exception_date),
            until: Some(exception.exception_date),
            status: Some(AppointmentStatus::Confirmed),
            after: None,
            limit: 100,
        };
        let mut visits = self.list_appointments(clinic, &filter).await?.unwrap_or_else(Vec::new);
        visits.retain(|visit| stands_over(&exception, visit));
        Ok(Some((exception, visits)))
    }
}

/// Whether an exception takes time from a visit: a blocked part that it reaches into, or special
/// hours that it does not fit.
fn stands_over(exception: &AvailabilityException, visit: &Appointment) -> bool {
    let Some((start, end)) = exception.start_time.zip(exception.end_time) else { return true };
    match exception.exception_type {
        ExceptionType::Blocked => visit.start_time < end && start < visit.end_time,
        ExceptionType::SpecialHours => visit.start_time < start || end < visit.end_time,
    }
}

#[derive(Debug, Deserialize)]
struct RuleRow {
    id: Uuid,
    clinic_id: String,
    professional_id: Option<Uuid>,
    day_of_week: i16,
    start_time: NaiveTime,
    end_time: NaiveTime,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<RuleRow> for AvailabilityRule {
    fn from(row: RuleRow) -> Self {
        Self {
            id: RuleId(row.id),
            clinic_id: ClinicId(row.clinic_id),
            professional_id: row.professional_id.map(ProfessionalId),
            day_of_week: row.day_of_week,
            start_time: row.start_time,
            end_time: row.end_time,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(Debug, Deserialize)]
struct ExceptionRow {
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
