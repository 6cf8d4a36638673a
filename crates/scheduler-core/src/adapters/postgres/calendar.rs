//! Reads what decides the free time of a range of days (docs/rules/speed.md#statements).

use std::ops::Bound;

use chrono::{NaiveDate, NaiveDateTime};
use sqlx::postgres::types::PgRange;
use sqlx::types::Json;

use super::Db;
use super::connection::{run, try_run};
use super::exceptions::ExceptionRow;
use super::rules::RuleRow;
use crate::availability::Calendar;
use crate::domain::clinic::{AvailabilityException, AvailabilityRule, BusinessHours};
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::interval::Interval;
use crate::error::StoreError;

impl Db {
    /// The calendar from `from` to `until`, both included, read by one statement. Availability rules of
    /// inactive professionals do not count. The time of the appointment `exclude` counts as free. `None`: the
    /// clinic does not exist.
    pub async fn find_calendar(
        &self,
        clinic: &ClinicId,
        from: NaiveDate,
        until: NaiveDate,
        exclude: Option<AppointmentId>,
    ) -> Result<Option<Calendar>, StoreError> {
        const ACTION: &str = "find free time";
        // Appointments of one day before and one day after are read too, because a buffer may reach into the
        // next day.
        let row = run!(self, ACTION, retry, |connection| sqlx::query!(
            r#"select c.timezone, c.business_hours as "business_hours: Json<BusinessHours>",
                coalesce((
                    select jsonb_agg(to_jsonb(r)) from scheduler.availability_rules r
                    left join scheduler.professionals p
                        on p.clinic_id = r.clinic_id and p.id = r.professional_id
                    where r.clinic_id = c.clinic_id and r.active and p.active is not false
                ), '[]') as "rules!: Json<Vec<RuleRow>>",
                coalesce((
                    select jsonb_agg(to_jsonb(e)) from scheduler.availability_exceptions e
                    where e.clinic_id = c.clinic_id and e.active and e.exception_date between $2 and $3
                ), '[]') as "exceptions!: Json<Vec<ExceptionRow>>",
                coalesce((
                    select array_agg(a.occupied) from scheduler.appointments a
                    where a.clinic_id = c.clinic_id and a.status in ('CONFIRMED', 'COMPLETED')
                        and a.appointment_date between $2::date - 1 and $3::date + 1
                        and a.id is distinct from $4
                ), '{}') as "occupied!: Vec<PgRange<NaiveDateTime>>"
            from scheduler.clinics c
            where c.clinic_id = $1"#,
            clinic.as_str(),
            from,
            until,
            exclude.map(|id| id.0),
        )
        .fetch_optional(connection))?;
        let Some(row) = row else { return Ok(None) };
        let timezone = row.timezone.parse().map_err(|error| StoreError::internal(ACTION, error))?;
        let rules = row.rules.0.into_iter().map(AvailabilityRule::from).collect();
        let exceptions =
            row.exceptions.0.into_iter().map(AvailabilityException::try_from).collect::<Result<_, _>>()?;
        let busy = row.occupied.into_iter().map(busy_interval).collect::<Result<_, _>>()?;
        Ok(Some(Calendar::new(timezone, rules, row.business_hours.0, exceptions, busy)))
    }
}

/// The time that an appointment occupies, which the database computes as `[start, end)`.
fn busy_interval(occupied: PgRange<NaiveDateTime>) -> Result<Interval<NaiveDateTime>, StoreError> {
    match (occupied.start, occupied.end) {
        (Bound::Included(start), Bound::Excluded(end)) => Ok(Interval { start, end }),
        _ => {
            Err(StoreError::internal("read the time of an appointment", "it is not of the form [start, end)"))
        }
    }
}
