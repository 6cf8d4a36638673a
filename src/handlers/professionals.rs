//! Who treats patients.

use scheduler_core::adapters::postgres::professionals::{NewProfessional, ProfessionalChange};
use scheduler_core::domain::ids::ProfessionalId;

use super::{NO_CLINIC, NO_PROFESSIONAL};
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, boolean, text};
use crate::request::Call;
use crate::world::World;

pub(crate) async fn create(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_body(&call)?;
    let input = create_input(&mut fields);
    let new = fields.finish(input)?;
    let made = world.db.create_professional(&clinic, &new).await?;
    let professional = made.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::created("Profissional criado.")
        .with("professionalId", professional.id)?
        .with("professional", professional)
}

pub(crate) async fn list(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let professionals = world.db.list_professionals(&clinic).await?;
    let professionals = professionals.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Profissionais da clínica.").with("professionals", professionals)
}

pub(crate) async fn update(world: &World, call: Call) -> Result<Reply, ApiError> {
    let id: ProfessionalId = call.id("professionalId", NO_PROFESSIONAL)?;
    let mut fields = Fields::of_body(&call)?;
    let input = update_input(&mut fields);
    let change = fields.finish(input)?;
    let professional = world.db.update_professional(call.scope.as_ref(), id, &change).await?;
    let professional = professional.ok_or(ApiError::NotFound(NO_PROFESSIONAL))?;
    Reply::ok("Profissional atualizado.").with("professional", professional)
}

pub(crate) fn create_input(fields: &mut Fields) -> NewProfessional {
    NewProfessional { name: fields.required("name", text(LINE)), role: fields.optional("role", text(LINE)) }
}

pub(crate) fn update_input(fields: &mut Fields) -> ProfessionalChange {
    fields.at_least_one();
    ProfessionalChange {
        name: fields.change("name", text(LINE)),
        role: fields.patch("role", text(LINE)),
        active: fields.change("active", boolean()),
    }
}
