//! The route for free slots.

use chrono::NaiveDate;
use scheduler_core::app::availability::get_available_slots;
use scheduler_core::domain::ids::ServiceId;

use super::{NO_CLINIC, NO_SERVICE, id_of};
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, MAX_LINE_CHARS, date, text};
use crate::request::ApiRequest;

pub(crate) async fn get_slots(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_query(&request);
    let input = get_slots_input(&mut fields);
    let (day, service) = fields.finish(input)?;
    let profile = context.db.find_profile(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let service: ServiceId = id_of(&service, NO_SERVICE)?;
    let service = context.db.find_service(&clinic, service).await?.ok_or(ApiError::NotFound(NO_SERVICE))?;
    let minutes = service.duration_minutes;
    let slots = get_available_slots(&context.db, &profile.clinic, day, minutes, None, request.now).await?;
    let times: Vec<String> = slots.iter().map(|slot| slot.time.format("%H:%M").to_string()).collect();
    Reply::ok("Horários disponíveis.").with("date", day)?.with("slots", times)
}

pub(crate) fn get_slots_input(fields: &mut Fields) -> (NaiveDate, String) {
    (fields.required("date", date()), fields.required("serviceId", text(MAX_LINE_CHARS)))
}
