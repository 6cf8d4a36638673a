//! Handlers: read the input, call one use case, shape the answer.

pub(crate) mod appointments;
pub(crate) mod availability;
mod choices;
pub(crate) mod clinics;
pub(crate) mod exceptions;
pub(crate) mod faq;
pub(crate) mod professionals;
pub(crate) mod rules;
pub(crate) mod send;
pub(crate) mod services;
pub(crate) mod templates;
pub(crate) mod webhook;

use std::str::FromStr;

use crate::error::ApiError;

/// 404 of a clinic.
const NO_CLINIC: &str = "Clínica não encontrada.";
/// 404 of a service.
const NO_SERVICE: &str = "Serviço não encontrado.";
/// 404 of a professional.
const NO_PROFESSIONAL: &str = "Profissional não encontrado.";
/// 404 of an availability rule.
const NO_RULE: &str = "Regra não encontrada.";
/// 404 of an availability exception.
const NO_EXCEPTION: &str = "Exceção não encontrada.";
/// 404 of an appointment.
const NO_APPOINTMENT: &str = "Agendamento não encontrado.";
/// What is wrong with an end.
const END_BEFORE_START: &str = "Deve ser depois de start_time.";
/// What is wrong with a start beside an end that stands.
const START_AFTER_END: &str = "Deve ser antes de end_time.";

/// An id in a body or a query; what is no id is not there either.
fn id_of<T: FromStr>(text: &str, missing: &'static str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(missing))
}
