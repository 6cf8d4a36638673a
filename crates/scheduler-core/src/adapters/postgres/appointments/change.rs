//! Moving, cancelling and editing an appointment.

use chrono::{DateTime, Utc};

use super::super::Db;
use super::super::connection::{QueryError, constraint, is_write_conflict, store_error, try_run};
use super::{AppointmentRow, MAX_RETRIES, ends_past_midnight, query_appointments};
use crate::domain::appointment::{Appointment, AppointmentChange, AppointmentStatus};
use crate::domain::ids::{AppointmentId, ClinicId};
use crate::error::StoreError;

/// Outcome of changing an appointment.
#[derive(Debug)]
pub enum ChangeOutcome {
    /// The appointment after the change, also if the change was already in effect.
    Applied(Box<Appointment>),
    /// The appointment does not exist, or belongs to another clinic.
    NotFound,
    /// The new time is taken; nothing was changed.
    SlotTaken,
    /// The change names an older version. Holds the current appointment.
    Stale(Box<Appointment>),
    /// The current status does not allow the change (docs/rules/agenda.md#appointment-status). Holds the
    /// current appointment.
    NotAllowed(Box<Appointment>),
    /// It would end after 23:59 of its day.
    PastMidnight,
}

impl Db {
    /// Changes an appointment in one statement. A move takes an advisory lock on the clinic, because
    /// appointments that move into each other's slots would deadlock without it
    /// (docs/rules/agenda.md#moving). A move clears `patient_confirmed_at`; every change raises `version`.
    /// `clinic` is `None` only if the API key covers all clinics.
    pub async fn change_appointment(
        &self,
        clinic: Option<&ClinicId>,
        id: AppointmentId,
        change: &AppointmentChange,
        now: DateTime<Utc>,
    ) -> Result<ChangeOutcome, StoreError> {
        const ACTION: &str = "change an appointment";
        let mut retries = 0;
        let row = loop {
            match self.change_once(clinic, id, change, now).await? {
                Ok(row) => break row,
                Err(error) if is_write_conflict(&error) && retries < MAX_RETRIES => retries += 1,
                Err(error) => {
                    return match constraint(&error) {
                        Some("appointments_no_overlap") => Ok(ChangeOutcome::SlotTaken),
                        _ if ends_past_midnight(&error) => Ok(ChangeOutcome::PastMidnight),
                        _ => Err(store_error(ACTION, error)),
                    };
                }
            }
        };
        if let Some(row) = row {
            return Ok(ChangeOutcome::Applied(Box::new(row.try_into()?)));
        }
        let Some(appointment) = self.find_appointment(clinic, id).await? else {
            return Ok(ChangeOutcome::NotFound);
        };
        let appointment = Box::new(appointment);
        Ok(if change.is_applied_to(&appointment) {
            ChangeOutcome::Applied(appointment)
        } else if change.version.is_some_and(|version| version != appointment.version) {
            ChangeOutcome::Stale(appointment)
        } else {
            ChangeOutcome::NotAllowed(appointment)
        })
    }

    /// Parameters: $1 id, $2 clinic (null: every clinic), $3 version seen, $4 $5 new date and start, $6
    /// status, $7 notes, $8 clear them, $9 areas, $10 clear them, $11 the patient's name, $12 now. No row:
    /// the appointment does not exist, the version is stale, the change is not allowed, or nothing would
    /// change. A move keeps the duration; an end past midnight wraps around. The patient is renamed
    /// only if the appointment is changed.
    ///
    /// For a new name the patient is locked first. So a request that arrives twice at once compares the name
    /// that the first one has written, and changes nothing the second time.
    async fn change_once(
        &self,
        clinic: Option<&ClinicId>,
        id: AppointmentId,
        change: &AppointmentChange,
        now: DateTime<Utc>,
    ) -> Result<Result<Option<AppointmentRow>, QueryError>, StoreError> {
        let clears = |field: &Option<Option<String>>| matches!(field, Some(None));
        Ok(try_run!(self, "change an appointment", |connection| {
            query_appointments!(
            with "with clinic_lock as materialized (
                select pg_advisory_xact_lock(hashtextextended(clinic_id, 0))
                from scheduler.appointments
                where id = $1 and $4::date is not null
            ), renamed as (
                select p.id, p.name
                from scheduler.appointments a
                join scheduler.patients p on p.clinic_id = a.clinic_id and p.id = a.patient_id
                where a.id = $1 and a.clinic_id = coalesce($2, a.clinic_id) and $11::text is not null
                for no key update of p
            ), a as (
                update scheduler.appointments a set
                    appointment_date = coalesce($4, a.appointment_date),
                    start_time = coalesce($5, a.start_time),
                    end_time = coalesce($5, a.start_time) + (a.end_time - a.start_time),
                    status = coalesce($6, a.status),
                    notes = case when $8::boolean then null else coalesce($7, a.notes) end,
                    areas = case when $10::boolean then null else coalesce($9, a.areas) end,
                    patient_confirmed_at = case
                        when (coalesce($4, a.appointment_date), coalesce($5, a.start_time))
                            is distinct from (a.appointment_date, a.start_time) then null
                        else a.patient_confirmed_at
                    end,
                    start_set_at = case
                        when (coalesce($4, a.appointment_date), coalesce($5, a.start_time))
                            is distinct from (a.appointment_date, a.start_time) then $12
                        else a.start_set_at
                    end,
                    version = a.version + 1
                from (select 1) request left join renamed on true
                where a.id = $1 and a.clinic_id = coalesce($2, a.clinic_id)
                    and a.version = coalesce($3, a.version)
                    and (select count(*) from clinic_lock) >= 0
                    and ($4::date is null or a.status = 'CONFIRMED')
                    and (
                        coalesce($6, a.status) = a.status
                        or (a.status, $6::text) in (
                            ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'COMPLETED'), ('CONFIRMED', 'NO_SHOW'),
                            ('COMPLETED', 'NO_SHOW'), ('NO_SHOW', 'COMPLETED')
                        )
                    )
                    and (
                        (renamed.id is not null and renamed.name is distinct from $11)
                        or (
                            coalesce($4, a.appointment_date), coalesce($5, a.start_time), coalesce($6, a.status),
                            case when $8::boolean then null else coalesce($7, a.notes) end,
                            case when $10::boolean then null else coalesce($9, a.areas) end
                        ) is distinct from (a.appointment_date, a.start_time, a.status, a.notes, a.areas)
                    )
                returning a.*
            ), named as (
                update scheduler.patients p set name = $11
                from a
                where p.id = a.patient_id and p.name is distinct from $11 and $11::text is not null
            )",
            names ("coalesce($11, p.name)", "p.phone", "s.name", "pr.name"),
            from "from a
            join scheduler.patients p on p.id = a.patient_id
            join scheduler.services s on s.id = a.service_id
            left join scheduler.professionals pr on pr.id = a.professional_id",
            id.0,
            clinic.map(ClinicId::as_str),
            change.version,
            change.slot.map(|slot| slot.date),
            change.slot.map(|slot| slot.time),
            change.status.map(AppointmentStatus::as_str),
            change.notes.clone().flatten(),
            clears(&change.notes),
            change.areas.clone().flatten(),
            clears(&change.areas),
            change.patient_name,
            now,
        )
        .fetch_optional(connection)
        }))
    }
}
