-- Appointments whose reminder was brought up to an earlier version, of the clinics that are served; only
-- the index of those that are behind is read. After $1 $2 $3 (date, start, id; null: from the first),
-- at most $4.
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
