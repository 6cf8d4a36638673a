-- Makes a clinic: $1 its id, then its columns in the table's order. No row: the id is taken.
insert into scheduler.clinics (
    clinic_id, name, phone, address, timezone, business_hours, buffer_minutes, min_notice_minutes,
    max_days_ahead, welcome_message, pre_session_instructions, zapi_instance_id, zapi_instance_token,
    zapi_client_token, google_spreadsheet_id, google_sheet_name, active
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
on conflict (clinic_id) do nothing
returning
    clinic_id, name, phone, address, timezone,
    business_hours as "business_hours: Json<BusinessHours>",
    buffer_minutes, min_notice_minutes, max_days_ahead, welcome_message,
    pre_session_instructions, zapi_instance_id, zapi_instance_token, zapi_client_token,
    google_spreadsheet_id, google_sheet_name, active, created_at, updated_at
