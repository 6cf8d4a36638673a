//! Routes for availability rules, the weekly opening windows.

use chrono::NaiveTime;
use scheduler_core::adapters::postgres::rules::{NewRule, RuleChange, RuleError};
use scheduler_core::domain::ids::{ProfessionalId, RuleId};

use super::{END_BEFORE_START, NO_CLINIC, NO_PROFESSIONAL, NO_RULE, START_AFTER_END, id_of};
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, MAX_LINE_CHARS, boolean, integer, text, time};
use crate::request::ApiRequest;

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let input = create_input(&mut fields);
    let input = fields.finish(input)?;
    let new = NewRule {
        professional_id: input.professional.as_deref().map(professional).transpose()?,
        day_of_week: weekday(input.day_of_week)?,
        start_time: input.start_time,
        end_time: input.end_time,
    };
    let rule = context.db.create_rule(&clinic, &new).await?;
    Reply::created("Regra criada.").with("ruleId", rule.id)?.with("rule", rule)
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let rules = context.db.list_rules(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Regras da clínica.").with("rules", rules)
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: RuleId = request.id("ruleId", NO_RULE)?;
    let mut fields = Fields::of_body(&request)?;
    let input = update_input(&mut fields);
    let input = fields.finish(input)?;
    let professional_id = input.professional.as_ref().map(|id| id.as_deref().map(professional).transpose());
    let change = RuleChange {
        professional_id: professional_id.transpose()?,
        day_of_week: input.day_of_week.map(weekday).transpose()?,
        start_time: input.start_time,
        end_time: input.end_time,
        active: input.active,
    };
    let rule = match context.db.update_rule(request.scope.as_ref(), id, &change).await {
        // The given start is not before the stored end, so the error belongs to the start.
        Err(RuleError::EndsBeforeStart) if change.end_time.is_none() => {
            return Err(ApiError::field("start_time", START_AFTER_END));
        }
        updated => updated?,
    };
    Reply::ok("Regra atualizada.").with("rule", rule)
}

/// The body that creates a rule.
pub(crate) struct CreateInput {
    professional: Option<String>,
    day_of_week: i32,
    start_time: NaiveTime,
    end_time: NaiveTime,
}

pub(crate) fn create_input(fields: &mut Fields) -> CreateInput {
    let input = CreateInput {
        professional: fields.optional("professional_id", text(MAX_LINE_CHARS)),
        day_of_week: fields.required("day_of_week", integer(0, 6)),
        start_time: fields.required("start_time", time()),
        end_time: fields.required("end_time", time()),
    };
    check_times(fields, Some(input.start_time), Some(input.end_time));
    input
}

/// The body that updates a rule.
pub(crate) struct UpdateInput {
    professional: Option<Option<String>>,
    day_of_week: Option<i32>,
    start_time: Option<NaiveTime>,
    end_time: Option<NaiveTime>,
    active: Option<bool>,
}

pub(crate) fn update_input(fields: &mut Fields) -> UpdateInput {
    fields.at_least_one();
    let input = UpdateInput {
        professional: fields.patch("professional_id", text(MAX_LINE_CHARS)),
        day_of_week: fields.non_null("day_of_week", integer(0, 6)),
        start_time: fields.non_null("start_time", time()),
        end_time: fields.non_null("end_time", time()),
        active: fields.non_null("active", boolean()),
    };
    check_times(fields, input.start_time, input.end_time);
    input
}

fn professional(id: &str) -> Result<ProfessionalId, ApiError> {
    id_of(id, NO_PROFESSIONAL)
}

fn weekday(number: i32) -> Result<i16, ApiError> {
    i16::try_from(number).map_err(|error| ApiError::internal(error.to_string()))
}

fn check_times(fields: &mut Fields, start: Option<NaiveTime>, end: Option<NaiveTime>) {
    if fields.has_no_errors() && start.zip(end).is_some_and(|(start, end)| end <= start) {
        fields.error("end_time", END_BEFORE_START);
    }
}

impl From<RuleError> for ApiError {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::UnknownClinic => Self::NotFound(NO_CLINIC),
            RuleError::UnknownProfessional => Self::NotFound(NO_PROFESSIONAL),
            RuleError::NotFound => Self::NotFound(NO_RULE),
            RuleError::EndsBeforeStart => Self::field("end_time", END_BEFORE_START),
            RuleError::Store(error) => error.into(),
        }
    }
}
