-- A tab belongs to one clinic: two clinics that write the same rows would take them from each other. What
-- else the sheets need is added with it: which tabs have to be looked at again, and rows that follow their
-- patient.

-- Clinics that share a tab are named, and all but the oldest lose theirs. Nobody may add another meanwhile.
lock table scheduler.clinics in share row exclusive mode;
do $$
declare
    shared record;
begin
    for shared in
        select clinic_id, kept from (
            select
                clinic_id,
                first_value(clinic_id) over same_tab as kept,
                row_number() over same_tab as place
            from scheduler.clinics
            where google_spreadsheet_id is not null
            window same_tab as (
                partition by google_spreadsheet_id, lower(google_sheet_name) order by created_at, id
            )
        ) clinics
        where place > 1
    loop
        raise warning 'clinic % has the same sheet as clinic %: its google_spreadsheet_id is taken off',
            shared.clinic_id, shared.kept;
        update scheduler.clinics set google_spreadsheet_id = null where clinic_id = shared.clinic_id;
    end loop;
end;
$$;

-- Two tabs of one spreadsheet cannot differ in upper and lower case alone.
create unique index clinics_sheet_tab_key
    on scheduler.clinics (google_spreadsheet_id, lower(google_sheet_name))
    where google_spreadsheet_id is not null;

-- Whether the tab was written since it was last read. Staff may have moved or deleted rows meanwhile, so the
-- next run reads it again.
alter table scheduler.sheet_projections add column unchecked boolean not null default false;

-- `updated_at` says since when the clinic's rows go to this tab. A look at the tab does not change that.
drop trigger touch_updated_at on scheduler.sheet_projections;
create trigger touch_updated_at before update on scheduler.sheet_projections
    for each row
    when (
        (old.spreadsheet_id, old.sheet_name, old.since)
            is distinct from (new.spreadsheet_id, new.sheet_name, new.since)
    )
    execute function scheduler.touch_updated_at();

-- The rows of a person's appointments show the person's name and phone. If one of them changes, the rows are
-- behind: `sheet_version` falls below every version, and below what a writer has seen.
create function scheduler.put_sheet_rows_behind() returns trigger language plpgsql as $$
begin
    update scheduler.appointments set sheet_version = least(sheet_version, 0) - 1
    where clinic_id = new.clinic_id and patient_id = new.id
        and appointment_date >= (
            select since from scheduler.sheet_projections where clinic_id = new.clinic_id
        );
    return null;
end;
$$;
create trigger put_sheet_rows_behind after update of name, phone on scheduler.patients
    for each row
    when ((old.name, old.phone) is distinct from (new.name, new.phone))
    execute function scheduler.put_sheet_rows_behind();
