//! Tells a patient what reception changed (`notify: true`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapters::dynamodb::session::{ChatKey, Waiting, Work};
use crate::app::converse::Chats;
use crate::conversation::copy::render;
use crate::conversation::event::Saying;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::phone::MatchKey;
use crate::domain::time::written_date;
use crate::error::StoreError;

/// An API call is answered within 8 seconds; what doesn't fit is left to the Reconciler.
const BUDGET: Duration = Duration::from_secs(4);

impl Chats {
    /// Sends the patient the visit's new time, or its cancellation, once per version. Nothing to
    /// whoever opted out, and nothing to a number that WhatsApp does not know.
    pub async fn tell_of_change(&self, visit: &Appointment) -> Result<(), StoreError> {
        let template = match visit.status {
            AppointmentStatus::Confirmed => "RESCHEDULED",
            AppointmentStatus::Cancelled => "CANCELLED",
            AppointmentStatus::Completed | AppointmentStatus::NoShow => return Ok(()),
        };
        let (Some(phone), Some(profile)) =
            (&visit.patient_phone, self.db.find_profile(&visit.clinic_id).await?)
        else {
            return Ok(());
        };
        let person = MatchKey(phone.clone());
        let patient = self.db.find_patient(&visit.clinic_id, &person).await?;
        if patient.as_ref().is_some_and(|patient| patient.opted_out_at.is_some()) {
            return Ok(());
        }
        let Some(to) = self.find_recipient(&profile.clinic, &person, patient.as_ref()).await? else {
            return Ok(());
        };
        let saying = Saying {
            template,
            values: BTreeMap::from([
                ("date", written_date(visit.appointment_date)),
                ("time", visit.start_time.format("%H:%M").to_string()),
            ]),
            ..Saying::default()
        };
        let message = render(&saying, &profile.clinic, &profile.templates);
        let key = ChatKey { clinic: visit.clinic_id.clone(), person };
        let waiting = Waiting {
            key: format!("{}#change:{}", visit.id, visit.version),
            work: Some(Work::Say { to, message }),
        };
        self.store_and_work(key, waiting, None, &profile, Instant::now() + BUDGET).await?;
        Ok(())
    }
}
