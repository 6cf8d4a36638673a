//! The answer to a reminder: which visit it is about, and the mark it leaves there.

use chrono::{DateTime, Days, Utc};

use super::effects::{World, at, visit};
use crate::adapters::dynamodb::reminders::ReminderKey;
use crate::conversation::event::{Event, Heard};
use crate::conversation::state::{Reminded, Visit};
use crate::domain::appointment::Appointment;
use crate::domain::reminder::{Reminder, ReminderPlan, ReminderStatus};
use crate::error::StoreError;
use crate::points;

impl World<'_> {
    /// The visit whose reminder waits for an answer, if one does.
    pub(super) async fn find_reminded(&self, heard: Heard) -> Result<Event, StoreError> {
        let (clinic, now) = (&self.clinic().id, self.local_now());
        let mut visits = self.chats.db.list_future_visits(clinic, &self.person.match_key, now).await?;
        // Reminders go out on the day before: of later visits none was sent, and nothing is asked.
        let tomorrow = now.date() + Days::new(1);
        visits.retain(|visit| visit.appointment_date <= tomorrow);
        let timezone = self.clinic().timezone;
        let plan = |visit: &Appointment| ReminderPlan::of(visit.id, at(visit), timezone);
        let keys: Vec<ReminderKey> = visits.iter().map(|visit| ReminderKey::of(&plan(visit))).collect();
        let reminders = self.chats.tables.reminders().list(&keys).await?;
        visits.retain(|visit| {
            let its = |reminder: &&Reminder| reminder.appointment_id == visit.id;
            reminders.iter().find(its).is_some_and(|reminder| reminder.status == ReminderStatus::Sent)
        });
        let reminded = meant(&visits, self.received_at).map(|appointment| Reminded {
            visit: visit(appointment),
            patient_name: appointment.patient_name.clone(),
        });
        Ok(Event::RemindedFound { heard, reminded })
    }

    /// Records that the patient will come.
    pub(super) async fn confirm(&self, visit: Visit) -> Result<Event, StoreError> {
        let clinic = &self.clinic().id;
        let stands = self.chats.db.confirm_visit(clinic, visit.id, visit.slot, self.received_at).await?;
        points::reach("visit_committed");
        Ok(Event::VisitConfirmed { visit: stands.then_some(visit) })
    }
}

/// The visit that an answer is about: the nearest one that was not answered yet, else the nearest.
/// One that this very message confirmed is found again where it is run again after a crash.
fn meant(waiting: &[Appointment], received_at: DateTime<Utc>) -> Option<&Appointment> {
    // As precisely as the database keeps it.
    let by_this = |visit: &&Appointment| {
        visit.patient_confirmed_at.is_some_and(|at| at.timestamp_micros() == received_at.timestamp_micros())
    };
    let open = |visit: &&Appointment| visit.patient_confirmed_at.is_none();
    let found = waiting.iter().find(by_this).or_else(|| waiting.iter().find(open));
    found.or_else(|| waiting.first())
}
