-- Visits of a clinic by date, time, id: $1 clinic, $2 from, $3 until, $4 status, $5–$7 the last one of
-- the page before, $8 limit. Ranges are closed by infinities, not by "is null or": under a generic
-- plan that would read the whole clinic.
select
    a.id, a.clinic_id,
    a.patient_id,
    a.professional_id,
    a.service_id,
    a.appointment_date, a.start_time, a.end_time, a.buffer_minutes, a.areas, a.status,
    a.notes, a.patient_confirmed_at, a.version, a.created_at, a.updated_at,
    p.name as "patient_name?", p.phone as "patient_phone?", s.name as service_name,
    pr.name as "professional_name?"
from scheduler.appointments a
join scheduler.patients p on p.id = a.patient_id
join scheduler.services s on s.id = a.service_id
left join scheduler.professionals pr on pr.id = a.professional_id
where a.clinic_id = $1
    and a.appointment_date between coalesce($2, '-infinity'::date) and coalesce($3, 'infinity'::date)
    and ($4::text is null or a.status = $4)
    and (a.appointment_date, a.start_time, a.id) > (
        coalesce($5, '-infinity'::date),
        coalesce($6, '00:00'::time),
        coalesce($7, '00000000-0000-0000-0000-000000000000'::uuid)
    )
order by a.appointment_date, a.start_time, a.id
limit $8
