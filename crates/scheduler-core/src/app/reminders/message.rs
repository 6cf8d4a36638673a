//! Renders the message of a reminder.

use std::collections::BTreeMap;

use crate::adapters::postgres::reminders::CurrentAppointment;
use crate::conversation::machine::event::Utterance;
use crate::conversation::say::render::render;
use crate::domain::clinic_profile::ClinicProfile;
use crate::domain::message::OutgoingMessage;
use crate::domain::reminder::REMINDER_24H;
use crate::domain::time::format_date;

/// The reminder of an appointment, with the clinic's own template if it has one.
pub(super) fn reminder_message(appointment: &CurrentAppointment, profile: &ClinicProfile) -> OutgoingMessage {
    let utterance = Utterance {
        template: REMINDER_24H,
        values: BTreeMap::from([
            ("date", format_date(appointment.slot.date)),
            ("time", appointment.slot.time.format("%H:%M").to_string()),
            ("service", appointment.service_name.clone()),
            ("patient_name", appointment.patient.name.clone().unwrap_or_default()),
        ]),
        ..Utterance::default()
    };
    render(&utterance, &profile.clinic, &profile.templates)
}
