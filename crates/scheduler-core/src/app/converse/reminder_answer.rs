//! Answers to reminders: finds the appointment that is meant and records a confirmation
//! (docs/rules/reminders.md#answers-to-a-reminder).

use std::collections::BTreeSet;

use chrono::{DateTime, Days, Utc};
use tokio::task::JoinSet;

use super::effects::EffectRunner;
use crate::call_stats;
use crate::conversation::machine::event::{Event, PatientMessage};
use crate::conversation::machine::state::{AppointmentSummary, RemindedAppointment};
use crate::domain::appointment::Appointment;
use crate::domain::phone::MatchKey;
use crate::domain::reminder::reminder_id;
use crate::domain::same_name::has_words;
use crate::error::StoreError;
use crate::failpoints;

impl EffectRunner<'_> {
    /// Finds the appointment whose sent reminder the message answers, if there is one. If the phone's record is
    /// somebody else's, the sender's own appointments come first.
    pub(super) async fn find_reminder(&self, message: PatientMessage) -> Result<Event, StoreError> {
        let of_phone = &self.person.match_key;
        let Some(owner) = self.find_other_owner().await? else {
            let reminded = self.find_reminded(of_phone).await?;
            return Ok(Event::ReminderFound { message, reminded: reminded.map(RemindedAppointment::from) });
        };
        if let Some(own) = self.find_reminded(&self.own_key()).await? {
            return Ok(Event::ReminderFound { message, reminded: Some(own.into()) });
        }
        Ok(match self.find_reminded(of_phone).await? {
            Some(appointment) => Event::AnothersReminderFound {
                message,
                appointment: AppointmentSummary::from(&appointment),
                has_name: owner.name.as_deref().is_some_and(has_words),
            },
            None => Event::ReminderFound { message, reminded: None },
        })
    }

    /// The appointment of the patient with this key whose sent reminder the message may answer.
    async fn find_reminded(&self, key: &MatchKey) -> Result<Option<Appointment>, StoreError> {
        let mut appointments = self.list_future_appointments(key).await?;
        // A reminder is sent on the day before, so later appointments need no query.
        let today = self.local_now().date();
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        appointments.retain(|appointment| appointment.appointment_date <= tomorrow);
        let mut reading = JoinSet::new();
        for (index, appointment) in appointments.iter().enumerate() {
            let id = reminder_id(appointment.id, appointment.slot());
            let reminders = self.chats.tables.reminders().clone();
            reading.spawn(call_stats::within(async move { (index, reminders.list(id).await) }));
        }
        let mut answerable = BTreeSet::new();
        while let Some(read) = reading.join_next().await {
            let (index, reminders) = read.map_err(|error| StoreError::internal("read reminders", error))?;
            if reminders?.iter().any(|reminder| reminder.may_be_answered_by(self.batch.newest())) {
                answerable.insert(index);
            }
        }
        let mut index = 0..;
        appointments.retain(|_| index.next().is_some_and(|index| answerable.contains(&index)));
        Ok(choose_reminded(&appointments, self.batch.received_at()).cloned())
    }

    /// Records that the patient will come.
    pub(super) async fn confirm(&self, appointment: AppointmentSummary) -> Result<Event, StoreError> {
        let clinic = &self.clinic().id;
        let confirmed = self
            .chats
            .db
            .confirm_appointment(clinic, appointment.id, appointment.slot, self.batch.received_at())
            .await?;
        failpoints::hit("visit_committed");
        Ok(Event::AppointmentConfirmed { appointment: confirmed.then_some(appointment) })
    }
}

/// The appointment that an answer is about: the nearest one without an answer, else the nearest. If the
/// message is run again after a crash, it is the one that the message confirmed before.
fn choose_reminded(reminded: &[Appointment], received_at: DateTime<Utc>) -> Option<&Appointment> {
    // PostgreSQL stores microseconds.
    let confirmed_by_this = |appointment: &&Appointment| {
        appointment
            .patient_confirmed_at
            .is_some_and(|at| at.timestamp_micros() == received_at.timestamp_micros())
    };
    let unanswered = |appointment: &&Appointment| appointment.patient_confirmed_at.is_none();
    let found = reminded.iter().find(confirmed_by_this).or_else(|| reminded.iter().find(unanswered));
    found.or_else(|| reminded.first())
}
