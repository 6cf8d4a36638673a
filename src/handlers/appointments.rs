//! Routes for appointments, which reception books, lists and changes.

use chrono::{Days, NaiveDate};
use scheduler_core::adapters::postgres::appointments::read::AppointmentFilter;
use scheduler_core::app::appointments::{Actor, book, change};
use scheduler_core::app::reminders::project::project_within_request;
use scheduler_core::digest::sha256_hex;
use scheduler_core::domain::appointment::{
    Appointment, AppointmentChange, AppointmentStatus, Booking, Idempotency,
};
use scheduler_core::domain::date_limits::{FIRST_DATE, LAST_DATE};
use scheduler_core::domain::ids::{AppointmentId, ClinicId, ProfessionalId, ServiceId};
use scheduler_core::domain::patient::{Person, clean_name};
use scheduler_core::domain::phone::Phone;
use scheduler_core::domain::time::{Slot, wall_clock_at};
use scheduler_core::failpoints;
use serde_json::{Value, json};

use super::{INVALID_CURSOR, MAX_PAGE_SIZE, NO_APPOINTMENT, NO_CLINIC, NO_PROFESSIONAL, NO_SERVICE, id_of};
use crate::context::{Admin, Messenger, Reception};
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{
    FieldReader, Fields, MAX_LINE_CHARS, MAX_TEXT_CHARS, boolean, date, integer, one_of, phone, plain_text,
    query_integer, text, time,
};
use crate::request::ApiRequest;

/// Longest distance between the first and the last day of a list.
const MAX_RANGE: Days = Days::new(62);

/// The body of `POST /appointments`.
pub(crate) struct CreateInput {
    clinic: ClinicId,
    phone: String,
    service: String,
    slot: Slot,
    areas: Option<String>,
    name: Option<String>,
    notes: Option<String>,
    professional: Option<String>,
    key: Option<String>,
}

pub(crate) fn create_input(fields: &mut Fields) -> CreateInput {
    CreateInput {
        clinic: ClinicId(fields.required("clinicId", text(MAX_LINE_CHARS))),
        phone: fields.required("phone", phone()),
        service: fields.required("serviceId", text(MAX_LINE_CHARS)),
        slot: Slot { date: fields.required("date", date()), time: fields.required("time", time()) },
        areas: fields.optional("areas", plain_text(MAX_TEXT_CHARS)),
        name: fields.optional("name", name()),
        notes: fields.optional("notes", plain_text(MAX_TEXT_CHARS)),
        professional: fields.optional("professionalId", text(MAX_LINE_CHARS)),
        key: fields.header("Idempotency-Key", idempotency_key()),
    }
}

pub(crate) async fn create(context: &Reception, request: ApiRequest) -> Result<Reply, ApiError> {
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let input = fields.finish(input)?;
    request.require_scope(&input.clinic)?;
    let profile = context.db.find_profile(&input.clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let service_id: ServiceId = id_of(&input.service, NO_SERVICE)?;
    let professional_id: Option<ProfessionalId> =
        input.professional.map(|id| id_of(&id, NO_PROFESSIONAL)).transpose()?;
    let booking = Booking {
        person: person(&input.phone, input.name)?,
        service_id,
        professional_id,
        slot: input.slot,
        minutes: None,
        areas: input.areas,
        notes: input.notes,
        idempotency: input.key.map(|key| idempotency(&key, &request)),
    };
    let appointment = book(&context.db, &profile.clinic, &booking, Actor::Staff, request.now).await?;
    failpoints::hit("visit_committed");
    let (db, reminders) = (&context.db, &context.reminders);
    project_within_request(db, reminders, profile.clinic.timezone, &appointment, request.now).await;
    Reply::created("Agendamento criado.")
        .with("appointmentId", appointment.id)?
        .with("appointment", appointment)
}

/// The query of a list.
pub(crate) struct ListInput {
    day: Option<NaiveDate>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    status: Option<AppointmentStatus>,
    limit: i64,
    after: Option<PagePosition>,
}

pub(crate) fn list_input(fields: &mut Fields) -> ListInput {
    let input = ListInput {
        day: fields.optional("date", date()),
        from: fields.optional("from", date()),
        until: fields.optional("to", date()),
        status: fields.optional("status", one_of(STATUSES)).flatten(),
        limit: fields.optional("limit", query_integer(1, MAX_PAGE_SIZE)).unwrap_or(MAX_PAGE_SIZE),
        after: fields.optional("cursor", cursor()),
    };
    if input.day.is_some() && (input.from.is_some() || input.until.is_some()) {
        fields.error("date", "Use date, ou from e to.");
    }
    if let Some((from, until)) = input.from.zip(input.until) {
        if until < from {
            fields.error("to", "Deve ser igual ou depois de from.");
        } else if range_after(from) < until {
            fields.error("to", "O intervalo pode ter até 62 dias.");
        }
    }
    input
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_query(&request);
    let input = list_input(&mut fields);
    let input = fields.finish(input)?;
    let profile = context.db.find_clinic(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let today = wall_clock_at(request.now, profile.timezone).date();
    let (from, until) = match (input.day, input.from, input.until) {
        (Some(day), ..) => (Some(day), Some(day)),
        (None, None, None) => (Some(today), None),
        (None, Some(from), None) => (Some(from), Some(range_after(from))),
        (None, None, Some(until)) => (Some(range_before(until)), Some(until)),
        (None, from, until) => (from, until),
    };
    // Read one row more than fits on the page, to know whether there is another page.
    let (status, after, limit) = (input.status, input.after, input.limit + 1);
    let filter = AppointmentFilter { from, until, status, after, limit };
    let mut appointments =
        context.db.list_appointments(&clinic, &filter).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let page = usize::try_from(input.limit).map_err(|error| ApiError::internal(error.to_string()))?;
    let more = appointments.len() > page;
    appointments.truncate(page);
    let next = appointments.last().filter(|_| more).map(cursor_after);
    let reply = Reply::ok("Agendamentos da clínica.").with("appointments", appointments)?;
    match next {
        Some(next) => reply.with("nextCursor", next),
        None => Ok(reply),
    }
}

/// The last day of the longest range that starts on `from`.
fn range_after(from: NaiveDate) -> NaiveDate {
    from.checked_add_days(MAX_RANGE).map_or(LAST_DATE, |last| last.min(LAST_DATE))
}

/// The first day of the longest range that ends on `until`.
fn range_before(until: NaiveDate) -> NaiveDate {
    until.checked_sub_days(MAX_RANGE).map_or(FIRST_DATE, |first| first.max(FIRST_DATE))
}

/// The change, and whether to notify the patient.
pub(crate) fn update_input(fields: &mut Fields) -> (AppointmentChange, bool) {
    fields.at_least_one();
    fields.rule(|| json!({"dependentRequired": {"date": ["time"], "time": ["date"]}}));
    let both_or_neither = fields.has("date") == fields.has("time");
    let slot = fields.non_null("date", date()).zip(fields.non_null("time", time()));
    if !both_or_neither {
        fields.error("date", "Informe date e time juntos.");
    }
    let change = AppointmentChange {
        version: fields.non_null("version", integer(1, i32::MAX)),
        slot: slot.map(|(date, time)| Slot { date, time }),
        status: fields.non_null("status", one_of(STATUSES)).flatten(),
        notes: fields.patch("notes", plain_text(MAX_TEXT_CHARS)),
        areas: fields.patch("areas", plain_text(MAX_TEXT_CHARS)),
        patient_name: fields.non_null("patient_name", name()),
    };
    (change, fields.non_null("notify", boolean()).unwrap_or(false))
}

pub(crate) async fn update(context: &Messenger, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: AppointmentId = request.id("appointmentId", NO_APPOINTMENT)?;
    let mut fields = Fields::of_body(&request)?;
    let input = update_input(&mut fields);
    let (input, notify) = fields.finish(input)?;
    let appointment =
        change(&context.chats.db, request.scope.as_ref(), id, &input, Actor::Staff, request.now).await?;
    failpoints::hit("visit_committed");
    // The change is committed. If the clinic cannot be read now, the Reconciler projects the reminders later.
    if let Ok(Some(profile)) = context.chats.db.find_profile(&appointment.clinic_id).await {
        let (db, reminders) = (&context.chats.db, context.chats.tables.reminders());
        project_within_request(db, reminders, profile.clinic.timezone, &appointment, request.now).await;
    }
    // An error here reaches the caller, who can repeat the request: it changes nothing more and notifies the
    // patient once.
    if notify {
        context.chats.notify_change(&appointment).await?;
    }
    Reply::ok("Agendamento atualizado.").with("appointment", appointment)
}

const STATUSES: &[(&str, Option<AppointmentStatus>)] = &[
    ("CONFIRMED", Some(AppointmentStatus::Confirmed)),
    ("CANCELLED", Some(AppointmentStatus::Cancelled)),
    ("COMPLETED", Some(AppointmentStatus::Completed)),
    ("NO_SHOW", Some(AppointmentStatus::NoShow)),
];

fn person(phone: &str, stated_name: Option<String>) -> Result<Person, ApiError> {
    let phone = Phone::with_country_code(phone).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Person {
        match_key: phone.match_key(),
        phone: Some(phone.as_str().to_owned()),
        wa_id: None,
        chat_lid: None,
        stated_name,
        profile_name: None,
    })
}

/// A person's name, without WhatsApp markup (docs/rules/security.md#names-and-texts).
fn name() -> FieldReader<String> {
    let clean = |given: String| clean_name(&given).ok_or_else(|| "Não pode ser vazio.".into());
    text(MAX_LINE_CHARS).and_then(clean, || {
        let markup_and_invisible =
            r"*_~`\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff";
        json!({"pattern": format!("^[^\\u0000]*[^\\s{markup_and_invisible}][^\\u0000]*$")})
    })
}

/// The `Idempotency-Key` header. Repeating a booking with the same key does not book twice.
fn idempotency_key() -> FieldReader<String> {
    let read = |value: &Value| {
        let is_visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = value.as_str().filter(|key| (1..=MAX_LINE_CHARS).contains(&key.len()));
        let key = key.filter(is_visible).map(str::to_owned);
        key.ok_or_else(|| "Deve ter de 1 a 200 caracteres ASCII visíveis, sem espaços.".into())
    };
    FieldReader::new(read, || {
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_LINE_CHARS,
            "pattern": "^[!-~]+$",
            "description": "Repeating the key and body returns the same appointment; the key with another body is 409.",
        })
    })
}

/// The key, with a hash of the body that was sent with it.
fn idempotency(key: &str, request: &ApiRequest) -> Idempotency {
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    // The prefix keeps these keys apart from those of bookings in the chat, which begin with `chat:`.
    Idempotency { key: format!("api:{key}"), former_key: None, hash: sha256_hex(body) }
}

type PagePosition = (NaiveDate, chrono::NaiveTime, AppointmentId);

fn cursor_after(appointment: &Appointment) -> String {
    format!("{}_{}_{}", appointment.appointment_date, appointment.start_time.format("%H:%M"), appointment.id)
}

/// The `nextCursor` of the previous page.
fn cursor() -> FieldReader<PagePosition> {
    let read = |value: &Value| {
        let read = || {
            let mut parts = value.as_str()?.splitn(3, '_');
            let date = date().read(&parts.next()?.into()).ok()?;
            let time = time().read(&parts.next()?.into()).ok()?;
            Some((date, time, parts.next()?.parse().ok()?))
        };
        read().ok_or_else(|| INVALID_CURSOR.into())
    };
    FieldReader::new(
        read,
        || json!({"type": "string", "format": "cursor", "description": "The nextCursor of the previous page."}),
    )
}
