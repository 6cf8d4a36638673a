-- Appointments of clinic $1 whose sheet row is out of date, at most $2, by date and time. The first day of the
-- sheet is a scalar subquery, so that PostgreSQL begins to read the index appointments_sheet_behind there. After a
-- join with sheet_projections it would read every earlier appointment too.
select
    a.id, a.version, a.sheet_version, a.appointment_date, a.start_time, a.areas, a.status,
    a.patient_confirmed_at is not null as "confirmed!",
    p.name as "patient_name?", p.phone as "patient_phone?", s.name as service_name
from scheduler.appointments a
join scheduler.patients p on p.clinic_id = a.clinic_id and p.id = a.patient_id
join scheduler.services s on s.clinic_id = a.clinic_id and s.id = a.service_id
where a.clinic_id = $1 and a.sheet_version < a.version
    and a.appointment_date >= (select since from scheduler.sheet_projections where clinic_id = $1)
order by a.appointment_date, a.start_time, a.id
limit $2
