//! Appointments, as reception books, lists and changes them.

use chrono::{Days, NaiveDate};
use scheduler_core::adapters::postgres::appointments::read::AppointmentFilter;
use scheduler_core::app::appointments::{Actor, book, change};
use scheduler_core::app::reminders::project::project_soon;
use scheduler_core::digest::sha256_hex;
use scheduler_core::domain::appointment::{
    Appointment, AppointmentChange, AppointmentStatus, Booking, Idempotency,
};
use scheduler_core::domain::ids::{AppointmentId, ClinicId, ProfessionalId, ServiceId};
use scheduler_core::domain::patient::{Person, clean_name};
use scheduler_core::domain::phone::Phone;
use scheduler_core::domain::time::{Slot, local};
use scheduler_core::failpoints;
use serde_json::{Value, json};

use super::{NO_APPOINTMENT, NO_CLINIC, NO_PROFESSIONAL, NO_SERVICE, id_of};
use crate::context::{Admin, Messenger, Reception};
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{
    FieldReader, Fields, LINE, TEXT, boolean, date, integer, number, phone, text, time, word,
};
use crate::request::ApiRequest;

/// The longest range of a list, in days.
const LONGEST_RANGE: u64 = 62;
const MOST: i64 = 100;

/// What reception asks for.
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
        clinic: ClinicId(fields.required("clinicId", text(LINE))),
        phone: fields.required("phone", phone()),
        service: fields.required("serviceId", text(LINE)),
        slot: Slot { date: fields.required("date", date()), time: fields.required("time", time()) },
        areas: fields.optional("areas", text(TEXT)),
        name: fields.optional("name", name()),
        notes: fields.optional("notes", text(TEXT)),
        professional: fields.optional("professionalId", text(LINE)),
        key: fields.header("Idempotency-Key", idempotency_key()),
    }
}

pub(crate) async fn create(context: &Reception, request: ApiRequest) -> Result<Reply, ApiError> {
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let input = fields.finish(input)?;
    request.in_scope(&input.clinic)?;
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
    project_soon(db, reminders, profile.clinic.timezone, &appointment, request.now).await;
    Reply::created("Agendamento criado.")
        .with("appointmentId", appointment.id)?
        .with("appointment", appointment)
}

/// Which appointments are asked for.
pub(crate) struct ListInput {
    day: Option<NaiveDate>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    status: Option<AppointmentStatus>,
    limit: i64,
    after: Option<Place>,
}

pub(crate) fn list_input(fields: &mut Fields) -> ListInput {
    let wanted = ListInput {
        day: fields.optional("date", date()),
        from: fields.optional("from", date()),
        until: fields.optional("to", date()),
        status: fields.optional("status", word(STATUSES)).flatten(),
        limit: fields.optional("limit", number(1, MOST)).unwrap_or(MOST),
        after: fields.optional("cursor", cursor()),
    };
    if wanted.day.is_some() && (wanted.from.is_some() || wanted.until.is_some()) {
        fields.error("date", "Use date, ou from e to.");
    }
    if let Some((from, until)) = wanted.from.zip(wanted.until) {
        if until < from {
            fields.error("to", "Deve ser igual ou depois de from.");
        } else if from + Days::new(LONGEST_RANGE) < until {
            fields.error("to", "O intervalo pode ter até 62 dias.");
        }
    }
    wanted
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_query(&request);
    let wanted = list_input(&mut fields);
    let wanted = fields.finish(wanted)?;
    let profile = context.db.find_clinic(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let today = local(request.now, profile.timezone).date();
    let (from, until) = match (wanted.day, wanted.from, wanted.until) {
        (Some(day), ..) => (Some(day), Some(day)),
        (None, None, None) => (Some(today), None),
        (None, Some(from), None) => (Some(from), Some(from + Days::new(LONGEST_RANGE))),
        (None, None, Some(until)) => (Some(until - Days::new(LONGEST_RANGE)), Some(until)),
        (None, from, until) => (from, until),
    };
    // One more than asked for tells whether there is another page.
    let (status, after, limit) = (wanted.status, wanted.after, wanted.limit + 1);
    let filter = AppointmentFilter { from, until, status, after, limit };
    let mut appointments =
        context.db.list_appointments(&clinic, &filter).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let page = usize::try_from(wanted.limit).map_err(|error| ApiError::internal(error.to_string()))?;
    let more = appointments.len() > page;
    appointments.truncate(page);
    let next = appointments.last().filter(|_| more).map(cursor_after);
    let reply = Reply::ok("Agendamentos da clínica.").with("appointments", appointments)?;
    match next {
        Some(next) => reply.with("nextCursor", next),
        None => Ok(reply),
    }
}

/// What is to change, and whether the patient is told.
pub(crate) fn update_input(fields: &mut Fields) -> (AppointmentChange, bool) {
    fields.at_least_one();
    fields.rule(|| json!({"dependentRequired": {"date": ["time"], "time": ["date"]}}));
    let both = fields.has("date") == fields.has("time");
    let slot = fields.change("date", date()).zip(fields.change("time", time()));
    if !both {
        fields.error("date", "Informe date e time juntos.");
    }
    let change = AppointmentChange {
        version: fields.change("version", integer(1, i32::MAX)),
        slot: slot.map(|(date, time)| Slot { date, time }),
        status: fields.change("status", word(STATUSES)).flatten(),
        notes: fields.patch("notes", text(TEXT)),
        areas: fields.patch("areas", text(TEXT)),
        patient_name: fields.change("patient_name", name()),
    };
    (change, fields.change("notify", boolean()).unwrap_or(false))
}

pub(crate) async fn update(context: &Messenger, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: AppointmentId = request.id("appointmentId", NO_APPOINTMENT)?;
    let mut fields = Fields::of_body(&request)?;
    let wanted = update_input(&mut fields);
    let (wanted, notify) = fields.finish(wanted)?;
    let appointment =
        change(&context.chats.db, request.scope.as_ref(), id, &wanted, Actor::Staff, request.now).await?;
    failpoints::hit("visit_committed");
    // The change stands: what cannot be read now, the Reconciler reads later.
    if let Ok(Some(profile)) = context.chats.db.find_profile(&appointment.clinic_id).await {
        let (db, reminders) = (&context.chats.db, context.chats.tables.reminders());
        project_soon(db, reminders, profile.clinic.timezone, &appointment, request.now).await;
    }
    // Failing here is told: the same request again changes nothing more and tells the patient once.
    if notify {
        context.chats.tell_of_change(&appointment).await?;
    }
    Reply::ok("Agendamento atualizado.").with("appointment", appointment)
}

const STATUSES: &[(&str, Option<AppointmentStatus>)] = &[
    ("CONFIRMED", Some(AppointmentStatus::Confirmed)),
    ("CANCELLED", Some(AppointmentStatus::Cancelled)),
    ("COMPLETED", Some(AppointmentStatus::Completed)),
    ("NO_SHOW", Some(AppointmentStatus::NoShow)),
];

fn person(phone: &str, given_name: Option<String>) -> Result<Person, ApiError> {
    let phone = Phone::with_country_code(phone).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Person {
        match_key: phone.match_key(),
        phone: Some(phone.as_str().to_owned()),
        wa_id: None,
        chat_lid: None,
        given_name,
        profile_name: None,
    })
}

/// A person's name, without WhatsApp's markup.
fn name() -> FieldReader<String> {
    let clean = |given: String| clean_name(&given).ok_or_else(|| "Não pode ser vazio.".into());
    text(LINE).and_then(clean, || {
        let markup_and_invisible =
            r"*_~`\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff";
        json!({"pattern": format!("^[^\\u0000]*[^\\s{markup_and_invisible}][^\\u0000]*$")})
    })
}

/// The header under which the same booking is made once.
fn idempotency_key() -> FieldReader<String> {
    let read = |value: &Value| {
        let key = value.as_str().filter(|key| (1..=LINE).contains(&key.len()));
        key.map(str::to_owned).ok_or_else(|| "Deve ter de 1 a 200 caracteres ASCII.".into())
    };
    FieldReader::new(read, || {
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": LINE,
            "pattern": "^[!-~]+$",
            "description": "The same key and body again answer with the same appointment; another body under it is 409.",
        })
    })
}

/// The key, and a hash of what was asked under it.
fn idempotency(key: &str, request: &ApiRequest) -> Idempotency {
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    // The chat's own keys are message ids: reception's never meet them.
    Idempotency { key: format!("api:{key}"), hash: sha256_hex(body) }
}

type Place = (NaiveDate, chrono::NaiveTime, AppointmentId);

fn cursor_after(appointment: &Appointment) -> String {
    format!("{}_{}_{}", appointment.appointment_date, appointment.start_time.format("%H:%M"), appointment.id)
}

/// The `nextCursor` of another answer.
fn cursor() -> FieldReader<Place> {
    let read = |value: &Value| {
        let read = || {
            let mut parts = value.as_str()?.splitn(3, '_');
            let date = date().read(&parts.next()?.into()).ok()?;
            let time = time().read(&parts.next()?.into()).ok()?;
            Some((date, time, parts.next()?.parse().ok()?))
        };
        read().ok_or_else(|| "Cursor inválido.".into())
    };
    FieldReader::new(
        read,
        || json!({"type": "string", "format": "cursor", "description": "The nextCursor of the answer before."}),
    )
}
