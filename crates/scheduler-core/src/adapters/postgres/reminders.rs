//! What reminders have to know of appointments, and how far each appointment's reminder was brought.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Db;
use super::connection::{run, try_run};
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::ids::{AppointmentId, ClinicId, PatientId};
use crate::domain::patient::Patient;
use crate::domain::phone::{Address, MatchKey};
use crate::domain::time::Slot;
use crate::error::StoreError;

/// An appointment as its reminder follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentForReminder {
    /// The appointment.
    pub id: AppointmentId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// Its start.
    pub slot: Slot,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Up to which its reminder is brought.
    pub version: i32,
    /// The patient's name, if known.
    pub patient_name: Option<String>,
    /// The patient's canonical digits, if known.
    pub patient_phone: Option<String>,
}

impl From<&Appointment> for AppointmentForReminder {
    fn from(appointment: &Appointment) -> Self {
        Self {
            id: appointment.id,
            clinic: appointment.clinic_id.clone(),
            slot: Slot { date: appointment.appointment_date, time: appointment.start_time },
            status: appointment.status,
            version: appointment.version,
            patient_name: appointment.patient_name.clone(),
            patient_phone: appointment.patient_phone.clone(),
        }
    }
}

/// An appointment at the moment of its reminder, and who is reminded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentAppointment {
    /// Its start.
    pub slot: Slot,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// What is done.
    pub service_name: String,
    /// Who comes.
    pub patient: Patient,
}

impl Db {
    /// Appointments whose reminder is behind, by their start, after `after`: at most `limit`.
    pub async fn list_reminders_behind(
        &self,
        after: Option<(Slot, AppointmentId)>,
        limit: i64,
    ) -> Result<Vec<AppointmentForReminder>, StoreError> {
        const ACTION: &str = "list appointments whose reminder is behind";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file!(
            "src/adapters/postgres/list_reminders_behind.sql",
            after.map(|(slot, _)| slot.date),
            after.map(|(slot, _)| slot.time),
            after.map(|(_, id)| id.0),
            limit,
        )
        .fetch_all(connection))?;
        rows.into_iter()
            .map(|row| {
                Ok(AppointmentForReminder {
                    id: row.id.into(),
                    clinic: row.clinic_id.into(),
                    slot: Slot { date: row.appointment_date, time: row.start_time },
                    status: row.status.parse().map_err(|error| StoreError::internal(ACTION, error))?,
                    version: row.version,
                    patient_name: row.patient_name,
                    patient_phone: row.patient_phone,
                })
            })
            .collect()
    }

    /// Records that the reminder was brought up to this version of the appointment, with `start` where
    /// there is one. The start recorded before; `None` also if the appointment has changed meanwhile: then
    /// nothing is recorded.
    pub async fn mark_reminder(
        &self,
        appointment: &AppointmentForReminder,
        start: Option<Slot>,
    ) -> Result<Option<Slot>, StoreError> {
        const ACTION: &str = "mark an appointment's reminder";
        let previous: Option<Option<NaiveDateTime>> = run!(self, ACTION, retry, |connection| {
            sqlx::query_scalar!(
                r#"with before as (
                    select id, reminder_start from scheduler.appointments
                    where clinic_id = $1 and id = $2 and version = $3 and reminder_version < $3
                    for update
                )
                update scheduler.appointments a set reminder_version = $3, reminder_start = $4
                from before
                where a.clinic_id = $1 and a.id = before.id
                returning before.reminder_start"#,
                appointment.clinic.as_str(),
                appointment.id.0,
                appointment.version,
                start.map(Slot::at),
            )
            .fetch_optional(connection)
        })?;
        Ok(previous.flatten().map(|at| Slot { date: at.date(), time: at.time() }))
    }

    /// When the appointment's start was set: it was booked or moved then. `None` also where that is not
    /// known.
    pub async fn find_start_set_at(
        &self,
        appointment: &AppointmentForReminder,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        const ACTION: &str = "read when an appointment was booked or moved";
        let found = run!(self, ACTION, retry, |connection| sqlx::query_scalar!(
            "select start_set_at from scheduler.appointments where clinic_id = $1 and id = $2",
            appointment.clinic.as_str(),
            appointment.id.0,
        )
        .fetch_optional(connection))?;
        Ok(found.flatten())
    }

    /// An appointment and its patient as they are now.
    pub async fn find_current_appointment(
        &self,
        clinic: &ClinicId,
        id: AppointmentId,
    ) -> Result<Option<CurrentAppointment>, StoreError> {
        const ACTION: &str = "read the appointment of a reminder";
        let row = run!(self, ACTION, retry, |connection| sqlx::query!(
            "select a.appointment_date, a.start_time, a.status, s.name as service_name,
                p.id, p.phone, p.wa_id, p.match_key, p.name, p.chat_lid, p.opted_out_at
            from scheduler.appointments a
            join scheduler.services s on s.clinic_id = a.clinic_id and s.id = a.service_id
            join scheduler.patients p on p.clinic_id = a.clinic_id and p.id = a.patient_id
            where a.clinic_id = $1 and a.id = $2",
            clinic.as_str(),
            id.0,
        )
        .fetch_optional(connection))?;
        row.map(|row| {
            Ok(CurrentAppointment {
                slot: Slot { date: row.appointment_date, time: row.start_time },
                status: row.status.parse().map_err(|error| StoreError::internal(ACTION, error))?,
                service_name: row.service_name,
                patient: Patient {
                    id: PatientId(row.id),
                    clinic_id: clinic.clone(),
                    phone: row.phone,
                    wa_id: row.wa_id.map(Address),
                    match_key: MatchKey(row.match_key),
                    name: row.name,
                    chat_lid: row.chat_lid,
                    opted_out_at: row.opted_out_at,
                },
            })
        })
        .transpose()
    }
}
