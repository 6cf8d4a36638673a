-- Books: tenant check, visit and patient in one statement. $1 clinic, $2 service, $3 professional,
-- $4–$9 the person (match key, phone, wa_id, lid, given name, profile's name), $10–$12 date, start,
-- length in minutes where it differs from the service's, $13 areas, $14 notes, $15 $16 idempotency key and hash, $17 the id of a patient not on record, $18 now.
-- The visit goes in first: whoever loses the slot, or repeats a key, leaves no patient behind. A
-- person made by somebody else meanwhile fails appointments_patient_fkey, and is found on the
-- next try. An end past midnight wraps
-- around and fails appointments_times_check. "Do nothing" is for appointments_no_overlap and appointments_idempotency_key.
with clinic as (
    select clinic_id, buffer_minutes from scheduler.clinics where clinic_id = $1 and active
), service as (
    select id, name, duration_minutes from scheduler.services where clinic_id = $1 and id = $2 and active
), professional as (
    select id, name from scheduler.professionals where clinic_id = $1 and id = $3::uuid and active
), known as (
    select id from scheduler.patients where clinic_id = $1 and match_key = $4
), visit as (
    insert into scheduler.appointments (
        clinic_id, patient_id, professional_id, service_id, appointment_date, start_time, end_time,
        buffer_minutes, areas, notes, idempotency_key, idempotency_hash, start_set_at
    )
    select
        clinic.clinic_id, coalesce((select id from known), $17), $3, service.id, $10, $11,
        $11::time + make_interval(mins => coalesce($12, service.duration_minutes)),
        clinic.buffer_minutes, $13, $14, $15, $16, $18
    from clinic, service
    where $3::uuid is null or exists (select from professional)
    on conflict do nothing
    returning *
), patient as (
    insert into scheduler.patients as old (id, clinic_id, match_key, phone, wa_id, chat_lid, name)
    select patient_id, clinic_id, $4, $5, $6, $7, coalesce($8, $9) from visit
    on conflict on constraint patients_match_key do update set
        phone = coalesce(old.phone, excluded.phone),
        wa_id = coalesce(excluded.wa_id, old.wa_id),
        chat_lid = coalesce(excluded.chat_lid, old.chat_lid),
        name = coalesce($8, old.name, $9)
    returning name, phone
)
select
    a.id, a.clinic_id,
    a.patient_id,
    a.professional_id,
    a.service_id,
    a.appointment_date, a.start_time, a.end_time, a.buffer_minutes, a.areas, a.status,
    a.notes, a.patient_confirmed_at, a.version, a.created_at, a.updated_at,
    patient.name as "patient_name?", patient.phone as "patient_phone?", service.name as service_name,
    professional.name as "professional_name?"
from visit a
cross join patient
cross join service
left join professional on true
