-- Clinics with rows that are out of date, with another sheet than the one that was written before, or with a
-- sheet that was written since it was last read. First new sheets without rows behind, then those that have
-- waited longest since the change of the appointment or of its patient, or since the start of the sheet; last
-- those that only have to be read. The count stops at 1000 rows per clinic. Its `order by` makes PostgreSQL
-- read the partial index appointments_sheet_behind; without it the planner, which expects a third of all
-- appointments to match, reads the whole table.
select
    c.clinic_id, c.timezone,
    c.google_spreadsheet_id as "spreadsheet!",
    c.google_sheet_name as tab,
    tab.is_new as "is_new!",
    behind.appointments as "behind!",
    coalesce(extract(epoch from now() - behind.since), 0)::bigint as "seconds!"
from scheduler.clinics c
left join scheduler.sheet_projections p on p.clinic_id = c.clinic_id
cross join lateral (
    select (p.spreadsheet_id, p.sheet_name) is distinct from (c.google_spreadsheet_id, c.google_sheet_name)
        as is_new
) tab
cross join lateral (
    select count(*) as appointments, min(some_appointments.since) as since
    from (
        select greatest(
            a.updated_at,
            p.updated_at,
            -- Below zero: the patient's name or phone was changed.
            case when a.sheet_version < 0 then (
                select patient.updated_at from scheduler.patients patient where patient.id = a.patient_id
            ) end
        ) as since
        from scheduler.appointments a
        where a.clinic_id = c.clinic_id
            and a.sheet_version < a.version
            and a.appointment_date >= coalesce(p.since, 'infinity'::date)
        order by a.clinic_id, a.appointment_date, a.start_time, a.id
        limit 1000
    ) some_appointments
) behind
where c.active and c.google_spreadsheet_id is not null
    and (tab.is_new or behind.appointments > 0 or p.unchecked)
order by behind.appointments = 0 and not tab.is_new, behind.since nulls first, c.clinic_id
