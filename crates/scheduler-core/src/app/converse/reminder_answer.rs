//! The answer to a reminder: which appointment it is about, and the mark it leaves there.

use chrono::{DateTime, Days, Utc};

use super::effects::EffectRunner;
use crate::adapters::dynamodb::reminders::ReminderKey;
use crate::conversation::machine::event::{Event, PatientMessage};
use crate::conversation::machine::state::{AppointmentSummary, RemindedAppointment};
use crate::domain::appointment::Appointment;
use crate::domain::reminder::{Reminder, ReminderPlan, ReminderStatus};
use crate::error::StoreError;
use crate::failpoints;

impl EffectRunner<'_> {
    /// The appointment whose reminder waits for an answer, if one does.
    pub(super) async fn find_reminder(&self, message: PatientMessage) -> Result<Event, StoreError> {
        let (clinic, now) = (&self.clinic().id, self.local_now());
        let mut appointments =
            self.chats.db.list_future_appointments(clinic, &self.person.match_key, now).await?;
        // Reminders go out on the day before: of later appointments none was sent, and nothing is asked.
        let tomorrow = now.date() + Days::new(1);
        appointments.retain(|appointment| appointment.appointment_date <= tomorrow);
        let timezone = self.clinic().timezone;
        let plan = |appointment: &Appointment| ReminderPlan::of(appointment.id, appointment.slot(), timezone);
        let keys: Vec<ReminderKey> =
            appointments.iter().map(|appointment| ReminderKey::of(&plan(appointment))).collect();
        let reminders = self.chats.tables.reminders().list(&keys).await?;
        appointments.retain(|appointment| {
            let its = |reminder: &&Reminder| reminder.appointment_id == appointment.id;
            reminders.iter().find(its).is_some_and(|reminder| reminder.status == ReminderStatus::Sent)
        });
        let reminded = meant(&appointments, self.received_at).map(|appointment| RemindedAppointment {
            appointment: AppointmentSummary::from(appointment),
            patient_name: appointment.patient_name.clone(),
        });
        Ok(Event::ReminderFound { message, reminded })
    }

    /// Records that the patient will come.
    pub(super) async fn confirm(&self, appointment: AppointmentSummary) -> Result<Event, StoreError> {
        let clinic = &self.clinic().id;
        let stands = self
            .chats
            .db
            .confirm_appointment(clinic, appointment.id, appointment.slot, self.received_at)
            .await?;
        failpoints::hit("visit_committed");
        Ok(Event::AppointmentConfirmed { appointment: stands.then_some(appointment) })
    }
}

/// The appointment that an answer is about: the nearest one that was not answered yet, else the nearest.
/// One that this very message confirmed is found again where it is run again after a crash.
fn meant(entry: &[Appointment], received_at: DateTime<Utc>) -> Option<&Appointment> {
    // As precisely as the database keeps it.
    let by_this = |appointment: &&Appointment| {
        appointment
            .patient_confirmed_at
            .is_some_and(|at| at.timestamp_micros() == received_at.timestamp_micros())
    };
    let open = |appointment: &&Appointment| appointment.patient_confirmed_at.is_none();
    let found = entry.iter().find(by_this).or_else(|| entry.iter().find(open));
    found.or_else(|| entry.first())
}
