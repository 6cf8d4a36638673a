//! Books appointments. The database refuses the insert if the time is taken.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::Db;
use super::super::connection::{QueryError, constraint, is_write_conflict, run, store_error, try_run};
use super::{AppointmentRow, MAX_RETRIES, ends_past_midnight, query_appointments};
use crate::domain::appointment::{Appointment, Booking, Missing};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// Outcome of booking an appointment.
#[derive(Debug)]
pub enum BookingOutcome {
    /// The new appointment.
    Created(Box<Appointment>),
    /// The appointment that an earlier request with the same idempotency key and hash booked.
    AlreadyBooked(Box<Appointment>),
    /// Another appointment occupies that time.
    SlotTaken,
    /// It would end after 23:59 of its day.
    PastMidnight,
    /// The idempotency key was used for another request.
    KeyReused,
    /// The clinic, the service or the professional does not exist, or is not active.
    Missing(Missing),
}

impl Db {
    /// Books an appointment in one statement: tenant check, appointment and patient. A second one runs only
    /// if nothing was inserted, to find out why (docs/rules/speed.md#statements). The patient is created or
    /// updated only if the appointment is inserted.
    pub async fn book_appointment(
        &self,
        clinic: &ClinicId,
        booking: &Booking,
        now: DateTime<Utc>,
    ) -> Result<BookingOutcome, StoreError> {
        const ACTION: &str = "book an appointment";
        let mut retries = 0;
        let row = loop {
            match self.insert_once(clinic, booking, now).await? {
                Ok(row) => break row,
                // Tried again after a write conflict, and if another booking created the patient meanwhile
                // (see `insert_once`).
                Err(error)
                    if retries < MAX_RETRIES
                        && (is_write_conflict(&error)
                            || constraint(&error) == Some("appointments_patient_fkey")) =>
                {
                    retries += 1;
                }
                Err(error) if ends_past_midnight(&error) => return Ok(BookingOutcome::PastMidnight),
                Err(error) => return Err(store_error(ACTION, error)),
            }
        };
        match row {
            Some(row) => Ok(BookingOutcome::Created(Box::new(row.try_into()?))),
            None => self.find_refusal(clinic, booking).await,
        }
    }

    /// The appointment that an earlier request with the same idempotency key and hash booked, if there is
    /// one.
    pub async fn find_previous_booking(
        &self,
        clinic: &ClinicId,
        booking: &Booking,
    ) -> Result<Option<Appointment>, StoreError> {
        if booking.idempotency.is_none() {
            return Ok(None);
        }
        match self.find_refusal(clinic, booking).await? {
            BookingOutcome::AlreadyBooked(appointment) => Ok(Some(*appointment)),
            _ => Ok(None),
        }
    }

    /// Tenant check, appointment and patient in one statement. Parameters: $1 clinic, $2 service, $3
    /// professional, $4–$9 the person (match key, phone, wa_id, lid, given name, profile name), $10–$12 date,
    /// start and duration in minutes (null: the service's), $13 areas, $14 notes, $15 $16 idempotency key and
    /// hash, $17 the id of a new patient, $18 now, $19 the former idempotency key.
    ///
    /// A lid on record is kept: only the chat, which knows who may replace it, does so.
    ///
    /// The appointment is inserted first, so that a booking that loses the slot, or repeats a key, leaves
    /// no patient behind. If somebody else creates the patient meanwhile, the statement fails
    /// `appointments_patient_fkey` and finds the patient on the next try. An end past midnight wraps around
    /// (see [`ends_past_midnight`]). `on conflict do nothing` covers `appointments_no_overlap` and
    /// `appointments_idempotency_key`.
    async fn insert_once(
        &self,
        clinic: &ClinicId,
        booking: &Booking,
        now: DateTime<Utc>,
    ) -> Result<Result<Option<AppointmentRow>, QueryError>, StoreError> {
        let person = &booking.person;
        let idempotency = booking.idempotency.as_ref();
        let tries = if idempotency.is_some() { 2 } else { 1 };
        Ok(try_run!(@tries tries, self, "book an appointment", |connection| query_appointments!(
            with "with clinic as (
                select clinic_id, buffer_minutes from scheduler.clinics where clinic_id = $1 and active
            ), service as (
                select id, name, duration_minutes from scheduler.services where clinic_id = $1 and id = $2 and active
            ), professional as (
                select id, name from scheduler.professionals where clinic_id = $1 and id = $3::uuid and active
            ), known as (
                select id from scheduler.patients where clinic_id = $1 and match_key = $4
            ), appointment as (
                insert into scheduler.appointments (
                    clinic_id, patient_id, professional_id, service_id, appointment_date, start_time, end_time,
                    buffer_minutes, areas, notes, idempotency_key, idempotency_hash, start_set_at
                )
                select
                    clinic.clinic_id, coalesce((select id from known), $17), $3, service.id, $10, $11,
                    $11::time + make_interval(mins => coalesce($12, service.duration_minutes)),
                    clinic.buffer_minutes, $13, $14, $15, $16, $18
                from clinic, service
                where ($3::uuid is null or exists (select from professional))
                    and not exists (
                        select from scheduler.appointments former
                        where former.clinic_id = $1 and former.idempotency_key = $19
                            and former.patient_id = (select id from known)
                    )
                on conflict do nothing
                returning *
            ), patient as (
                insert into scheduler.patients as old (id, clinic_id, match_key, phone, wa_id, chat_lid, name)
                select patient_id, clinic_id, $4, $5, $6, $7, coalesce($8, $9) from appointment
                on conflict on constraint patients_match_key do update set
                    phone = coalesce(old.phone, excluded.phone),
                    wa_id = coalesce(excluded.wa_id, old.wa_id),
                    chat_lid = coalesce(old.chat_lid, excluded.chat_lid),
                    name = coalesce($8, old.name, $9)
                returning name, phone
            )",
            names ("patient.name", "patient.phone", "service.name", "professional.name"),
            from "from appointment a
            cross join patient
            cross join service
            left join professional on true",
            clinic.as_str(),
            booking.service_id.0,
            booking.professional_id.map(|id| id.0),
            person.match_key.0,
            person.phone,
            person.wa_id.as_ref().map(|address| address.0.as_str()),
            person.chat_lid,
            person.stated_name,
            person.profile_name,
            booking.slot.date,
            booking.slot.time,
            booking.minutes,
            booking.areas,
            booking.notes,
            idempotency.map(|idempotency| idempotency.key.as_str()),
            idempotency.map(|idempotency| idempotency.hash.as_str()),
            Uuid::new_v4(),
            now,
            idempotency.and_then(|idempotency| idempotency.former_key.as_deref()),
        )
        .fetch_optional(connection)))
    }

    /// Finds out why nothing was inserted: a repeated request, a reused key, something that is missing, or
    /// else a taken time.
    async fn find_refusal(&self, clinic: &ClinicId, booking: &Booking) -> Result<BookingOutcome, StoreError> {
        const ACTION: &str = "find out why a booking failed";
        let found = run!(self, ACTION, retry, |connection| sqlx::query!(
            r#"select
                exists (select from scheduler.clinics where clinic_id = $1 and active) as "clinic!",
                exists (
                    select from scheduler.services where clinic_id = $1 and id = $2 and active
                ) as "service!",
                $3::uuid is null or exists (
                    select from scheduler.professionals where clinic_id = $1 and id = $3 and active
                ) as "professional!",
                earlier.id as "earlier?", earlier.idempotency_hash as "hash?"
            from (select) one
            left join lateral (
                select a.id, a.idempotency_hash from scheduler.appointments a
                join scheduler.patients p on p.clinic_id = a.clinic_id and p.id = a.patient_id
                where a.clinic_id = $1
                    and (a.idempotency_key = $4 or (a.idempotency_key = $5 and p.match_key = $6))
                limit 1
            ) earlier on true"#,
            clinic.as_str(),
            booking.service_id.0,
            booking.professional_id.map(|id| id.0),
            booking.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()),
            booking.idempotency.as_ref().and_then(|idempotency| idempotency.former_key.as_deref()),
            booking.person.match_key.0,
        )
        .fetch_one(connection))?;
        if let Some((earlier, idempotency)) = found.earlier.zip(booking.idempotency.as_ref()) {
            if found.hash.as_deref() != Some(idempotency.hash.as_str()) {
                return Ok(BookingOutcome::KeyReused);
            }
            let appointment = self.find_appointment(Some(clinic), earlier.into()).await?;
            let appointment = appointment
                .ok_or_else(|| StoreError::internal(ACTION, "the appointment no longer exists"))?;
            return Ok(BookingOutcome::AlreadyBooked(Box::new(appointment)));
        }
        Ok(match (found.clinic, found.service, found.professional) {
            (false, ..) => BookingOutcome::Missing(Missing::Clinic),
            (_, false, _) => BookingOutcome::Missing(Missing::Service),
            (_, _, false) => BookingOutcome::Missing(Missing::Professional),
            _ => BookingOutcome::SlotTaken,
        })
    }
}
