-- The list of the appointments of one status, such as the cancelled ones from today on. Without this index it
-- reads those of every status until its page is full, which may be all that the clinic has.
create index appointments_by_status
    on scheduler.appointments (clinic_id, status, appointment_date, start_time, id);
