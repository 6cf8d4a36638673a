//! Reads what reminders need to know of appointments. Stores the version of an appointment with which its
//! reminder is up to date (docs/rules/data.md#projections).

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Db;
use super::connection::{run, try_run};
use super::readable::readable;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::ids::{AppointmentId, ClinicId, PatientId};
use crate::domain::patient::Patient;
use crate::domain::phone::{Address, MatchKey};
use crate::domain::time::Slot;
use crate::error::StoreError;

/// The part of an appointment that its reminder depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct AppointmentForReminder {
    pub id: AppointmentId,
    pub clinic: ClinicId,
    /// When the appointment starts.
    pub slot: Slot,
    pub status: AppointmentStatus,
    /// The appointment's version when it was read.
    pub version: i32,
    pub patient_name: Option<String>,
    /// Canonical digits.
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

/// An appointment and its patient, read again just before the reminder is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct CurrentAppointment {
    /// When the appointment starts.
    pub slot: Slot,
    pub status: AppointmentStatus,
    pub service_name: String,
    pub patient: Patient,
}

/// A page of appointments whose reminder is behind.
#[derive(Debug)]
pub struct UnprojectedPage {
    /// Sorted by start.
    pub appointments: Vec<AppointmentForReminder>,
    /// The appointment after which the next page begins; `None` on the last page.
    pub next: Option<(Slot, AppointmentId)>,
}

impl Db {
    /// Appointments of active clinics whose reminder is behind: at most `limit`, beginning after `after`. An
    /// appointment that cannot be read is left out with a warning.
    pub async fn list_unprojected_appointments(
        &self,
        after: Option<(Slot, AppointmentId)>,
        limit: i64,
    ) -> Result<UnprojectedPage, StoreError> {
        const ACTION: &str = "list appointments whose reminder is behind";
        let rows = run!(self, ACTION, retry, |connection| sqlx::query_file!(
            "src/adapters/postgres/list_reminders_behind.sql",
            after.map(|(slot, _)| slot.date),
            after.map(|(slot, _)| slot.time),
            after.map(|(_, id)| id.0),
            limit,
        )
        .fetch_all(connection))?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|read| read < limit);
        let place = rows.last().map(|row| {
            (Slot { date: row.appointment_date, time: row.start_time }, AppointmentId::from(row.id))
        });
        let appointments = readable(rows.into_iter().map(|row| {
            let clinic = ClinicId(row.clinic_id);
            let status: Result<AppointmentStatus, StoreError> =
                row.status.parse().map_err(|error| StoreError::internal(ACTION, error));
            let appointment = status.map(|status| AppointmentForReminder {
                id: row.id.into(),
                clinic: clinic.clone(),
                slot: Slot { date: row.appointment_date, time: row.start_time },
                status,
                version: row.version,
                patient_name: row.patient_name,
                patient_phone: row.patient_phone,
            });
            (clinic, appointment)
        }));
        Ok(UnprojectedPage { appointments, next: place.filter(|_| !is_last) })
    }

    /// Records that the reminder is up to date with this version of the appointment. `start` is the start for
    /// which there is a reminder now, if there is one. Returns the start that was recorded before, if there
    /// was one. Records nothing and returns `None` if the appointment was changed or already marked
    /// meanwhile.
    pub async fn mark_reminder_projected(
        &self,
        appointment: &AppointmentForReminder,
        start: Option<Slot>,
    ) -> Result<Option<Slot>, StoreError> {
        const ACTION: &str = "mark a reminder as projected";
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

    /// When the appointment was booked or moved to its current start. `None` also if that was not recorded.
    pub async fn find_start_changed_at(
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

    /// The current appointment and its patient.
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
