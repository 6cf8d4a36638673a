//! Handlers: read the input, call one use case, shape the answer.

pub(crate) mod appointments;
pub(crate) mod availability;
pub(crate) mod clinics;
pub(crate) mod services;
pub(crate) mod webhook;

/// 404 of a clinic.
const NO_CLINIC: &str = "Clínica não encontrada.";
/// 404 of a service.
const NO_SERVICE: &str = "Serviço não encontrado.";
/// 404 of an appointment.
const NO_APPOINTMENT: &str = "Agendamento não encontrado.";
