//! What a clinic sells.

use scheduler_core::adapters::postgres::services::NewService;

use super::NO_CLINIC;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, TEXT, integer, text};
use crate::request::Call;
use crate::world::World;

pub(crate) fn create_input(fields: &mut Fields) -> NewService {
    NewService {
        name: fields.required("name", text(LINE)),
        duration_minutes: fields.required("duration_minutes", integer(1, 720)),
        price_cents: fields.optional("price_cents", integer(0, i32::MAX)),
        description: fields.optional("description", text(TEXT)),
    }
}

pub(crate) async fn create(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_body(&call)?;
    let new = create_input(&mut fields);
    let new = fields.finish(new)?;
    let service = world.db.create_service(&clinic, &new).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::created("Serviço criado.").with("serviceId", service.id)?.with("service", service)
}

pub(crate) async fn list(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let services = world.db.list_services(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Serviços da clínica.").with("services", services)
}
