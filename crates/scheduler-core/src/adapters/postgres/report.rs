//! Clinics to which a nightly report can be sent (docs/rules/sheet.md#nightly-report).

use chrono_tz::Tz;

use super::Db;
use super::connection::{run, try_run};
use super::readable::readable;
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// A clinic to which a nightly report can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct ReportRecipient {
    pub id: ClinicId,
    /// Decides when it is evening.
    pub timezone: Tz,
}

impl Db {
    /// The active clinics that have a phone and a z-api instance. A clinic that cannot be read is left out
    /// with a warning.
    pub async fn list_report_recipients(&self) -> Result<Vec<ReportRecipient>, StoreError> {
        const ACTION: &str = "list the clinics to report to";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query!(
            "select clinic_id, timezone from scheduler.clinics
            where active and phone is not null and zapi_instance_id is not null
            order by clinic_id",
        )
        .fetch_all(connection))?;
        Ok(readable(rows.into_iter().map(|row| {
            let id = ClinicId(row.clinic_id);
            let timezone: Result<Tz, StoreError> =
                row.timezone.parse().map_err(|error| StoreError::internal(ACTION, error));
            (id.clone(), timezone.map(|timezone| ReportRecipient { id, timezone }))
        })))
    }
}
