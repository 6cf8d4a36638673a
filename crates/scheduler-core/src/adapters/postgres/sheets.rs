//! Which appointments a clinic's sheet does not show as they are.

use chrono::NaiveDate;
use chrono_tz::Tz;
use uuid::Uuid;

use super::Db;
use super::connection::{run, try_run};
use crate::domain::ids::ClinicId;
use crate::domain::sheet::SheetAppointment;
use crate::domain::time::Slot;
use crate::error::StoreError;

/// A clinic's sheet that is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetBacklog {
    /// The clinic.
    pub clinic: ClinicId,
    /// Its time zone.
    pub timezone: Tz,
    /// Google's id of the spreadsheet.
    pub spreadsheet: String,
    /// The tab's name.
    pub tab: String,
    /// Whether the clinic's appointments were written to no tab yet, or to another one.
    pub is_new: bool,
    /// Appointments whose row is behind, counted up to a thousand.
    pub behind: u32,
    /// For how many seconds the oldest of them has been.
    pub seconds: u32,
}

impl Db {
    /// Every sheet that is behind, those first that have waited longest.
    pub async fn list_sheet_backlogs(&self) -> Result<Vec<SheetBacklog>, StoreError> {
        const ACTION: &str = "list the sheets that are behind";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file!(
            "src/adapters/postgres/list_sheet_backlogs.sql"
        )
        .fetch_all(connection))?;
        rows.into_iter()
            .map(|row| {
                let timezone = row.timezone.parse().map_err(|error| StoreError::internal(ACTION, error))?;
                Ok(SheetBacklog {
                    clinic: ClinicId(row.clinic_id),
                    timezone,
                    spreadsheet: row.spreadsheet,
                    tab: row.tab,
                    is_new: row.is_new,
                    behind: row.behind.try_into().unwrap_or(u32::MAX),
                    seconds: row.seconds.try_into().unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    /// From now on the clinic's appointments are written to this tab: all from `since` on, whatever was
    /// written elsewhere. Changes nothing where it is so already.
    pub async fn begin_sheet(&self, backlog: &SheetBacklog, since: NaiveDate) -> Result<(), StoreError> {
        const ACTION: &str = "begin a sheet";
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

    /// Appointments of a clinic whose row is behind, by time.
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

    /// Marks appointments as written; one that was changed meanwhile stays behind, and all do where the
    /// clinic's appointments go to another tab by now.
    pub async fn mark_sheet_appointments(
        &self,
        sheet: &SheetBacklog,
        written: &[SheetAppointment],
    ) -> Result<(), StoreError> {
        const ACTION: &str = "mark the appointments of a sheet";
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
