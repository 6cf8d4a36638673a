-- A reminder is sent by the clinic's clock. If the clinic's time zone changes, the reminders of its coming
-- appointments are behind: `reminder_version` falls below every version.
create function scheduler.put_reminders_behind() returns trigger language plpgsql as $$
begin
    update scheduler.appointments set reminder_version = least(reminder_version, 0) - 1
    where clinic_id = new.clinic_id and status = 'CONFIRMED' and appointment_date >= current_date - 1;
    return null;
end;
$$;

create trigger put_reminders_behind after update on scheduler.clinics
    for each row
    when (old.timezone is distinct from new.timezone)
    execute function scheduler.put_reminders_behind();
