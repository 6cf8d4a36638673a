//! Reads clinics without the cache, and writes them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;

use super::Db;
use super::connection::{QueryError, constraint, row_query, run, store_error, try_run};
use super::readable::readable;
use crate::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// Outcome of creating or updating a clinic.
#[derive(Debug)]
pub enum ClinicWriteOutcome {
    /// The clinic as written.
    Written(Box<Clinic>),
    /// The clinic was changed since it was read; nothing was written.
    Stale,
    /// The clinic does not exist.
    NotFound,
    /// Another clinic has this id.
    IdTaken,
    /// The z-api instance belongs to another clinic.
    InstanceTaken,
    /// The tab of the spreadsheet belongs to another clinic.
    SheetTaken,
}

/// A page of clinics.
#[derive(Debug, Default)]
pub struct ClinicPage {
    /// Sorted by name and id.
    pub clinics: Vec<Clinic>,
    /// The clinic after which the next page begins, if there is one.
    pub next: Option<ClinicId>,
}

row_query!($ query_clinics: StoredClinic =
    "clinic_id, name, phone, address, timezone, business_hours, buffer_minutes, min_notice_minutes,
    max_days_ahead, welcome_message, pre_session_instructions, zapi_instance_id, zapi_instance_token,
    zapi_client_token, google_spreadsheet_id, google_sheet_name, active, created_at, updated_at");

impl Db {
    /// A clinic, active or not, read without the cache.
    pub async fn find_clinic(&self, id: &ClinicId) -> Result<Option<Clinic>, StoreError> {
        const ACTION: &str = "find a clinic";
        let row = run!(self, ACTION, retry, |connection| query_clinics!(
            "select",
            "from scheduler.clinics where clinic_id = $1",
            id.as_str(),
        )
        .fetch_optional(connection))?;
        row.map(Clinic::try_from).transpose()
    }

    /// Active clinics, sorted by name and id: at most `limit`, the first after the clinic `after`. A clinic
    /// that cannot be read is left out with a warning. `None`: the clinic `after` does not exist.
    pub async fn list_clinics(
        &self,
        after: Option<&ClinicId>,
        limit: usize,
    ) -> Result<Option<ClinicPage>, StoreError> {
        const ACTION: &str = "list clinics";
        // One row more than fits on the page shows whether there is another page.
        let rows_to_read = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows = run!(self, ACTION, retry, |connection| query_clinics!(
            "select",
            "from scheduler.clinics
            where active and ($1::text is null or (name, clinic_id) > (
                select last.name, last.clinic_id from scheduler.clinics last where last.clinic_id = $1
            ))
            order by name, clinic_id
            limit $2",
            after.map(ClinicId::as_str),
            rows_to_read,
        )
        .fetch_all(connection))?;
        let rows = match after {
            Some(after) => match self.none_if_no_clinic(after, rows).await? {
                Some(rows) => rows,
                None => return Ok(None),
            },
            None => rows,
        };
        let is_last_page = rows.len() <= limit;
        let rows = rows.into_iter().take(limit).map(|row| (ClinicId(row.clinic_id.clone()), row));
        let rows: Vec<(ClinicId, StoredClinic)> = rows.collect();
        let next = rows.last().filter(|_| !is_last_page).map(|(id, _)| id.clone());
        let clinics = readable(rows.into_iter().map(|(id, row)| (id, Clinic::try_from(row))));
        Ok(Some(ClinicPage { clinics, next }))
    }

    /// Returns `None` instead of no rows if the clinic does not exist.
    pub(super) async fn none_if_no_clinic<T>(
        &self,
        clinic: &ClinicId,
        rows: Vec<T>,
    ) -> Result<Option<Vec<T>>, StoreError> {
        const ACTION: &str = "look for a clinic";
        if !rows.is_empty() {
            return Ok(Some(rows));
        }
        let exists = run!(self, ACTION, retry, |connection| sqlx::query_scalar!(
            r#"select exists (select from scheduler.clinics where clinic_id = $1) as "exists!""#,
            clinic.as_str(),
        )
        .fetch_one(connection))?;
        Ok(exists.then_some(rows))
    }

    /// Creates a clinic. The database sets `created_at` and `updated_at`.
    pub async fn create_clinic(&self, clinic: &Clinic) -> Result<ClinicWriteOutcome, StoreError> {
        const ACTION: &str = "create a clinic";
        let zapi = clinic.zapi.as_ref();
        let row = try_run!(self, ACTION, |connection| {
            query_clinics!(
            "insert into scheduler.clinics (
                clinic_id, name, phone, address, timezone, business_hours, buffer_minutes, min_notice_minutes,
                max_days_ahead, welcome_message, pre_session_instructions, zapi_instance_id, zapi_instance_token,
                zapi_client_token, google_spreadsheet_id, google_sheet_name, active
            )
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            on conflict (clinic_id) do nothing
            returning",
            "",
            clinic.id.as_str(),
            clinic.name,
            clinic.phone,
            clinic.address,
            clinic.timezone.name(),
            Json(&clinic.business_hours) as _,
            clinic.buffer_minutes,
            clinic.min_notice_minutes,
            clinic.max_days_ahead,
            clinic.welcome_message,
            clinic.pre_session_instructions,
            zapi.map(|zapi| zapi.id.as_str()),
            zapi.map(|zapi| zapi.token.expose()),
            zapi.and_then(|zapi| zapi.client_token.as_ref()).map(Secret::expose),
            clinic.google_spreadsheet_id,
            clinic.google_sheet_name,
            clinic.active,
        )
        .fetch_optional(connection)
        });
        write_outcome(ACTION, row).map(|outcome| outcome.unwrap_or(ClinicWriteOutcome::IdTaken))
    }

    /// Writes every field of the clinic, unless the clinic was changed since `clinic` was read. Removes it
    /// from this process's cache.
    pub async fn update_clinic(&self, clinic: &Clinic) -> Result<ClinicWriteOutcome, StoreError> {
        const ACTION: &str = "update a clinic";
        let zapi = clinic.zapi.as_ref();
        let row = try_run!(self, ACTION, |connection| {
            query_clinics!(
            "update scheduler.clinics set
                name = $2, phone = $3, address = $4, timezone = $5, business_hours = $6, buffer_minutes = $7,
                min_notice_minutes = $8, max_days_ahead = $9, welcome_message = $10, pre_session_instructions = $11,
                zapi_instance_id = $12, zapi_instance_token = $13, zapi_client_token = $14,
                google_spreadsheet_id = $15, google_sheet_name = $16, active = $17
            where clinic_id = $1 and updated_at = $18
            returning",
            "",
            clinic.id.as_str(),
            clinic.name,
            clinic.phone,
            clinic.address,
            clinic.timezone.name(),
            Json(&clinic.business_hours) as _,
            clinic.buffer_minutes,
            clinic.min_notice_minutes,
            clinic.max_days_ahead,
            clinic.welcome_message,
            clinic.pre_session_instructions,
            zapi.map(|zapi| zapi.id.as_str()),
            zapi.map(|zapi| zapi.token.expose()),
            zapi.and_then(|zapi| zapi.client_token.as_ref()).map(Secret::expose),
            clinic.google_spreadsheet_id,
            clinic.google_sheet_name,
            clinic.active,
            clinic.updated_at,
        )
        .fetch_optional(connection)
        });
        self.profiles.remove(&clinic.id);
        match write_outcome(ACTION, row)? {
            Some(outcome) => Ok(outcome),
            None if self.find_clinic(&clinic.id).await?.is_some() => Ok(ClinicWriteOutcome::Stale),
            None => Ok(ClinicWriteOutcome::NotFound),
        }
    }
}

/// The outcome of an `insert` or `update` of one clinic; `None` if no row was written.
fn write_outcome(
    action: &'static str,
    row: Result<Option<StoredClinic>, QueryError>,
) -> Result<Option<ClinicWriteOutcome>, StoreError> {
    match row {
        Ok(Some(row)) => Ok(Some(ClinicWriteOutcome::Written(Box::new(row.try_into()?)))),
        Ok(None) => Ok(None),
        Err(error) => match constraint(&error) {
            Some("clinics_zapi_instance_key") => Ok(Some(ClinicWriteOutcome::InstanceTaken)),
            Some("clinics_sheet_tab_key") => Ok(Some(ClinicWriteOutcome::SheetTaken)),
            _ => Err(store_error(action, error)),
        },
    }
}

/// A row of `scheduler.clinics`, also read from its JSON form.
#[derive(Debug, Deserialize)]
pub(super) struct StoredClinic {
    clinic_id: String,
    name: String,
    phone: Option<String>,
    address: Option<String>,
    timezone: String,
    /// Not parsed yet, so that one clinic's hours cannot make a list of clinics unreadable.
    business_hours: Value,
    buffer_minutes: i32,
    min_notice_minutes: i32,
    max_days_ahead: i32,
    welcome_message: Option<String>,
    pre_session_instructions: Option<String>,
    zapi_instance_id: Option<String>,
    zapi_instance_token: Option<String>,
    zapi_client_token: Option<String>,
    google_spreadsheet_id: Option<String>,
    google_sheet_name: String,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<StoredClinic> for Clinic {
    type Error = StoreError;

    fn try_from(row: StoredClinic) -> Result<Self, StoreError> {
        let timezone =
            row.timezone.parse().map_err(|error| StoreError::internal("read a clinic's time zone", error))?;
        let business_hours: BusinessHours = serde_json::from_value(row.business_hours)
            .map_err(|error| StoreError::internal("read a clinic's business hours", error))?;
        let zapi = row.zapi_instance_id.zip(row.zapi_instance_token).map(|(id, token)| ZapiInstance {
            id,
            token: Secret::new(token),
            client_token: row.zapi_client_token.map(Secret::new),
        });
        Ok(Self {
            id: ClinicId(row.clinic_id),
            name: row.name,
            phone: row.phone,
            address: row.address,
            timezone,
            business_hours,
            buffer_minutes: row.buffer_minutes,
            min_notice_minutes: row.min_notice_minutes,
            max_days_ahead: row.max_days_ahead,
            welcome_message: row.welcome_message,
            pre_session_instructions: row.pre_session_instructions,
            zapi,
            google_spreadsheet_id: row.google_spreadsheet_id,
            google_sheet_name: row.google_sheet_name,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
