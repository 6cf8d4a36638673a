//! Clinics, and the copy of each that a process keeps for a minute.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;
use tokio::time::Instant;

use super::Db;
use super::connection::{constraint, failed, run};
use crate::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use crate::domain::ids::ClinicId;
use crate::domain::message::Choice;
use crate::error::StoreError;

/// How long a process trusts its copy of a clinic.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// A clinic's own wording of one message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OwnTemplate {
    /// The text, with placeholders.
    pub content: String,
    /// Labels by option id.
    pub buttons: Vec<Choice>,
}

/// A clinic with its own wordings, read together by one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicProfile {
    /// The clinic.
    pub clinic: Clinic,
    /// Its active templates by key.
    pub templates: BTreeMap<String, OwnTemplate>,
}

/// A clinic could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateClinicError {
    /// The z-api instance belongs to another clinic.
    #[error("the z-api instance belongs to another clinic")]
    InstanceTaken,
    /// It was changed since it was read.
    #[error("the clinic was changed meanwhile")]
    Changed,
    /// It does not exist.
    #[error("no such clinic")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A profile and when it was read.
pub(super) struct Remembered {
    profile: Arc<ClinicProfile>,
    read_at: Instant,
}

impl Db {
    /// The active clinic behind a z-api instance, kept in memory for a minute.
    pub async fn find_clinic_by_instance(
        &self,
        instance_id: &str,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        if let Some(profile) =
            self.recall(|clinic| clinic.zapi.as_ref().is_some_and(|zapi| zapi.id == instance_id))
        {
            return Ok(Some(profile));
        }
        self.read_profile(None, Some(instance_id)).await
    }

    /// An active clinic by its readable id, kept in memory for a minute.
    pub async fn find_profile(&self, id: &ClinicId) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        if let Some(profile) = self.recall(|clinic| clinic.id == *id) {
            return Ok(Some(profile));
        }
        self.read_profile(Some(id), None).await
    }

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

    /// Writes the clinic back as given unless it was changed since it was read, and forgets the copy
    /// in memory.
    pub async fn update_clinic(&self, clinic: &Clinic) -> Result<Clinic, UpdateClinicError> {
        const DOING: &str = "update a clinic";
        let zapi = clinic.zapi.as_ref();
        let row = run!(self, DOING, |connection| sqlx::query_as!(
            ClinicRow,
            r#"update scheduler.clinics set name = $2, phone = $3, address = $4, timezone = $5,
                business_hours = $6, buffer_minutes = $7, min_notice_minutes = $8, max_days_ahead = $9,
                welcome_message = $10, pre_session_instructions = $11, zapi_instance_id = $12,
                zapi_instance_token = $13, zapi_client_token = $14, google_spreadsheet_id = $15,
                google_sheet_name = $16, active = $17
            where clinic_id = $1 and updated_at = $18
            returning clinic_id, name, phone, address, timezone,
                business_hours as "business_hours: Json<BusinessHours>",
                buffer_minutes, min_notice_minutes, max_days_ahead, welcome_message,
                pre_session_instructions, zapi_instance_id, zapi_instance_token, zapi_client_token,
                google_spreadsheet_id, google_sheet_name, active, created_at, updated_at"#,
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
        match row {
            Ok(Some(row)) => Ok(Clinic::try_from(row)?),
            Ok(None) if self.find_clinic(&clinic.id).await?.is_some() => Err(UpdateClinicError::Changed),
            Ok(None) => Err(UpdateClinicError::NotFound),
            Err(failure) if constraint(&failure) == Some("clinics_zapi_instance_key") => {
                Err(UpdateClinicError::InstanceTaken)
            }
            Err(failure) => Err(failed(DOING, failure).into()),
        }
    }

    /// Drops this process's copy of a clinic: something of it was written.
    pub(super) fn forget(&self, id: &ClinicId) {
        if let Ok(mut remembered) = self.remembered.lock() {
            remembered.remove(id.as_str());
        }
    }

    fn recall(&self, is_it: impl Fn(&Clinic) -> bool) -> Option<Arc<ClinicProfile>> {
        let remembered = self.remembered.lock().ok()?;
        remembered
            .values()
            .find(|kept| kept.read_at.elapsed() < REMEMBERED_FOR && is_it(&kept.profile.clinic))
            .map(|kept| kept.profile.clone())
    }

    async fn read_profile(
        &self,
        id: Option<&ClinicId>,
        instance_id: Option<&str>,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        const DOING: &str = "find a clinic";
        let row = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select to_jsonb(c) as "clinic!: Json<ClinicRow>",
                coalesce(
                    (
                        select jsonb_object_agg(
                            t.template_key,
                            jsonb_build_object('content', t.content, 'buttons', t.buttons)
                        )
                        from scheduler.message_templates t
                        where t.clinic_id = c.clinic_id and t.active
                    ),
                    '{}'
                ) as "templates!: Json<BTreeMap<String, OwnTemplate>>"
            from scheduler.clinics c
            where c.active and (c.clinic_id = $1 or c.zapi_instance_id = $2)"#,
            id.map(ClinicId::as_str),
            instance_id,
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))?;
        let Some(row) = row else { return Ok(None) };
        let clinic = Clinic::try_from(row.clinic.0)?;
        let profile = Arc::new(ClinicProfile { clinic, templates: row.templates.0 });
        if let Ok(mut remembered) = self.remembered.lock() {
            let kept = Remembered { profile: profile.clone(), read_at: Instant::now() };
            remembered.insert(profile.clinic.id.0.clone(), kept);
        }
        Ok(Some(profile))
    }
}

#[derive(Debug, Deserialize)]
struct ClinicRow {
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
