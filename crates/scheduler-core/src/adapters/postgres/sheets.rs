//! Appointments whose row in the clinic's sheet is behind (docs/rules/data.md#projections).

use chrono::{NaiveDate, NaiveTime};
use uuid::Uuid;

use super::Db;
use super::connection::{run, try_run};
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::sheet::SheetAppointment;
use crate::domain::time::Slot;
use crate::error::StoreError;

/// A clinic's sheet that is behind, or that must be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct SheetBacklog {
    pub clinic: ClinicId,
    /// Name of the clinic's time zone, as it is stored.
    pub timezone: String,
    /// Google's id of the spreadsheet.
    pub spreadsheet: String,
    /// Name of the tab.
    pub tab: String,
    /// Whether the clinic's rows were written to another tab before, or to none.
    pub is_new: bool,
    /// Number of appointments whose row is behind, at most 1,000. If it is 0 and the sheet is not new, the tab
    /// was written since it was last read.
    pub behind: u32,
    /// How long the oldest of these rows has been behind, in seconds.
    pub seconds: u32,
}

/// A row of the queries for appointments.
struct StoredAppointment {
    id: Uuid,
    version: i32,
    sheet_version: i32,
    appointment_date: NaiveDate,
    start_time: NaiveTime,
    areas: Option<String>,
    status: String,
    confirmed: bool,
    patient_name: Option<String>,
    patient_phone: Option<String>,
    service_name: String,
}

impl Db {
    /// Every sheet that is behind, in the order in which they should be written: first new sheets with no row
    /// behind, then those that have waited longest. Last come those that have to be read again only.
    pub async fn list_sheet_backlogs(&self) -> Result<Vec<SheetBacklog>, StoreError> {
        const ACTION: &str = "list the sheets that are behind";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file!(
            "src/adapters/postgres/list_sheet_backlogs.sql"
        )
        .fetch_all(connection))?;
        let backlogs = rows.into_iter().map(|row| SheetBacklog {
            clinic: ClinicId(row.clinic_id),
            timezone: row.timezone,
            spreadsheet: row.spreadsheet,
            tab: row.tab,
            is_new: row.is_new,
            behind: row.behind.try_into().unwrap_or(u32::MAX),
            seconds: row.seconds.try_into().unwrap_or(u32::MAX),
        });
        Ok(backlogs.collect())
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
                    since = excluded.since,
                    unchecked = false
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
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file_as!(
            StoredAppointment,
            "src/adapters/postgres/list_sheet_appointments.sql",
            clinic.as_str(),
            limit,
        )
        .fetch_all(connection))?;
        Ok(readable(rows))
    }

    /// The appointments of a clinic with these ids, sorted by time. Ids of others are left out.
    pub async fn find_sheet_appointments(
        &self,
        clinic: &ClinicId,
        ids: &[AppointmentId],
    ) -> Result<Vec<SheetAppointment>, StoreError> {
        const ACTION: &str = "find appointments of a sheet";
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file_as!(
            StoredAppointment,
            "src/adapters/postgres/find_sheet_appointments.sql",
            clinic.as_str(),
            &ids,
        )
        .fetch_all(connection))?;
        Ok(readable(rows))
    }

    /// The next appointments of a clinic from `today` on, by time: those that must stand in its sheet. None
    /// from before the start of the sheet.
    pub async fn list_upcoming_ids(
        &self,
        clinic: &ClinicId,
        today: NaiveDate,
        limit: i64,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        const ACTION: &str = "list the upcoming appointments of a sheet";
        // A scalar subquery instead of a join, so that PostgreSQL reads the index in order and stops.
        let ids = run!(self, ACTION, retry, |connection| sqlx::query_scalar!(
            "select id from scheduler.appointments
            where clinic_id = $1 and appointment_date >= greatest(
                $2::date, (select since from scheduler.sheet_projections where clinic_id = $1)
            )
            order by appointment_date, start_time, id
            limit $3",
            clinic.as_str(),
            today,
            limit,
        )
        .fetch_all(connection))?;
        Ok(ids.into_iter().map(AppointmentId).collect())
    }

    /// Whether the tab was written since it was last read.
    pub async fn is_sheet_unchecked(&self, sheet: &SheetBacklog) -> Result<bool, StoreError> {
        const ACTION: &str = "find out whether a sheet must be read again";
        let unchecked = run!(self, ACTION, retry, |connection| sqlx::query_scalar!(
            "select unchecked from scheduler.sheet_projections
            where clinic_id = $1 and spreadsheet_id = $2 and sheet_name = $3",
            sheet.clinic.as_str(),
            sheet.spreadsheet,
            sheet.tab,
        )
        .fetch_optional(connection))?;
        Ok(unchecked.unwrap_or(false))
    }

    /// Marks the rows of these appointments as written, and records whether the tab must be read again. The
    /// row of an appointment that was changed meanwhile, or whose patient was, stays behind. If the clinic's
    /// appointments are written to another tab by now, nothing is marked.
    pub async fn mark_rows_written(
        &self,
        sheet: &SheetBacklog,
        written: &[SheetAppointment],
        unchecked: bool,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "mark the rows of a sheet as written";
        let ids: Vec<Uuid> = written.iter().map(|appointment| appointment.id.0).collect();
        let versions: Vec<i32> = written.iter().map(|appointment| appointment.version).collect();
        let seen: Vec<i32> = written.iter().map(|appointment| appointment.sheet_version).collect();
        run!(self, ACTION, retry, |connection| sqlx::query!(
            "with tab as (
                update scheduler.sheet_projections set unchecked = $7
                where clinic_id = $1 and spreadsheet_id = $5 and sheet_name = $6
                returning clinic_id
            )
            update scheduler.appointments a set sheet_version = written.version
            from tab, unnest($2::uuid[], $3::integer[], $4::integer[]) written (id, version, seen)
            where a.clinic_id = $1 and a.clinic_id = tab.clinic_id and a.id = written.id
                and a.version = written.version and a.sheet_version = written.seen
                and a.sheet_version < a.version",
            sheet.clinic.as_str(),
            &ids,
            &versions,
            &seen,
            sheet.spreadsheet,
            sheet.tab,
            unchecked,
        )
        .execute(connection))?;
        Ok(())
    }
}

/// Leaves out a row that cannot be read, so that it does not hold up the others of its clinic.
fn readable(rows: Vec<StoredAppointment>) -> Vec<SheetAppointment> {
    let read = |row: StoredAppointment| {
        let Ok(status) = row.status.parse() else {
            tracing::warn!(step = "sheets", appointment_id = %row.id, "an appointment's status cannot be read");
            return None;
        };
        Some(SheetAppointment {
            id: row.id.into(),
            version: row.version,
            sheet_version: row.sheet_version,
            slot: Slot { date: row.appointment_date, time: row.start_time },
            patient_name: row.patient_name,
            patient_phone: row.patient_phone,
            service_name: row.service_name,
            areas: row.areas,
            status,
            confirmed: row.confirmed,
        })
    };
    rows.into_iter().filter_map(read).collect()
}
