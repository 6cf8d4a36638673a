-- What the reminders' projection needs: which start was projected last, the visits it has to look at,
-- and an updated_at that tells of the visit's own changes only.

-- The start that the last projected reminder was made for; null where there is none. A moved visit's
-- old reminder is found by it.
alter table scheduler.appointments add column reminder_start timestamp;

-- Holds only the visits that are behind: however many there are, the Reconciler reads no others.
create index appointments_reminder_behind on scheduler.appointments (appointment_date, start_time, id)
    where reminder_version < version;

-- A projection that was brought up to date is no change of the visit.
drop trigger touch_updated_at on scheduler.appointments;
create trigger touch_updated_at before update on scheduler.appointments
    for each row when (old.version is distinct from new.version)
    execute function scheduler.touch_updated_at();
