//! A patient's confirmation of an appointment.

use chrono::{DateTime, Utc};

use super::Db;
use super::connection::{run, try_run};
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::domain::time::Slot;
use crate::error::StoreError;

impl Db {
    /// Records that the patient confirmed the appointment at `slot`. An earlier confirmation is kept
    /// (docs/rules/reminders.md#answers-to-a-reminder). Returns `false`, and records nothing, if the clinic
    /// has no `CONFIRMED` appointment with this id and start.
    pub async fn confirm_appointment(
        &self,
        clinic: &ClinicId,
        id: AppointmentId,
        slot: Slot,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const ACTION: &str = "confirm an appointment";
        run!(self, ACTION, retry, |connection| sqlx::query_scalar!(
            r#"with appointment as (
                select id from scheduler.appointments
                where clinic_id = $1 and id = $2 and status = 'CONFIRMED'
                    and appointment_date = $3 and start_time = $4
                for update
            ), confirmed as (
                update scheduler.appointments a set patient_confirmed_at = $5, version = a.version + 1
                from appointment
                where a.clinic_id = $1 and a.id = appointment.id and a.patient_confirmed_at is null
            )
            select exists (select from appointment) as "stands!""#,
            clinic.as_str(),
            id.0,
            slot.date,
            slot.time,
            at,
        )
        .fetch_one(connection))
    }
}
