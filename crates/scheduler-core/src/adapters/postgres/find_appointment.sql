-- A visit: $1 id, $2 clinic (null: every clinic).
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
where a.id = $1 and a.clinic_id = coalesce($2, a.clinic_id)
