//! Visits, as reception books, lists and changes them.

use chrono::{Days, NaiveDate};
use scheduler_core::adapters::postgres::appointments::{AppointmentFilter, Idempotency, Person};
use scheduler_core::app::appointments::{Booking, By, Change, book, change};
use scheduler_core::domain::appointment::{Appointment, AppointmentStatus};
use scheduler_core::domain::ids::{AppointmentId, ClinicId, ProfessionalId, ServiceId};
use scheduler_core::domain::patient::clean_name;
use scheduler_core::domain::phone::Phone;
use scheduler_core::domain::time::{Slot, local};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{NO_APPOINTMENT, NO_CLINIC, NO_SERVICE};
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, Read, TEXT, boolean, date, integer, phone, text, time, word};
use crate::request::Call;
use crate::world::World;

/// The longest range of a list, in days.
const LONGEST_RANGE: u64 = 62;
const MOST: i64 = 100;

pub(crate) async fn create(world: &World, call: Call) -> Result<Reply, ApiError> {
    let mut fields = Fields::of_body(&call)?;
    let clinic = ClinicId(fields.required("clinicId", text(LINE)));
    let phone = fields.required("phone", phone);
    let service = fields.required("serviceId", text(LINE));
    let slot = Slot { date: fields.required("date", date), time: fields.required("time", time) };
    let areas = fields.optional("areas", text(TEXT));
    let name = fields.optional("name", name);
    let notes = fields.optional("notes", text(TEXT));
    let professional = fields.optional("professionalId", text(LINE));
    let idempotency = idempotency(&call, &mut fields);
    let found = (clinic, phone, service, slot, professional);
    let (clinic, phone, service, slot, professional) = fields.finish(found)?;
    call.in_scope(&clinic)?;
    let profile = world.db.find_profile(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let service_id: ServiceId = service.parse().map_err(|_| ApiError::NotFound(NO_SERVICE))?;
    let professional_id: Option<ProfessionalId> = professional
        .map(|id| id.parse().map_err(|_| ApiError::NotFound("Profissional não encontrado.")))
        .transpose()?;
    let booking = Booking {
        person: person(&phone, name)?,
        service_id,
        professional_id,
        slot,
        minutes: None,
        areas,
        notes,
        idempotency,
    };
    let visit = book(&world.db, &profile.clinic, &booking, By::Staff, call.now).await?;
    Reply::created("Agendamento criado.").with("appointmentId", visit.id)?.with("appointment", visit)
}

pub(crate) async fn list(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_query(&call);
    let day = fields.optional("date", date);
    let from = fields.optional("from", date);
    let until = fields.optional("to", date);
    let status = fields.optional("status", word(STATUSES));
    let limit = fields.optional("limit", limit);
    let after = fields.optional("cursor", cursor);
    if day.is_some() && (from.is_some() || until.is_some()) {
        fields.fault("date", "Use date, ou from e to.");
    }
    if let Some((from, until)) = from.zip(until) {
        if until < from {
            fields.fault("to", "Deve ser igual ou depois de from.");
        } else if from + Days::new(LONGEST_RANGE) < until {
            fields.fault("to", "O intervalo pode ter até 62 dias.");
        }
    }
    fields.finish(())?;
    let profile = world.db.find_clinic(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let today = local(call.now, profile.timezone).date();
    let limit = limit.unwrap_or(MOST);
    let (from, until) = match (day, from, until) {
        (Some(day), ..) => (Some(day), Some(day)),
        (None, None, None) => (Some(today), None),
        (None, Some(from), None) => (Some(from), Some(from + Days::new(LONGEST_RANGE))),
        (None, None, Some(until)) => (Some(until - Days::new(LONGEST_RANGE)), Some(until)),
        (None, from, until) => (from, until),
    };
    // One more than asked for tells whether there is another page.
    let filter = AppointmentFilter { from, until, status: status.flatten(), after, limit: limit + 1 };
    let mut visits =
        world.db.list_appointments(&clinic, &filter).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    let page = usize::try_from(limit).map_err(|error| ApiError::internal(error.to_string()))?;
    let more = visits.len() > page;
    visits.truncate(page);
    let next = visits.last().filter(|_| more).map(cursor_after);
    let reply = Reply::ok("Agendamentos da clínica.").with("appointments", visits)?;
    match next {
        Some(next) => reply.with("nextCursor", next),
        None => Ok(reply),
    }
}

pub(crate) async fn update(world: &World, call: Call) -> Result<Reply, ApiError> {
    let id: AppointmentId = call.id("appointmentId", NO_APPOINTMENT)?;
    let mut fields = Fields::of_body(&call)?;
    if fields.is_empty() {
        return Err(ApiError::field("body", "Informe ao menos um campo."));
    }
    let both = fields.has("date") == fields.has("time");
    let slot = fields.change("date", date).zip(fields.change("time", time));
    if !both {
        fields.fault("date", "Informe date e time juntos.");
    }
    let wanted = Change {
        version: fields.change("version", integer(1, i32::MAX)),
        slot: slot.map(|(date, time)| Slot { date, time }),
        status: fields.change("status", word(STATUSES)).flatten(),
        notes: fields.patch("notes", text(TEXT)),
        areas: fields.patch("areas", text(TEXT)),
        patient_name: fields.change("patient_name", name),
    };
    let notify = fields.change("notify", boolean).unwrap_or(false);
    let wanted = fields.finish(wanted)?;
    let visit = change(&world.db, call.scope.as_ref(), id, &wanted, By::Staff, call.now).await?;
    // Failing here is told: the same request again changes nothing more and tells the patient once.
    if notify {
        world.chats()?.tell_of_change(&visit).await?;
    }
    Reply::ok("Agendamento atualizado.").with("appointment", visit)
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
fn name(value: &Value) -> Read<String> {
    let given = text(LINE)(value)?;
    clean_name(&given).ok_or_else(|| "Não pode ser vazio.".into())
}

fn limit(value: &Value) -> Read<i64> {
    let limit = value.as_str().and_then(|text| text.parse().ok());
    limit.filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| "Deve ser um número de 1 a 100.".into())
}

/// The header under which the same booking is made once, and what was asked under it.
fn idempotency(call: &Call, fields: &mut Fields) -> Option<Idempotency> {
    let given = call.headers.get("idempotency-key")?;
    let Some(key) = given.to_str().ok().filter(|key| (1..=LINE).contains(&key.len())) else {
        fields.fault("Idempotency-Key", "Deve ter de 1 a 200 caracteres ASCII.");
        return None;
    };
    let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
    let hash = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    // The chat's own keys are message ids: reception's never meet them.
    Some(Idempotency { key: format!("api:{key}"), hash })
}

type Place = (NaiveDate, chrono::NaiveTime, AppointmentId);

fn cursor_after(visit: &Appointment) -> String {
    format!("{}_{}_{}", visit.appointment_date, visit.start_time.format("%H:%M"), visit.id)
}

fn cursor(value: &Value) -> Read<Place> {
    let read = || {
        let mut parts = value.as_str()?.splitn(3, '_');
        let date = date(&parts.next()?.into()).ok()?;
        let time = time(&parts.next()?.into()).ok()?;
        Some((date, time, parts.next()?.parse().ok()?))
    };
    read().ok_or_else(|| "Cursor inválido.".into())
}
