//! Tells a patient what reception changed (`notify: true`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork};
use crate::app::chats::Chats;
use crate::conversation::machine::event::Utterance;
use crate::conversation::say::render::render;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::phone::MatchKey;
use crate::domain::time::format_date;
use crate::error::StoreError;

/// Time budget, out of the 8 seconds of an API call. The Reconciler continues what does not fit.
const NOTIFY_BUDGET: Duration = Duration::from_secs(4);

impl Chats {
    /// Sends the patient the appointment's new time, or its cancellation, once per version. Sends nothing
    /// to patients who opted out or whose number WhatsApp does not know.
    pub async fn notify_change(&self, appointment: &Appointment) -> Result<(), StoreError> {
        let template = match appointment.status {
            AppointmentStatus::Confirmed => "RESCHEDULED",
            AppointmentStatus::Cancelled => "CANCELLED",
            AppointmentStatus::Completed | AppointmentStatus::NoShow => return Ok(()),
        };
        let (Some(phone), Some(profile)) =
            (&appointment.patient_phone, self.db.find_profile(&appointment.clinic_id).await?)
        else {
            return Ok(());
        };
        let person = MatchKey(phone.clone());
        let patient = self.db.find_patient(&appointment.clinic_id, &person).await?;
        if patient.as_ref().is_some_and(|patient| patient.opted_out_at.is_some()) {
            return Ok(());
        }
        let Some(to) = self.find_recipient(&profile.clinic, &person, patient.as_ref()).await? else {
            return Ok(());
        };
        let utterance = Utterance {
            template,
            values: BTreeMap::from([
                ("date", format_date(appointment.appointment_date)),
                ("time", appointment.start_time.format("%H:%M").to_string()),
            ]),
            ..Utterance::default()
        };
        let message = render(&utterance, &profile.clinic, &profile.templates);
        let key = ChatKey { clinic: appointment.clinic_id.clone(), person };
        let entry = InboxEntry {
            key: format!("{}#change:{}", appointment.id, appointment.version),
            work: Some(InboxWork::SendMessage { to, message }),
        };
        self.store_and_work(key, entry, None, &profile, Instant::now() + NOTIFY_BUDGET).await?;
        Ok(())
    }
}
