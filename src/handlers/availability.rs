//! Opening hours, special days and free times.

use chrono::NaiveDate;
use scheduler_core::adapters::postgres::availability::{NewException, NewRule};
use scheduler_core::app::availability::get_available_slots;
use scheduler_core::domain::clinic::ExceptionType;
use scheduler_core::domain::ids::{ProfessionalId, ServiceId};
use serde_json::json;

use super::{NO_CLINIC, NO_SERVICE};
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, date, integer, text, time, uuid, word};
use crate::request::Call;
use crate::world::World;

const END_BEFORE_START: &str = "Deve ser depois de start_time.";

const TYPES: &[(&str, Option<ExceptionType>)] =
    &[("BLOCKED", Some(ExceptionType::Blocked)), ("SPECIAL_HOURS", Some(ExceptionType::SpecialHours))];

pub(crate) fn create_rule_input(fields: &mut Fields) -> NewRule {
    let new = NewRule {
        professional_id: fields.optional("professional_id", uuid()).map(ProfessionalId),
        day_of_week: i16::try_from(fields.required("day_of_week", integer(0, 6))).unwrap_or_default(),
        start_time: fields.required("start_time", time()),
        end_time: fields.required("end_time", time()),
    };
    if fields.is_sound() && new.end_time <= new.start_time {
        fields.fault("end_time", END_BEFORE_START);
    }
    new
}

pub(crate) async fn create_rule(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_body(&call)?;
    let new = create_rule_input(&mut fields);
    let new = fields.finish(new)?;
    let made = world.db.create_rule(&clinic, &new).await?;
    let missing =
        if new.professional_id.is_some() { "Clínica ou profissional não encontrado." } else { NO_CLINIC };
    let rule = made.ok_or(ApiError::NotFound(missing))?;
    Reply::created("Regra criada.").with("ruleId", rule.id)?.with("rule", rule)
}

pub(crate) fn create_exception_input(fields: &mut Fields) -> NewException {
    let exception_date = fields.required("exception_date", date());
    let exception_type = fields.required("exception_type", word(TYPES)).unwrap_or(ExceptionType::Blocked);
    let start_time = fields.optional("start_time", time());
    let end_time = fields.optional("end_time", time());
    let reason = fields.optional("reason", text(LINE));
    fields.rule(|| {
        let both = json!({"start_time": {"type": "string"}, "end_time": {"type": "string"}});
        let neither = json!({
            "start_time": {"type": "null"}, "end_time": {"type": "null"}, "exception_type": {"const": "BLOCKED"},
        });
        json!({"anyOf": [
            {"properties": both, "required": ["start_time", "end_time"]},
            {"properties": neither},
        ]})
    });
    if fields.is_sound() {
        match (start_time, end_time) {
            (Some(start), Some(end)) if end <= start => fields.fault("end_time", END_BEFORE_START),
            (Some(_), None) => fields.fault("end_time", "Informe junto com start_time."),
            (None, Some(_)) => fields.fault("start_time", "Informe junto com end_time."),
            (None, None) if exception_type == ExceptionType::SpecialHours => {
                fields.fault("start_time", "Obrigatório para SPECIAL_HOURS.");
                fields.fault("end_time", "Obrigatório para SPECIAL_HOURS.");
            }
            _ => {}
        }
    }
    NewException { exception_date, exception_type, start_time, end_time, reason }
}

pub(crate) async fn create_exception(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_body(&call)?;
    let new = create_exception_input(&mut fields);
    let new = fields.finish(new)?;
    let made = world.db.create_exception(&clinic, &new).await?;
    let (exception, conflicts) = made.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::created("Exceção criada.")
        .with("exceptionId", exception.id)?
        .with("exception", exception)?
        .with("conflicts", conflicts)
}

/// The day, and the service's id as it was given.
pub(crate) fn get_slots_input(fields: &mut Fields) -> (NaiveDate, String) {
    (fields.required("date", date()), fields.required("serviceId", text(LINE)))
}

pub(crate) async fn get_slots(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_query(&call);
    let wanted = get_slots_input(&mut fields);
    let (day, service) = fields.finish(wanted)?;
    let profile = world.db.find_profile(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let service: ServiceId = service.parse().map_err(|_| ApiError::NotFound(NO_SERVICE))?;
    let service = world.db.find_service(&clinic, service).await?.ok_or(ApiError::NotFound(NO_SERVICE))?;
    let minutes = service.duration_minutes;
    let slots = get_available_slots(&world.db, &profile.clinic, day, minutes, None, call.now).await?;
    let times: Vec<String> = slots.iter().map(|slot| slot.time.format("%H:%M").to_string()).collect();
    Reply::ok("Horários disponíveis.").with("date", day)?.with("slots", times)
}
