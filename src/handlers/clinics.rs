//! Routes for clinics.

use chrono::{DateTime, Utc};
use scheduler_core::app::clinics::{self, ClinicChange};
use scheduler_core::domain::clinic::{BusinessHours, Clinic, Secret};
use scheduler_core::domain::ids::ClinicId;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{INVALID_CURSOR, MAX_PAGE_SIZE, NO_CLINIC};
use crate::context::{Admin, ClinicReader};
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{
    FieldReader, Fields, MAX_LINE_CHARS, MAX_TEXT_CHARS, boolean, business_hours, integer, phone, plain_text,
    query_integer, text, timezone,
};
use crate::request::ApiRequest;

/// Fields that connect a clinic to other services. A clinic's own key may not set them
/// (docs/rules/security.md#integration-fields).
const INTEGRATION_FIELDS: [&str; 5] = [
    "zapi_instance_id",
    "zapi_instance_token",
    "zapi_client_token",
    "google_spreadsheet_id",
    "google_sheet_name",
];

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    request.require_access_to_every_clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let (name, hours, change) = fields.finish(input)?;
    let clinic = clinics::create(&context.db, name, hours, &change, request.now).await?;
    Reply::created("Clínica criada.").with("clinicId", &clinic.id)?.with("clinic", ClinicView::from(clinic))
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    request.require_access_to_every_clinic()?;
    let mut fields = Fields::of_query(&request);
    let input = list_input(&mut fields);
    let (limit, after) = fields.finish(input)?;
    let page = context.db.list_clinics(after.as_ref(), limit).await?;
    let page = page.ok_or_else(|| ApiError::field("cursor", INVALID_CURSOR))?;
    let rows: Vec<_> = page.clinics.into_iter().map(ClinicView::from).collect();
    let reply = Reply::ok("Clínicas.").with("clinics", rows)?;
    match page.next {
        Some(next) => reply.with("nextCursor", next),
        None => Ok(reply),
    }
}

/// The size of the page, and the clinic after which it begins.
pub(crate) fn list_input(fields: &mut Fields) -> (usize, Option<ClinicId>) {
    let limit = fields.optional("limit", query_integer(1, MAX_PAGE_SIZE)).unwrap_or(MAX_PAGE_SIZE);
    (usize::try_from(limit).unwrap_or(1), fields.optional("cursor", cursor()))
}

/// The `nextCursor` of the previous page: the id of its last clinic.
fn cursor() -> FieldReader<ClinicId> {
    FieldReader::new(
        |value| text(MAX_LINE_CHARS).read(value).map(ClinicId),
        || json!({"type": "string", "format": "clinic-cursor", "description": "The nextCursor of the previous page."}),
    )
}

pub(crate) async fn get(context: &ClinicReader, request: ApiRequest) -> Result<Reply, ApiError> {
    let id = request.clinic()?;
    let clinic = context.admin.db.find_clinic(&id).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let urls = context.webhook_urls.as_ref().filter(|_| request.scope.is_none());
    let webhook_url = urls.zip(clinic.zapi.as_ref()).map(|(urls, zapi)| urls.of(&zapi.id));
    Reply::ok("Clínica encontrada.").with("clinic", ClinicView { webhook_url, ..ClinicView::from(clinic) })
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id = request.clinic()?;
    request.require_access_to_every_clinic_for(&INTEGRATION_FIELDS)?;
    let mut fields = Fields::of_body(&request)?;
    let input = update_input(&mut fields);
    let change = fields.finish(input)?;
    let clinic = clinics::update(&context.db, &id, &change).await?;
    Reply::ok("Clínica atualizada.").with("clinic", ClinicView::from(clinic))
}

pub(crate) fn create_input(fields: &mut Fields) -> (String, BusinessHours, ClinicChange) {
    (
        fields.required("name", plain_text(MAX_LINE_CHARS)),
        fields.required("business_hours", business_hours()),
        settings(fields),
    )
}

pub(crate) fn update_input(fields: &mut Fields) -> ClinicChange {
    fields.at_least_one();
    ClinicChange {
        name: fields.non_null("name", plain_text(MAX_LINE_CHARS)),
        business_hours: fields.non_null("business_hours", business_hours()),
        active: fields.non_null("active", boolean()),
        ..settings(fields)
    }
}

/// Reads the fields that both a new clinic and an update accept.
fn settings(fields: &mut Fields) -> ClinicChange {
    ClinicChange {
        phone: fields.patch("phone", phone()),
        address: fields.patch("address", plain_text(MAX_LINE_CHARS)),
        timezone: fields.non_null("timezone", timezone()),
        buffer_minutes: fields.non_null("buffer_minutes", integer(0, 720)),
        min_notice_minutes: fields.non_null("min_notice_minutes", integer(0, 43_200)),
        max_days_ahead: fields.non_null("max_days_ahead", integer(0, 730)),
        welcome_message: fields.patch("welcome_message", text(MAX_TEXT_CHARS)),
        pre_session_instructions: fields.patch("pre_session_instructions", text(MAX_TEXT_CHARS)),
        zapi_instance_id: fields.patch("zapi_instance_id", text(MAX_LINE_CHARS)),
        zapi_instance_token: fields.non_null("zapi_instance_token", text(MAX_LINE_CHARS)).map(Secret::new),
        zapi_client_token: fields
            .patch("zapi_client_token", text(MAX_LINE_CHARS))
            .map(|token| token.map(Secret::new)),
        google_spreadsheet_id: fields.patch("google_spreadsheet_id", text(MAX_LINE_CHARS)),
        google_sheet_name: fields.non_null("google_sheet_name", text(MAX_LINE_CHARS)),
        ..ClinicChange::default()
    }
}

/// A clinic as the API returns it, without the tokens of its z-api instance.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Clinic"))]
pub(crate) struct ClinicView {
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
    /// Where z-api posts the instance's events, with a token. Only GET with a key for every clinic returns it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose")]
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    webhook_url: Option<Secret>,
    google_spreadsheet_id: Option<String>,
    google_sheet_name: String,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Clinic> for ClinicView {
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
            webhook_url: None,
            google_spreadsheet_id: clinic.google_spreadsheet_id,
            google_sheet_name: clinic.google_sheet_name,
            active: clinic.active,
            created_at: clinic.created_at,
            updated_at: clinic.updated_at,
        }
    }
}

fn expose<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}
