-- The appointments of clinic $1 with the ids $2, by date and time.
select
    a.id, a.version, a.sheet_version, a.appointment_date, a.start_time, a.areas, a.status,
    a.patient_confirmed_at is not null as "confirmed!",
    p.name as "patient_name?", p.phone as "patient_phone?", s.name as service_name
from scheduler.appointments a
join scheduler.patients p on p.clinic_id = a.clinic_id and p.id = a.patient_id
join scheduler.services s on s.clinic_id = a.clinic_id and s.id = a.service_id
where a.clinic_id = $1 and a.id = any($2)
order by a.appointment_date, a.start_time, a.id
