-- Appointments of active clinics that were changed since their reminder was last brought up to date. Reads
-- only the partial index appointments_reminder_behind. A page starts after $1 $2 $3 (date, start time, id;
-- nulls for the first page) and has at most $4 rows.
select
    a.id, a.clinic_id, a.appointment_date, a.start_time, a.status, a.version,
    p.name as patient_name, p.phone as patient_phone
from scheduler.appointments a
join scheduler.clinics c on c.clinic_id = a.clinic_id and c.active
join scheduler.patients p on p.clinic_id = a.clinic_id and p.id = a.patient_id
where a.reminder_version < a.version
    and (a.appointment_date, a.start_time, a.id) > (
        coalesce($1::date, '-infinity'), coalesce($2::time, '00:00'),
        coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
    )
order by a.appointment_date, a.start_time, a.id
limit $4
