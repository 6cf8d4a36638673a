-- What the sheets' projection needs: which tab each clinic's rows go to, and the visits it has to
-- look at.

-- The tab that a clinic's visits are projected to, and from which day on. A clinic that names
-- another one begins anew, with its future visits.
create table scheduler.sheet_projections (
    clinic_id text primary key references scheduler.clinics (clinic_id),
    spreadsheet_id text not null,
    sheet_name text not null,
    since date not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger touch_updated_at before update on scheduler.sheet_projections
    for each row execute function scheduler.touch_updated_at();

-- Holds only the visits whose row is behind: however many there are, the Reconciler reads no others.
create index appointments_sheet_behind on scheduler.appointments (clinic_id, appointment_date, start_time, id)
    where sheet_version < version;
