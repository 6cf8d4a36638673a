//! Clinics.

use scheduler_core::adapters::postgres::clinics::UpdateClinicError;
use scheduler_core::domain::clinic::{Clinic, Secret, ZapiInstance};
use serde_json::{Value, json};

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
    Reply::ok("Clínica encontrada.").with("clinic", row(&clinic))
}

pub(crate) async fn update(world: &World, call: Call) -> Result<Reply, ApiError> {
    let id = call.clinic()?;
    let fields = Fields::of_body(&call)?;
    for _ in 0..TRIES {
        let mut clinic = world.db.find_clinic(&id).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
        change(&mut clinic, fields.clone())?;
        match world.db.update_clinic(&clinic).await {
            // Somebody changed other fields meanwhile: theirs stay, ours are put on top.
            Err(UpdateClinicError::Changed) => {}
            updated => return Reply::ok("Clínica atualizada.").with("clinic", row(&updated?)),
        }
    }
    Err(UpdateClinicError::Changed.into())
}

/// Applies the fields present.
fn change(clinic: &mut Clinic, mut fields: Fields) -> Result<(), ApiError> {
    if fields.is_empty() {
        return Err(ApiError::field("body", "Informe ao menos um campo."));
    }
    set(&mut clinic.name, fields.change("name", text(LINE)));
    set(&mut clinic.phone, fields.patch("phone", phone));
    set(&mut clinic.address, fields.patch("address", text(LINE)));
    set(&mut clinic.timezone, fields.change("timezone", timezone));
    set(&mut clinic.business_hours, fields.change("business_hours", business_hours));
    set(&mut clinic.buffer_minutes, fields.change("buffer_minutes", integer(0, 720)));
    set(&mut clinic.min_notice_minutes, fields.change("min_notice_minutes", integer(0, 43_200)));
    set(&mut clinic.max_days_ahead, fields.change("max_days_ahead", integer(0, 730)));
    set(&mut clinic.welcome_message, fields.patch("welcome_message", text(TEXT)));
    set(&mut clinic.pre_session_instructions, fields.patch("pre_session_instructions", text(TEXT)));
    set(&mut clinic.google_spreadsheet_id, fields.patch("google_spreadsheet_id", text(LINE)));
    set(&mut clinic.google_sheet_name, fields.change("google_sheet_name", text(LINE)));
    set(&mut clinic.active, fields.change("active", boolean));
    change_zapi(&mut clinic.zapi, &mut fields);
    fields.finish(())
}

/// Instance and token only make sense together; an instance taken away takes its tokens with it.
fn change_zapi(zapi: &mut Option<ZapiInstance>, fields: &mut Fields) {
    let id = fields.patch("zapi_instance_id", text(LINE));
    let token = fields.change("zapi_instance_token", text(LINE)).map(Secret::new);
    let client_token = fields.patch("zapi_client_token", text(LINE)).map(|token| token.map(Secret::new));
    let old = zapi.take();
    let id = id.unwrap_or_else(|| old.as_ref().map(|old| old.id.clone()));
    let token = token.or_else(|| old.as_ref().map(|old| old.token.clone()));
    let client_token = client_token.unwrap_or_else(|| old.and_then(|old| old.client_token));
    match (id, token) {
        (Some(id), Some(token)) => *zapi = Some(ZapiInstance { id, token, client_token }),
        (Some(_), None) => fields.fault("zapi_instance_token", "Informe junto com zapi_instance_id."),
        (None, _) => {}
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// The row as the API shows it: no token ever.
fn row(clinic: &Clinic) -> Value {
    json!({
        "clinic_id": clinic.id,
        "name": clinic.name,
        "phone": clinic.phone,
        "address": clinic.address,
        "timezone": clinic.timezone,
        "business_hours": clinic.business_hours,
        "buffer_minutes": clinic.buffer_minutes,
        "min_notice_minutes": clinic.min_notice_minutes,
        "max_days_ahead": clinic.max_days_ahead,
        "welcome_message": clinic.welcome_message,
        "pre_session_instructions": clinic.pre_session_instructions,
        "zapi_instance_id": clinic.zapi.as_ref().map(|zapi| &zapi.id),
        "zapi_token_set": clinic.zapi.is_some(),
        "google_spreadsheet_id": clinic.google_spreadsheet_id,
        "google_sheet_name": clinic.google_sheet_name,
        "active": clinic.active,
        "created_at": clinic.created_at,
        "updated_at": clinic.updated_at,
    })
}
