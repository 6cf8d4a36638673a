//! Routes for the professionals who treat patients.

use scheduler_core::adapters::postgres::professionals::{NewProfessional, ProfessionalChange};
use scheduler_core::domain::ids::ProfessionalId;

use super::{NO_CLINIC, NO_PROFESSIONAL};
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, MAX_LINE_CHARS, boolean, plain_text};
use crate::request::ApiRequest;

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let new = fields.finish(input)?;
    let created = context.db.create_professional(&clinic, &new).await?;
    let professional = created.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::created("Profissional criado.")
        .with("professionalId", professional.id)?
        .with("professional", professional)
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let professionals = context.db.list_professionals(&clinic).await?;
    let professionals = professionals.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Profissionais da clínica.").with("professionals", professionals)
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: ProfessionalId = request.id("professionalId", NO_PROFESSIONAL)?;
    let mut fields = Fields::of_body(&request)?;
    let input = update_input(&mut fields);
    let change = fields.finish(input)?;
    let professional = context.db.update_professional(request.scope.as_ref(), id, &change).await?;
    let professional = professional.ok_or(ApiError::NotFound(NO_PROFESSIONAL))?;
    Reply::ok("Profissional atualizado.").with("professional", professional)
}

pub(crate) fn create_input(fields: &mut Fields) -> NewProfessional {
    NewProfessional {
        name: fields.required("name", plain_text(MAX_LINE_CHARS)),
        role: fields.optional("role", plain_text(MAX_LINE_CHARS)),
    }
}

pub(crate) fn update_input(fields: &mut Fields) -> ProfessionalChange {
    fields.at_least_one();
    ProfessionalChange {
        name: fields.non_null("name", plain_text(MAX_LINE_CHARS)),
        role: fields.patch("role", plain_text(MAX_LINE_CHARS)),
        active: fields.non_null("active", boolean()),
    }
}
