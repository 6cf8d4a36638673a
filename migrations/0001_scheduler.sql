-- The scheduler's tables. Rules that must hold whoever writes stand here by name, and the code
-- matches the names: appointments_no_overlap is why nobody is booked twice.

create schema if not exists scheduler;
create extension if not exists btree_gist;

create function scheduler.touch_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end;
$$;

create table scheduler.clinics (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null constraint clinics_clinic_id_key unique,
    name text not null,
    phone text,
    address text,
    timezone text not null default 'America/Sao_Paulo',
    business_hours jsonb not null default '{}',
    buffer_minutes integer not null default 10 constraint clinics_buffer_check check (buffer_minutes >= 0),
    min_notice_minutes integer not null default 0 constraint clinics_notice_check check (min_notice_minutes >= 0),
    max_days_ahead integer not null default 60 constraint clinics_horizon_check check (max_days_ahead >= 0),
    welcome_message text,
    pre_session_instructions text,
    zapi_instance_id text,
    zapi_instance_token text,
    zapi_client_token text,
    google_spreadsheet_id text,
    google_sheet_name text not null default 'Agenda',
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
-- An instance decides whose webhook it is: it belongs to one clinic.
create unique index clinics_zapi_instance_key on scheduler.clinics (zapi_instance_id)
    where zapi_instance_id is not null;

create table scheduler.services (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    name text not null,
    duration_minutes integer not null
        constraint services_duration_check check (duration_minutes between 1 and 720),
    price_cents integer constraint services_price_check check (price_cents >= 0),
    description text,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Lets a visit name a service of its own clinic only.
    constraint services_of_clinic_key unique (clinic_id, id)
);

create table scheduler.professionals (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    name text not null,
    role text,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint professionals_of_clinic_key unique (clinic_id, id)
);

create table scheduler.availability_rules (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    professional_id uuid,
    -- 0 = Sunday … 6 = Saturday
    day_of_week smallint not null constraint rules_day_check check (day_of_week between 0 and 6),
    start_time time not null,
    end_time time not null,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint rules_times_check check (start_time < end_time),
    constraint rules_professional_fkey foreign key (clinic_id, professional_id)
        references scheduler.professionals (clinic_id, id)
);
create index rules_by_clinic on scheduler.availability_rules (clinic_id) where active;

create table scheduler.availability_exceptions (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    exception_date date not null,
    exception_type text not null
        constraint exceptions_type_check check (exception_type in ('BLOCKED', 'SPECIAL_HOURS')),
    start_time time,
    end_time time,
    reason text,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- Both times or neither; special hours need both.
    constraint exceptions_times_check check (
        (start_time is null and end_time is null and exception_type = 'BLOCKED')
        or (start_time is not null and end_time is not null and start_time < end_time)
    )
);
create index exceptions_by_date on scheduler.availability_exceptions (clinic_id, exception_date) where active;

create table scheduler.patients (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    phone text,
    wa_id text,
    match_key text not null,
    name text,
    chat_lid text,
    opted_out_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- One person, with or without the ninth digit.
    constraint patients_match_key unique (clinic_id, match_key),
    constraint patients_of_clinic_key unique (clinic_id, id)
);

create table scheduler.appointments (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    patient_id uuid not null,
    professional_id uuid,
    service_id uuid not null,
    appointment_date date not null,
    start_time time not null,
    end_time time not null,
    -- The clinic's buffer when it was booked: a later change of the clinic moves no visit.
    buffer_minutes integer not null constraint appointments_buffer_check check (buffer_minutes >= 0),
    areas text,
    status text not null default 'CONFIRMED' constraint appointments_status_check
        check (status in ('CONFIRMED', 'CANCELLED', 'COMPLETED', 'NO_SHOW')),
    notes text,
    patient_confirmed_at timestamptz,
    idempotency_key text,
    idempotency_hash text,
    version integer not null default 1,
    -- Up to which version the reminder and the sheet's row were brought.
    reminder_version integer not null default 0,
    sheet_version integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The time a visit takes from others, its buffer included; wall clock, half-open.
    occupied tsrange not null generated always as (
        tsrange(
            appointment_date + start_time,
            appointment_date + end_time + make_interval(mins => buffer_minutes)
        )
    ) stored,
    constraint appointments_times_check check (start_time < end_time),
    constraint appointments_idempotency_check check ((idempotency_key is null) = (idempotency_hash is null)),
    constraint appointments_idempotency_key unique (clinic_id, idempotency_key),
    constraint appointments_patient_fkey foreign key (clinic_id, patient_id)
        references scheduler.patients (clinic_id, id),
    constraint appointments_service_fkey foreign key (clinic_id, service_id)
        references scheduler.services (clinic_id, id),
    constraint appointments_professional_fkey foreign key (clinic_id, professional_id)
        references scheduler.professionals (clinic_id, id),
    -- One agenda per clinic: no two visits at the same time, whatever the race.
    constraint appointments_no_overlap exclude using gist (clinic_id with =, occupied with &&)
        where (status in ('CONFIRMED', 'COMPLETED'))
);
-- The list's order, and where a page goes on.
create index appointments_by_time on scheduler.appointments (clinic_id, appointment_date, start_time, id);
create index appointments_by_patient on scheduler.appointments (clinic_id, patient_id, appointment_date);

create table scheduler.message_templates (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    template_key text not null,
    content text not null,
    buttons jsonb not null default '[]',
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint message_templates_key unique (clinic_id, template_key)
);

create table scheduler.faq_items (
    id uuid primary key default gen_random_uuid(),
    clinic_id text not null references scheduler.clinics (clinic_id),
    question_key text not null,
    question_label text not null,
    answer text not null,
    display_order integer not null default 0,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint faq_items_key unique (clinic_id, question_key)
);

do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'clinics', 'services', 'professionals', 'availability_rules', 'availability_exceptions',
        'patients', 'appointments', 'message_templates', 'faq_items'
    ] loop
        execute format(
            'create trigger touch_updated_at before update on scheduler.%I
             for each row execute function scheduler.touch_updated_at()',
            table_name
        );
    end loop;
end;
$$;
