//! Which clinics a nightly report can be sent to.

use chrono_tz::Tz;

use super::Db;
use super::connection::{run, try_run};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// A clinic that can be told of its day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportingClinic {
    /// The clinic.
    pub id: ClinicId,
    /// Its time zone, by which it is evening.
    pub timezone: Tz,
}

impl Db {
    /// The active clinics that have a phone and an instance to write to it from.
    pub async fn list_reporting_clinics(&self) -> Result<Vec<ReportingClinic>, StoreError> {
        const ACTION: &str = "list the clinics to report to";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query!(
            "select clinic_id, timezone from scheduler.clinics
            where active and phone is not null and zapi_instance_id is not null
            order by clinic_id",
        )
        .fetch_all(connection))?;
        rows.into_iter()
            .map(|row| {
                let timezone = row.timezone.parse().map_err(|error| StoreError::internal(ACTION, error))?;
                Ok(ReportingClinic { id: ClinicId(row.clinic_id), timezone })
            })
            .collect()
    }
}
