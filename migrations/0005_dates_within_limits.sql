-- A date lies from 2000-01-01 to 2100-12-31 (docs/rules/data.md#dates). Earlier releases stored any date that
-- chrono can read, up to the year 262142.

-- PostgreSQL checks such a row again with every later update, whatever the update changes. So the few rows
-- beyond the limits, which nobody can have meant, are mended first: they keep what they said as a text.
update scheduler.appointments set
    notes = concat_ws(chr(10), notes, 'Data original: ' || appointment_date || ' (' || status || ')'),
    appointment_date = greatest(date '2000-01-01', least(appointment_date, date '2100-12-31')),
    -- A cancelled appointment occupies no time, so two of them fit on the same day.
    status = 'CANCELLED',
    patient_confirmed_at = null,
    version = version + 1
where appointment_date not between date '2000-01-01' and date '2100-12-31';

update scheduler.availability_exceptions set
    reason = concat_ws(' ', reason, '(data original: ' || exception_date || ')'),
    exception_date = greatest(date '2000-01-01', least(exception_date, date '2100-12-31')),
    active = false
where exception_date not between date '2000-01-01' and date '2100-12-31';

update scheduler.sheet_projections set
    since = greatest(date '2000-01-01', least(since, date '2100-12-31'))
where since not between date '2000-01-01' and date '2100-12-31';

-- `not valid` spares the big tables a scan under an exclusive lock. Every row that is written is checked.
alter table scheduler.appointments add constraint appointments_date_within_limits
    check (appointment_date between date '2000-01-01' and date '2100-12-31') not valid;
alter table scheduler.availability_exceptions add constraint exceptions_date_within_limits
    check (exception_date between date '2000-01-01' and date '2100-12-31') not valid;
alter table scheduler.sheet_projections add constraint sheet_projections_since_within_limits
    check (since between date '2000-01-01' and date '2100-12-31') not valid;
