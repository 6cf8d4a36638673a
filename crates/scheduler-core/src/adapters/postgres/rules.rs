//! Availability rules: the weekly opening windows of a clinic.

use chrono::{DateTime, NaiveTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::Db;
use super::connection::{QueryError, constraint, row_query, run, store_error, try_run};
use crate::domain::clinic::AvailabilityRule;
use crate::domain::ids::{ClinicId, ProfessionalId, RuleId};
use crate::error::StoreError;

/// A rule to create.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct NewRule {
    /// Must be a professional of the clinic.
    pub professional_id: Option<ProfessionalId>,
    /// 0 = Sunday … 6 = Saturday.
    pub day_of_week: i16,
    pub start_time: NaiveTime,
    /// Must be after the start.
    pub end_time: NaiveTime,
}

/// New values for a rule. `None` leaves a field unchanged, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct RuleChange {
    pub professional_id: Option<Option<ProfessionalId>>,
    /// 0 = Sunday … 6 = Saturday.
    pub day_of_week: Option<i16>,
    pub start_time: Option<NaiveTime>,
    /// Must be after the new start, or after the stored one if there is no new start.
    pub end_time: Option<NaiveTime>,
    pub active: Option<bool>,
}

/// Why a rule was not written.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The clinic does not exist.
    #[error("no such clinic")]
    UnknownClinic,
    /// The professional does not exist, or belongs to another clinic.
    #[error("no such professional")]
    UnknownProfessional,
    /// The rule does not exist, or belongs to another clinic.
    #[error("no such rule")]
    NotFound,
    /// The end would not be after the start.
    #[error("the end is not after the start")]
    EndsBeforeStart,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

row_query!($ query_rules: RuleRow =
    "id, clinic_id, professional_id, day_of_week, start_time, end_time, active, created_at, updated_at");

impl Db {
    /// Creates an active rule.
    pub async fn create_rule(&self, clinic: &ClinicId, new: &NewRule) -> Result<AvailabilityRule, RuleError> {
        const ACTION: &str = "create an availability rule";
        let created = try_run!(self, ACTION, |connection| query_rules!(
            "insert into scheduler.availability_rules
                (clinic_id, professional_id, day_of_week, start_time, end_time)
            values ($1, $2, $3, $4, $5)
            returning",
            "",
            clinic.as_str(),
            new.professional_id.map(|id| id.0),
            new.day_of_week,
            new.start_time,
            new.end_time,
        )
        .fetch_one(connection));
        created.map(AvailabilityRule::from).map_err(|error| rule_error(ACTION, error))
    }

    /// Active rules, sorted by weekday and start. `None`: the clinic does not exist.
    pub async fn list_rules(&self, clinic: &ClinicId) -> Result<Option<Vec<AvailabilityRule>>, StoreError> {
        const ACTION: &str = "list availability rules";
        let rows = run!(self, ACTION, retry, |connection| query_rules!(
            "select",
            "from scheduler.availability_rules
            where clinic_id = $1 and active
            order by day_of_week, start_time, id",
            clinic.as_str(),
        )
        .fetch_all(connection))?;
        self.none_if_no_clinic(clinic, rows.into_iter().map(AvailabilityRule::from).collect()).await
    }

    /// Changes or deactivates a rule. `clinic` is `None` only if the API key covers all clinics.
    pub async fn update_rule(
        &self,
        clinic: Option<&ClinicId>,
        id: RuleId,
        change: &RuleChange,
    ) -> Result<AvailabilityRule, RuleError> {
        const ACTION: &str = "update an availability rule";
        let row = try_run!(self, ACTION, |connection| query_rules!(
            "update scheduler.availability_rules set
                professional_id = case when $3::boolean then $4 else professional_id end,
                day_of_week = coalesce($5, day_of_week),
                start_time = coalesce($6, start_time),
                end_time = coalesce($7, end_time),
                active = coalesce($8, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning",
            "",
            id.0,
            clinic.map(ClinicId::as_str),
            change.professional_id.is_some(),
            change.professional_id.flatten().map(|id| id.0),
            change.day_of_week,
            change.start_time,
            change.end_time,
            change.active,
        )
        .fetch_optional(connection));
        match row {
            Ok(row) => row.map(AvailabilityRule::from).ok_or(RuleError::NotFound),
            Err(error) => Err(rule_error(ACTION, error)),
        }
    }
}

/// Maps the violated constraint to the reason of the refusal.
fn rule_error(action: &'static str, error: QueryError) -> RuleError {
    match constraint(&error) {
        Some("availability_rules_clinic_id_fkey") => RuleError::UnknownClinic,
        Some("rules_professional_fkey") => RuleError::UnknownProfessional,
        Some("rules_times_check") => RuleError::EndsBeforeStart,
        _ => store_error(action, error).into(),
    }
}

/// A row of `scheduler.availability_rules`, also read from its JSON form.
#[derive(Debug, Deserialize)]
pub(super) struct RuleRow {
    id: Uuid,
    clinic_id: String,
    professional_id: Option<Uuid>,
    day_of_week: i16,
    start_time: NaiveTime,
    end_time: NaiveTime,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<RuleRow> for AvailabilityRule {
    fn from(row: RuleRow) -> Self {
        Self {
            id: RuleId(row.id),
            clinic_id: ClinicId(row.clinic_id),
            professional_id: row.professional_id.map(ProfessionalId),
            day_of_week: row.day_of_week,
            start_time: row.start_time,
            end_time: row.end_time,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
