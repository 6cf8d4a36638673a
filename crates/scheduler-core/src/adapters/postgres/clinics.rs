//! Clinics, as reception reads and writes them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;

use super::Db;
use super::connection::{Failure, constraint, failed, run};
use crate::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// What became of a clinic that was to be written.
#[derive(Debug)]
pub enum Written {
    /// It stands so now.
    Done(Box<Clinic>),
    /// It was changed since it was read.
    Changed,
    /// It does not exist.
    NotFound,
    /// Another clinic has its id.
    IdTaken,
    /// The z-api instance belongs to another clinic.
    InstanceTaken,
}

impl Db {
    /// A clinic, active or not, read now.
    pub async fn find_clinic(&self, id: &ClinicId) -> Result<Option<Clinic>, StoreError> {
        const DOING: &str = "find a clinic";
        let row = run!(self, DOING, again, |connection| sqlx::query_as!(
            ClinicRow,
            r#"select clinic_id, name, phone, address, timezone,
                business_hours as "business_hours: Json<BusinessHours>",
                buffer_minutes, min_notice_minutes, max_days_ahead, welcome_message,
                pre_session_instructions, zapi_instance_id, zapi_instance_token, zapi_client_token,
                google_spreadsheet_id, google_sheet_name, active, created_at, updated_at
            from scheduler.clinics where clinic_id = $1"#,
            id.as_str(),
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))?;
        row.map(Clinic::try_from).transpose()
    }

    /// Active clinics by name.
    pub async fn list_clinics(&self) -> Result<Vec<Clinic>, StoreError> {
        const DOING: &str = "list clinics";
        let rows = run!(self, DOING, again, |connection| sqlx::query_as!(
            ClinicRow,
            r#"select clinic_id, name, phone, address, timezone,
                business_hours as "business_hours: Json<BusinessHours>",
                buffer_minutes, min_notice_minutes, max_days_ahead, welcome_message,
                pre_session_instructions, zapi_instance_id, zapi_instance_token, zapi_client_token,
                google_spreadsheet_id, google_sheet_name, active, created_at, updated_at
            from scheduler.clinics where active order by name, clinic_id"#,
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))?;
        rows.into_iter().map(Clinic::try_from).collect()
    }

    /// Makes a clinic; when it was made is the database's to say.
    pub async fn create_clinic(&self, clinic: &Clinic) -> Result<Written, StoreError> {
        const DOING: &str = "create a clinic";
        let zapi = clinic.zapi.as_ref();
        let row = run!(self, DOING, |connection| sqlx::query_file_as!(
            ClinicRow,
            "src/adapters/postgres/insert_clinic.sql",
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
        .fetch_optional(connection));
        written(DOING, row).map(|made| made.unwrap_or(Written::IdTaken))
    }

    /// Writes the clinic back as given unless it was changed since it was read, and forgets the copy
    /// in memory.
    pub async fn update_clinic(&self, clinic: &Clinic) -> Result<Written, StoreError> {
        const DOING: &str = "update a clinic";
        let zapi = clinic.zapi.as_ref();
        let row = run!(self, DOING, |connection| sqlx::query_file_as!(
            ClinicRow,
            "src/adapters/postgres/update_clinic.sql",
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
        .fetch_optional(connection));
        self.forget(&clinic.id);
        match written(DOING, row)? {
            Some(written) => Ok(written),
            None if self.find_clinic(&clinic.id).await?.is_some() => Ok(Written::Changed),
            None => Ok(Written::NotFound),
        }
    }
}

/// What an insert or an update of one clinic came to; `None`: no row.
fn written(
    doing: &'static str,
    row: Result<Option<ClinicRow>, Failure>,
) -> Result<Option<Written>, StoreError> {
    match row {
        Ok(Some(row)) => Ok(Some(Written::Done(Box::new(row.try_into()?)))),
        Ok(None) => Ok(None),
        Err(failure) if constraint(&failure) == Some("clinics_zapi_instance_key") => {
            Ok(Some(Written::InstanceTaken))
        }
        Err(failure) => Err(failed(doing, failure)),
    }
}

/// A row as PostgreSQL gives it.
#[derive(Debug, Deserialize)]
pub(super) struct ClinicRow {
    clinic_id: String,
    name: String,
    phone: Option<String>,
    address: Option<String>,
    timezone: String,
    business_hours: Json<BusinessHours>,
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

impl TryFrom<ClinicRow> for Clinic {
    type Error = StoreError;

    fn try_from(row: ClinicRow) -> Result<Self, StoreError> {
        let timezone =
            row.timezone.parse().map_err(|error| StoreError::internal("read a clinic's time zone", error))?;
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
            business_hours: row.business_hours.0,
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
