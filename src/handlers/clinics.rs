//! Clinics.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use scheduler_core::adapters::postgres::clinics::UpdateClinicError;
use scheduler_core::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use scheduler_core::domain::ids::ClinicId;
use serde::Serialize;

use super::NO_CLINIC;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, TEXT, boolean, business_hours, integer, phone, text, timezone};
use crate::request::Call;
use crate::world::World;

/// How often a change is put on top of somebody else's.
const TRIES: usize = 5;

pub(crate) async fn get(world: &World, call: Call) -> Result<Reply, ApiError> {
    let id = call.clinic()?;
    let clinic = world.db.find_clinic(&id).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Clínica encontrada.").with("clinic", ClinicRow::from(clinic))
}

/// The fields that are to change.
pub(crate) struct ClinicChange {
    name: Option<String>,
    phone: Option<Option<String>>,
    address: Option<Option<String>>,
    timezone: Option<Tz>,
    business_hours: Option<BusinessHours>,
    buffer_minutes: Option<i32>,
    min_notice_minutes: Option<i32>,
    max_days_ahead: Option<i32>,
    welcome_message: Option<Option<String>>,
    pre_session_instructions: Option<Option<String>>,
    google_spreadsheet_id: Option<Option<String>>,
    google_sheet_name: Option<String>,
    active: Option<bool>,
    zapi_instance_id: Option<Option<String>>,
    zapi_instance_token: Option<Secret>,
    zapi_client_token: Option<Option<Secret>>,
}

pub(crate) fn update_input(fields: &mut Fields) -> ClinicChange {
    fields.at_least_one();
    ClinicChange {
        name: fields.change("name", text(LINE)),
        phone: fields.patch("phone", phone()),
        address: fields.patch("address", text(LINE)),
        timezone: fields.change("timezone", timezone()),
        business_hours: fields.change("business_hours", business_hours()),
        buffer_minutes: fields.change("buffer_minutes", integer(0, 720)),
        min_notice_minutes: fields.change("min_notice_minutes", integer(0, 43_200)),
        max_days_ahead: fields.change("max_days_ahead", integer(0, 730)),
        welcome_message: fields.patch("welcome_message", text(TEXT)),
        pre_session_instructions: fields.patch("pre_session_instructions", text(TEXT)),
        google_spreadsheet_id: fields.patch("google_spreadsheet_id", text(LINE)),
        google_sheet_name: fields.change("google_sheet_name", text(LINE)),
        active: fields.change("active", boolean()),
        zapi_instance_id: fields.patch("zapi_instance_id", text(LINE)),
        zapi_instance_token: fields.change("zapi_instance_token", text(LINE)).map(Secret::new),
        zapi_client_token: fields.patch("zapi_client_token", text(LINE)).map(|token| token.map(Secret::new)),
    }
}

pub(crate) async fn update(world: &World, call: Call) -> Result<Reply, ApiError> {
    let id = call.clinic()?;
    let mut fields = Fields::of_body(&call)?;
    let change = update_input(&mut fields);
    let change = fields.finish(change)?;
    for _ in 0..TRIES {
        let mut clinic = world.db.find_clinic(&id).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
        change.apply(&mut clinic)?;
        match world.db.update_clinic(&clinic).await {
            // Somebody changed other fields meanwhile: theirs stay, ours are put on top.
            Err(UpdateClinicError::Changed) => {}
            updated => return Reply::ok("Clínica atualizada.").with("clinic", ClinicRow::from(updated?)),
        }
    }
    Err(UpdateClinicError::Changed.into())
}

impl ClinicChange {
    fn apply(&self, clinic: &mut Clinic) -> Result<(), ApiError> {
        set(&mut clinic.name, &self.name);
        set(&mut clinic.phone, &self.phone);
        set(&mut clinic.address, &self.address);
        set(&mut clinic.timezone, &self.timezone);
        set(&mut clinic.business_hours, &self.business_hours);
        set(&mut clinic.buffer_minutes, &self.buffer_minutes);
        set(&mut clinic.min_notice_minutes, &self.min_notice_minutes);
        set(&mut clinic.max_days_ahead, &self.max_days_ahead);
        set(&mut clinic.welcome_message, &self.welcome_message);
        set(&mut clinic.pre_session_instructions, &self.pre_session_instructions);
        set(&mut clinic.google_spreadsheet_id, &self.google_spreadsheet_id);
        set(&mut clinic.google_sheet_name, &self.google_sheet_name);
        set(&mut clinic.active, &self.active);
        clinic.zapi = self.zapi(clinic.zapi.take())?;
        Ok(())
    }

    /// Instance and token only make sense together; an instance taken away takes its tokens with it.
    fn zapi(&self, old: Option<ZapiInstance>) -> Result<Option<ZapiInstance>, ApiError> {
        let (mut id, mut token, mut client_token) = match old {
            Some(old) => (Some(old.id), Some(old.token), old.client_token),
            None => (None, None, None),
        };
        set(&mut id, &self.zapi_instance_id);
        if self.zapi_instance_token.is_some() {
            token.clone_from(&self.zapi_instance_token);
        }
        set(&mut client_token, &self.zapi_client_token);
        match (id, token) {
            (Some(id), Some(token)) => Ok(Some(ZapiInstance { id, token, client_token })),
            (Some(_), None) => {
                Err(ApiError::field("zapi_instance_token", "Informe junto com zapi_instance_id."))
            }
            (None, _) => Ok(None),
        }
    }
}

fn set<T: Clone>(field: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

/// The row as the API shows it: no token ever.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ClinicRow {
    clinic_id: ClinicId,
    name: String,
    phone: Option<String>,
    address: Option<String>,
    timezone: String,
    business_hours: BusinessHours,
    buffer_minutes: i32,
    min_notice_minutes: i32,
    max_days_ahead: i32,
    welcome_message: Option<String>,
    pre_session_instructions: Option<String>,
    zapi_instance_id: Option<String>,
    zapi_token_set: bool,
    google_spreadsheet_id: Option<String>,
    google_sheet_name: String,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Clinic> for ClinicRow {
    fn from(clinic: Clinic) -> Self {
        Self {
            clinic_id: clinic.id,
            name: clinic.name,
            phone: clinic.phone,
            address: clinic.address,
            timezone: clinic.timezone.name().to_owned(),
            business_hours: clinic.business_hours,
            buffer_minutes: clinic.buffer_minutes,
            min_notice_minutes: clinic.min_notice_minutes,
            max_days_ahead: clinic.max_days_ahead,
            welcome_message: clinic.welcome_message,
            pre_session_instructions: clinic.pre_session_instructions,
            zapi_token_set: clinic.zapi.is_some(),
            zapi_instance_id: clinic.zapi.map(|zapi| zapi.id),
            google_spreadsheet_id: clinic.google_spreadsheet_id,
            google_sheet_name: clinic.google_sheet_name,
            active: clinic.active,
            created_at: clinic.created_at,
            updated_at: clinic.updated_at,
        }
    }
}
