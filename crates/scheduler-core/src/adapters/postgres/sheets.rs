//! Appointments whose row in the clinic's sheet is behind (docs/rules/data.md#projections).

use chrono::NaiveDate;
use chrono_tz::Tz;
use uuid::Uuid;

use super::Db;
use super::connection::{run, try_run};
use super::readable::readable;
use crate::domain::ids::ClinicId;
use crate::domain::sheet::SheetAppointment;
use crate::domain::time::Slot;
use crate::error::StoreError;

/// A clinic's sheet that is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct SheetBacklog {
    pub clinic: ClinicId,
    /// Time zone of the clinic.
    pub timezone: Tz,
    /// Google's id of the spreadsheet.
    pub spreadsheet: String,
    /// Name of the tab.
    pub tab: String,
    /// Whether the clinic's rows were written to another tab before, or to none.
    pub is_new: bool,
    /// Number of appointments whose row is behind, at most 1,000.
    pub behind: u32,
    /// How long the oldest of these rows has been behind, in seconds.
    pub seconds: u32,
}

impl Db {
    /// Every sheet that is behind: first new sheets with no row behind, then those that have waited longest. A
    /// clinic that cannot be read is left out with a warning.
    pub async fn list_sheet_backlogs(&self) -> Result<Vec<SheetBacklog>, StoreError> {
        const ACTION: &str = "list the sheets that are behind";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file!(
            "src/adapters/postgres/list_sheet_backlogs.sql"
        )
        .fetch_all(connection))?;
        Ok(readable(rows.into_iter().map(|row| {
            let clinic = ClinicId(row.clinic_id);
            let timezone: Result<Tz, StoreError> =
                row.timezone.parse().map_err(|error| StoreError::internal(ACTION, error));
            let backlog = timezone.map(|timezone| SheetBacklog {
                clinic: clinic.clone(),
                timezone,
                spreadsheet: row.spreadsheet,
                tab: row.tab,
                is_new: row.is_new,
                behind: row.behind.try_into().unwrap_or(u32::MAX),
                seconds: row.seconds.try_into().unwrap_or(u32::MAX),
            });
            (clinic, backlog)
        })))
    }

    /// Makes this tab the one to which the clinic's appointments are written. All appointments from `since`
    /// on are behind then, also those that were written to another tab. Changes nothing if it already is this
    /// tab.
    pub async fn switch_sheet(&self, backlog: &SheetBacklog, since: NaiveDate) -> Result<(), StoreError> {
        const ACTION: &str = "switch to a new sheet";
        run!(self, ACTION, retry, |connection| sqlx::query!(
            "with begun as (
                insert into scheduler.sheet_projections as old (clinic_id, spreadsheet_id, sheet_name, since)
                values ($1, $2, $3, $4)
                on conflict (clinic_id) do update set
                    spreadsheet_id = excluded.spreadsheet_id,
                    sheet_name = excluded.sheet_name,
                    since = excluded.since
                where (old.spreadsheet_id, old.sheet_name)
                    is distinct from (excluded.spreadsheet_id, excluded.sheet_name)
                returning clinic_id
            )
            update scheduler.appointments a set sheet_version = 0
            from begun
            where a.clinic_id = $1 and a.clinic_id = begun.clinic_id
                and a.appointment_date >= $4 and a.sheet_version > 0",
            backlog.clinic.as_str(),
            backlog.spreadsheet,
            backlog.tab,
            since,
        )
        .execute(connection))?;
        Ok(())
    }

    /// Appointments of a clinic whose row is behind, sorted by time.
    pub async fn list_sheet_appointments(
        &self,
        clinic: &ClinicId,
        limit: i64,
    ) -> Result<Vec<SheetAppointment>, StoreError> {
        const ACTION: &str = "list the appointments of a sheet";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file!(
            "src/adapters/postgres/list_sheet_appointments.sql",
            clinic.as_str(),
            limit,
        )
        .fetch_all(connection))?;
        rows.into_iter()
            .map(|row| {
                let status = row.status.parse().map_err(|error| StoreError::internal(ACTION, error))?;
                Ok(SheetAppointment {
                    id: row.id.into(),
                    version: row.version,
                    slot: Slot { date: row.appointment_date, time: row.start_time },
                    patient_name: row.patient_name,
                    patient_phone: row.patient_phone,
                    service_name: row.service_name,
                    areas: row.areas,
                    status,
                    confirmed: row.confirmed,
                })
            })
            .collect()
    }

    /// Marks the rows of these appointments as written. The row of an appointment that was changed meanwhile
    /// stays behind. If the clinic's appointments are written to another tab by now, nothing is marked.
    pub async fn mark_rows_written(
        &self,
        sheet: &SheetBacklog,
        written: &[SheetAppointment],
    ) -> Result<(), StoreError> {
        const ACTION: &str = "mark the rows of a sheet as written";
        let ids: Vec<Uuid> = written.iter().map(|appointment| appointment.id.0).collect();
        let versions: Vec<i32> = written.iter().map(|appointment| appointment.version).collect();
        run!(self, ACTION, retry, |connection| sqlx::query!(
            "with tab as (
                select clinic_id from scheduler.sheet_projections
                where clinic_id = $1 and spreadsheet_id = $4 and sheet_name = $5
                for share
            )
            update scheduler.appointments a set sheet_version = written.version
            from tab, unnest($2::uuid[], $3::integer[]) written (id, version)
            where a.clinic_id = $1 and a.clinic_id = tab.clinic_id
                and a.id = written.id and a.version = written.version",
            sheet.clinic.as_str(),
            &ids,
            &versions,
            sheet.spreadsheet,
            sheet.tab,
        )
        .execute(connection))?;
        Ok(())
    }
}
