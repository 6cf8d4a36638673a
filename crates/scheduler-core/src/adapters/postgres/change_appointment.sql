-- Changes a visit: $1 id, $2 clinic (null: every clinic), $3 version seen, $4 $5 new date and start,
-- $6 status, $7 notes, $8 clear them, $9 areas, $10 clear them, $11 the patient's name, $12 now. No row:
-- not there, stale, not allowed, or nothing to change. A move keeps the visit's length; one that would
-- end after midnight wraps around and fails appointments_times_check.
with clinic_lock as materialized (
    select pg_advisory_xact_lock(hashtextextended(clinic_id, 0))
    from scheduler.appointments
    where id = $1 and $4::date is not null
), named as (
    update scheduler.patients p set name = coalesce($11, p.name)
    from scheduler.appointments a
    where a.id = $1 and a.clinic_id = coalesce($2, a.clinic_id) and p.id = a.patient_id
        and a.version = coalesce($3, a.version) and $11::text is distinct from p.name
        and $11::text is not null
    returning p.id, p.name
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
            exists (select from named)
            or (
                coalesce($4, a.appointment_date), coalesce($5, a.start_time), coalesce($6, a.status),
                case when $8::boolean then null else coalesce($7, a.notes) end,
                case when $10::boolean then null else coalesce($9, a.areas) end
            ) is distinct from (a.appointment_date, a.start_time, a.status, a.notes, a.areas)
        )
    returning a.*
)
select
    a.id, a.clinic_id,
    a.patient_id,
    a.professional_id,
    a.service_id,
    a.appointment_date, a.start_time, a.end_time, a.buffer_minutes, a.areas, a.status,
    a.notes, a.patient_confirmed_at, a.version, a.created_at, a.updated_at,
    coalesce(named.name, p.name) as "patient_name?", p.phone as "patient_phone?", s.name as service_name,
    pr.name as "professional_name?"
from a
join scheduler.patients p on p.id = a.patient_id
join scheduler.services s on s.id = a.service_id
left join scheduler.professionals pr on pr.id = a.professional_id
left join named on true
