//! Routes for the services of a clinic.

use scheduler_core::adapters::postgres::services::{NewService, ServiceChange};
use scheduler_core::domain::ids::ServiceId;

use super::{NO_CLINIC, NO_SERVICE};
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, MAX_LINE_CHARS, MAX_TEXT_CHARS, boolean, integer, plain_text};
use crate::request::ApiRequest;

/// Maximum length of a service, in minutes (docs/rules/agenda.md#session-length).
const MAX_DURATION_MINUTES: i32 = 720;

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let new = fields.finish(input)?;
    let service = context.db.create_service(&clinic, &new).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::created("Serviço criado.").with("serviceId", service.id)?.with("service", service)
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let services = context.db.list_services(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Serviços da clínica.").with("services", services)
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: ServiceId = request.id("serviceId", NO_SERVICE)?;
    let mut fields = Fields::of_body(&request)?;
    let input = update_input(&mut fields);
    let change = fields.finish(input)?;
    let service = context.db.update_service(request.scope.as_ref(), id, &change).await?;
    Reply::ok("Serviço atualizado.").with("service", service.ok_or(ApiError::NotFound(NO_SERVICE))?)
}

pub(crate) fn create_input(fields: &mut Fields) -> NewService {
    NewService {
        name: fields.required("name", plain_text(MAX_LINE_CHARS)),
        duration_minutes: fields.required("duration_minutes", integer(1, MAX_DURATION_MINUTES)),
        price_cents: fields.optional("price_cents", integer(0, i32::MAX)),
        description: fields.optional("description", plain_text(MAX_TEXT_CHARS)),
    }
}

pub(crate) fn update_input(fields: &mut Fields) -> ServiceChange {
    fields.at_least_one();
    ServiceChange {
        name: fields.non_null("name", plain_text(MAX_LINE_CHARS)),
        duration_minutes: fields.non_null("duration_minutes", integer(1, MAX_DURATION_MINUTES)),
        price_cents: fields.patch("price_cents", integer(0, i32::MAX)),
        description: fields.patch("description", plain_text(MAX_TEXT_CHARS)),
        active: fields.non_null("active", boolean()),
    }
}
