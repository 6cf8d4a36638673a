//! Handlers read the input, call one use case and build the answer.

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

// Messages of 404 answers.
const NO_CLINIC: &str = "Clínica não encontrada.";
const NO_SERVICE: &str = "Serviço não encontrado.";
const NO_PROFESSIONAL: &str = "Profissional não encontrado.";
const NO_RULE: &str = "Regra não encontrada.";
const NO_EXCEPTION: &str = "Exceção não encontrada.";
const NO_APPOINTMENT: &str = "Agendamento não encontrado.";
/// Most rows of a page, and their number if a request names no `limit`.
const MAX_PAGE_SIZE: i64 = 100;
/// Message for `cursor`.
const INVALID_CURSOR: &str = "Cursor inválido.";
/// Message for `end_time`.
const END_BEFORE_START: &str = "Deve ser depois de start_time.";
/// Message for `start_time`, if the request has no `end_time`.
const START_AFTER_END: &str = "Deve ser antes de end_time.";

/// An id in a body or a query; 404 if it is malformed, as for an unknown id.
fn id_of<T: FromStr>(text: &str, missing: &'static str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(missing))
}
