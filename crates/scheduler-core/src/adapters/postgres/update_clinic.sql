-- Writes a clinic back: $1 its id, then its columns in the table's order, $18 when it was changed
-- last as it was read. No row: not there, or changed since.
update scheduler.clinics set
    name = $2, phone = $3, address = $4, timezone = $5, business_hours = $6, buffer_minutes = $7,
    min_notice_minutes = $8, max_days_ahead = $9, welcome_message = $10, pre_session_instructions = $11,
    zapi_instance_id = $12, zapi_instance_token = $13, zapi_client_token = $14,
    google_spreadsheet_id = $15, google_sheet_name = $16, active = $17
where clinic_id = $1 and updated_at = $18
returning
    clinic_id, name, phone, address, timezone,
    business_hours as "business_hours: Json<BusinessHours>",
    buffer_minutes, min_notice_minutes, max_days_ahead, welcome_message,
    pre_session_instructions, zapi_instance_id, zapi_instance_token, zapi_client_token,
    google_spreadsheet_id, google_sheet_name, active, created_at, updated_at
