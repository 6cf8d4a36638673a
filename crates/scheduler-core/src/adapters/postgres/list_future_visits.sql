-- A person's CONFIRMED visits still ahead, by start: $1 clinic, $2 match key, $3 the wall clock.
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
where a.clinic_id = $1 and p.clinic_id = $1 and p.match_key = $2
    and a.status = 'CONFIRMED'
    and a.appointment_date >= $3::timestamp::date
    and a.appointment_date + a.start_time >= $3
order by a.appointment_date, a.start_time, a.id
