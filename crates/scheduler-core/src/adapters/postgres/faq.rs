//! The clinics' frequent questions with their answers.

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::faq::FaqEntry;
use crate::domain::ids::{ClinicId, FaqId};
use crate::error::StoreError;

/// A question to create.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct NewFaqEntry {
    pub question_key: String,
    pub question_label: String,
    pub answer: String,
    /// Position among the questions, smallest first.
    pub display_order: i32,
}

/// New values for a question. `None` leaves a field unchanged.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct FaqChange {
    pub question_label: Option<String>,
    pub answer: Option<String>,
    pub display_order: Option<i32>,
    pub active: Option<bool>,
}

/// Why a question was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateFaqError {
    /// The clinic already has a question with this key, active or not.
    #[error("the clinic already has a question with this key")]
    Duplicate,
    /// The clinic does not exist.
    #[error("no such clinic")]
    UnknownClinic,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

row_query!($ query_faq: FaqEntry =
    "id, clinic_id, question_key, question_label, answer, display_order, active, created_at, updated_at");

impl Db {
    /// Creates an active question.
    pub async fn create_faq(&self, clinic: &ClinicId, new: &NewFaqEntry) -> Result<FaqEntry, CreateFaqError> {
        const ACTION: &str = "create a question";
        let created = try_run!(self, ACTION, |connection| query_faq!(
            "insert into scheduler.faq_items (clinic_id, question_key, question_label, answer, display_order)
            values ($1, $2, $3, $4, $5)
            returning",
            "",
            clinic.as_str(),
            new.question_key,
            new.question_label,
            new.answer,
            new.display_order,
        )
        .fetch_one(connection));
        created.map_err(|error| match constraint(&error) {
            Some("faq_items_key") => CreateFaqError::Duplicate,
            Some("faq_items_clinic_id_fkey") => CreateFaqError::UnknownClinic,
            _ => store_error(ACTION, error).into(),
        })
    }

    /// Active questions in display order. `None`: the clinic does not exist.
    pub async fn list_faq(&self, clinic: &ClinicId) -> Result<Option<Vec<FaqEntry>>, StoreError> {
        const ACTION: &str = "list the questions";
        let rows = run!(self, ACTION, retry, |connection| {
            query_faq!(
            "select",
            "from scheduler.faq_items where clinic_id = $1 and active order by display_order, question_key",
            clinic.as_str(),
        )
        .fetch_all(connection)
        })?;
        self.none_if_no_clinic(clinic, rows).await
    }

    /// An active question by its key.
    pub async fn find_faq(&self, clinic: &ClinicId, key: &str) -> Result<Option<FaqEntry>, StoreError> {
        const ACTION: &str = "find a question";
        run!(self, ACTION, retry, |connection| query_faq!(
            "select",
            "from scheduler.faq_items where clinic_id = $1 and question_key = $2 and active",
            clinic.as_str(),
            key,
        )
        .fetch_optional(connection))
    }

    /// Changes a question. `clinic` is `None` only if the API key covers all clinics.
    /// Returns `None` if there is no such question.
    pub async fn update_faq(
        &self,
        clinic: Option<&ClinicId>,
        id: FaqId,
        change: &FaqChange,
    ) -> Result<Option<FaqEntry>, StoreError> {
        const ACTION: &str = "update a question";
        run!(self, ACTION, |connection| query_faq!(
            "update scheduler.faq_items set
                question_label = coalesce($3, question_label), answer = coalesce($4, answer),
                display_order = coalesce($5, display_order), active = coalesce($6, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning",
            "",
            id.0,
            clinic.map(ClinicId::as_str),
            change.question_label,
            change.answer,
            change.display_order,
            change.active,
        )
        .fetch_optional(connection))
    }
}
