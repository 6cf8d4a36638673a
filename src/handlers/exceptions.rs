//! Routes for availability exceptions: closed days and special hours.

use chrono::{NaiveDate, NaiveTime};
use scheduler_core::adapters::postgres::exceptions::{
    ExceptionChange, ExceptionUpdate, ExceptionWithConflicts, NewException,
};
use scheduler_core::domain::clinic::{AvailabilityException, ExceptionType};
use scheduler_core::domain::ids::ExceptionId;
use serde_json::json;

use super::{END_BEFORE_START, NO_CLINIC, NO_EXCEPTION};
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::{ApiError, FieldError};
use crate::fields::{Fields, MAX_LINE_CHARS, boolean, date, one_of, plain_text, time};
use crate::request::ApiRequest;

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let new = fields.finish(input)?;
    let created = context.db.create_exception(&clinic, &new).await?;
    let ExceptionWithConflicts { exception, conflicts } = created.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::created("Exceção criada.")
        .with("exceptionId", exception.id)?
        .with("exception", exception)?
        .with("conflicts", conflicts)
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_query(&request);
    let input = list_input(&mut fields);
    let (from, until) = fields.finish(input)?;
    let exceptions = context.db.list_exceptions(&clinic, from, until).await?;
    let exceptions = exceptions.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Exceções da clínica.").with("exceptions", exceptions)
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: ExceptionId = request.id("exceptionId", NO_EXCEPTION)?;
    let mut fields = Fields::of_body(&request)?;
    let input = update_input(&mut fields);
    let change = fields.finish(input)?;
    match context.db.update_exception(request.scope.as_ref(), id, &change).await? {
        ExceptionUpdate::Updated(updated) => Reply::ok("Exceção atualizada.")
            .with("exception", updated.exception)?
            .with("conflicts", updated.conflicts),
        ExceptionUpdate::NotFound => Err(ApiError::NotFound(NO_EXCEPTION)),
        ExceptionUpdate::InvalidTimes(stored) => Err(change_error(&change, &stored)),
    }
}

const TYPES: &[(&str, Option<ExceptionType>)] =
    &[("BLOCKED", Some(ExceptionType::Blocked)), ("SPECIAL_HOURS", Some(ExceptionType::SpecialHours))];

pub(crate) fn create_input(fields: &mut Fields) -> NewException {
    let new = NewException {
        exception_date: fields.required("exception_date", date()),
        exception_type: fields.required("exception_type", one_of(TYPES)).unwrap_or(ExceptionType::Blocked),
        start_time: fields.optional("start_time", time()),
        end_time: fields.optional("end_time", time()),
        reason: fields.optional("reason", plain_text(MAX_LINE_CHARS)),
    };
    fields.rule(|| {
        let both = json!({"start_time": {"type": "string"}, "end_time": {"type": "string"}});
        let neither = json!({
            "start_time": {"type": "null"}, "end_time": {"type": "null"}, "exception_type": {"const": "BLOCKED"},
        });
        json!({"anyOf": [
            {"properties": both, "required": ["start_time", "end_time"]},
            {"properties": neither},
        ]})
    });
    if fields.has_no_errors() {
        for error in time_errors(new.exception_type, new.start_time, new.end_time) {
            fields.error(&error.field, &error.message);
        }
    }
    new
}

pub(crate) fn list_input(fields: &mut Fields) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let (from, until) = (fields.optional("from", date()), fields.optional("to", date()));
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        fields.error("to", "Deve ser igual ou depois de from.");
    }
    (from, until)
}

pub(crate) fn update_input(fields: &mut Fields) -> ExceptionChange {
    fields.at_least_one();
    ExceptionChange {
        exception_date: fields.non_null("exception_date", date()),
        exception_type: fields.non_null("exception_type", one_of(TYPES)).flatten(),
        start_time: fields.patch("start_time", time()),
        end_time: fields.patch("end_time", time()),
        reason: fields.patch("reason", plain_text(MAX_LINE_CHARS)),
        active: fields.non_null("active", boolean()),
    }
}

/// Errors in the combination of type and times.
fn time_errors(
    exception_type: ExceptionType,
    start: Option<NaiveTime>,
    end: Option<NaiveTime>,
) -> Vec<FieldError> {
    match (start, end) {
        (Some(start), Some(end)) if end <= start => vec![FieldError::new("end_time", END_BEFORE_START)],
        (Some(_), None) => vec![FieldError::new("end_time", "Informe junto com start_time.")],
        (None, Some(_)) => vec![FieldError::new("start_time", "Informe junto com end_time.")],
        (None, None) if exception_type == ExceptionType::SpecialHours => ["start_time", "end_time"]
            .map(|field| FieldError::new(field, "Obrigatório para SPECIAL_HOURS."))
            .into(),
        _ => Vec::new(),
    }
}

/// Why a change does not fit the stored exception.
fn change_error(change: &ExceptionChange, stored: &AvailabilityException) -> ApiError {
    let errors = time_errors(
        change.exception_type.unwrap_or(stored.exception_type),
        change.start_time.unwrap_or(stored.start_time),
        change.end_time.unwrap_or(stored.end_time),
    );
    if errors.is_empty() {
        // Another request changed the exception between the refusal and the read, so no error is left to
        // report.
        return ApiError::Conflict("A exceção está sendo alterada por outra pessoa. Tente de novo.");
    }
    ApiError::Invalid(errors)
}
