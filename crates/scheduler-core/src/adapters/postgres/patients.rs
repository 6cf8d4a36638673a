//! Patients: one per clinic and match key (docs/rules/data.md#phones).

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::Db;
use super::connection::{run, try_run};
use crate::domain::faq::FaqEntry;
use crate::domain::ids::{ClinicId, PatientId};
use crate::domain::patient::{Patient, Person};
use crate::domain::phone::{Address, MatchKey};
use crate::error::StoreError;

impl Db {
    /// The clinic's patient with this key.
    pub async fn find_patient(
        &self,
        clinic: &ClinicId,
        key: &MatchKey,
    ) -> Result<Option<Patient>, StoreError> {
        const ACTION: &str = "find a patient";
        let row = run!(self, ACTION, retry, |connection| sqlx::query!(
            "select id, phone, wa_id, name, chat_lid, opted_out_at from scheduler.patients
            where clinic_id = $1 and match_key = $2",
            clinic.as_str(),
            key.0,
        )
        .fetch_optional(connection))?;
        Ok(row.map(|row| Patient {
            id: PatientId(row.id),
            clinic_id: clinic.clone(),
            phone: row.phone,
            wa_id: row.wa_id.map(Address),
            match_key: key.clone(),
            name: row.name,
            chat_lid: row.chat_lid,
            opted_out_at: row.opted_out_at,
        }))
    }

    /// The clinic's patient with this key, if known, and the clinic's active questions in display order. One
    /// statement, so that a greeting waits for PostgreSQL only once (docs/rules/speed.md#statements).
    pub async fn identify_patient(
        &self,
        clinic: &ClinicId,
        key: &MatchKey,
    ) -> Result<(Option<Patient>, Vec<FaqEntry>), StoreError> {
        const ACTION: &str = "identify a patient";
        let row = run!(self, ACTION, retry, |connection| sqlx::query!(
            r#"select p.id as "id?", p.phone, p.wa_id, p.name, p.chat_lid, p.opted_out_at,
                coalesce((
                    select jsonb_agg(to_jsonb(f) order by f.display_order, f.question_key)
                    from scheduler.faq_items f
                    where f.clinic_id = $1 and f.active
                ), '[]') as "faq!: Json<Vec<FaqEntry>>"
            from (select) one
            left join scheduler.patients p on p.clinic_id = $1 and p.match_key = $2"#,
            clinic.as_str(),
            key.0,
        )
        .fetch_one(connection))?;
        let patient = row.id.map(|id| Patient {
            id: PatientId(id),
            clinic_id: clinic.clone(),
            phone: row.phone,
            wa_id: row.wa_id.map(Address),
            match_key: key.clone(),
            name: row.name,
            chat_lid: row.chat_lid,
            opted_out_at: row.opted_out_at,
        });
        Ok((patient, row.faq.0))
    }

    /// Saves the address from which a person wrote. If the person has a phone, and a patient is stored under
    /// the person's lid, that patient is merged into the phone's: the appointments move to the phone's
    /// patient, and the lid's is deleted. Does nothing for a person who is not a patient yet.
    ///
    /// Also does nothing, and returns `false`, if the phone's patient has another lid: then the phone may be
    /// somebody else's now (docs/rules/conversation.md#recycled-numbers).
    pub async fn save_address(&self, clinic: &ClinicId, person: &Person) -> Result<bool, StoreError> {
        const ACTION: &str = "save an address";
        // One statement, so one transaction in which each part sees the rows as they were before. If the
        // phone has no patient yet, the lid's patient becomes the phone's.
        let (phone, wa_id) =
            (person.phone.as_deref(), person.wa_id.as_ref().map(|address| address.0.as_str()));
        run!(self, ACTION, retry, |connection| {
            sqlx::query_scalar!(
            r#"with of_phone as (
                update scheduler.patients set
                    phone = coalesce(phone, $3),
                    wa_id = coalesce($4, wa_id),
                    chat_lid = coalesce($5, chat_lid),
                    name = coalesce(name, (
                        select lid.name from scheduler.patients lid
                        where lid.clinic_id = $1 and lid.match_key = $5
                    )),
                    opted_out_at = coalesce(opted_out_at, (
                        select lid.opted_out_at from scheduler.patients lid
                        where lid.clinic_id = $1 and lid.match_key = $5
                    ))
                where clinic_id = $1 and match_key = $2
                    and (chat_lid is null or $5::text is null or chat_lid = $5)
                returning id
            ), moved as (
                update scheduler.appointments set patient_id = of_phone.id, version = version + 1
                from of_phone, scheduler.patients lid
                where lid.clinic_id = $1 and lid.match_key = $5 and lid.id <> of_phone.id
                    and scheduler.appointments.clinic_id = $1
                    and scheduler.appointments.patient_id = lid.id
                returning 1
            ), gone as (
                delete from scheduler.patients lid using of_phone
                where lid.clinic_id = $1 and lid.match_key = $5 and lid.id <> of_phone.id
            ), renamed as (
                update scheduler.patients lid set
                    match_key = $2, phone = $3, wa_id = coalesce($4, wa_id), chat_lid = $5
                where lid.clinic_id = $1 and lid.match_key = $5 and $2 <> $5
                    and not exists (
                        select from scheduler.patients phone where phone.clinic_id = $1 and phone.match_key = $2
                    )
            )
            select not exists (
                select from scheduler.patients
                where clinic_id = $1 and match_key = $2 and chat_lid <> $5
            ) as "is_senders!""#,
            clinic.as_str(),
            person.match_key.0,
            phone,
            wa_id,
            person.chat_lid,
        )
        .fetch_one(connection)
        })
    }

    /// Gives the patient with this key another lid, after the person has shown who they are.
    pub async fn replace_chat_lid(
        &self,
        clinic: &ClinicId,
        key: &MatchKey,
        lid: &str,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "replace a patient's lid";
        run!(self, ACTION, retry, |connection| sqlx::query!(
            "update scheduler.patients set chat_lid = $3 where clinic_id = $1 and match_key = $2",
            clinic.as_str(),
            key.0,
            lid,
        )
        .execute(connection))
        .map(drop)
    }

    /// Saves the address that WhatsApp gave for a patient, unless the patient has an address by now.
    pub async fn save_looked_up_address(
        &self,
        clinic: &ClinicId,
        patient: PatientId,
        address: &Address,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "save an address that WhatsApp gave";
        run!(self, ACTION, retry, |connection| sqlx::query!(
            "update scheduler.patients set wa_id = $3
            where clinic_id = $1 and id = $2 and wa_id is null",
            clinic.as_str(),
            patient.0,
            address.0,
        )
        .execute(connection))
        .map(drop)
    }

    /// Sets the time of the opt-out (docs/rules/reminders.md#opt-out); `None` ends it. Creates the patient if
    /// needed. Returns the patient's stored name.
    pub async fn set_opt_out(
        &self,
        clinic: &ClinicId,
        person: &Person,
        at: Option<DateTime<Utc>>,
    ) -> Result<Option<String>, StoreError> {
        const ACTION: &str = "set an opt-out";
        // A patient who is created here gets no name: the name of the WhatsApp profile is not stored.
        run!(self, ACTION, retry, |connection| sqlx::query_scalar!(
            "insert into scheduler.patients (id, clinic_id, match_key, phone, wa_id, chat_lid, opted_out_at)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict on constraint patients_match_key do update set opted_out_at = excluded.opted_out_at
            returning name",
            Uuid::new_v4(),
            clinic.as_str(),
            person.match_key.0,
            person.phone,
            person.wa_id.as_ref().map(|address| address.0.as_str()),
            person.chat_lid,
            at,
        )
        .fetch_one(connection))
    }
}
