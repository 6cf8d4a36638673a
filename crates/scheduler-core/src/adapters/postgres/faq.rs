//! The clinics' questions and answers, as the API edits them.

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::faq::FaqEntry;
use crate::domain::ids::{ClinicId, FaqId};
use crate::error::StoreError;

/// A question to be made.
#[derive(Debug, Clone)]
pub struct NewFaqEntry {
    /// Its key.
    pub question_key: String,
    /// The question.
    pub question_label: String,
    /// The answer.
    pub answer: String,
    /// Its place among the questions.
    pub display_order: i32,
}

/// What changes of a question; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct FaqChange {
    /// The question.
    pub question_label: Option<String>,
    /// The answer.
    pub answer: Option<String>,
    /// Its place among the questions.
    pub display_order: Option<i32>,
    /// Whether it is offered.
    pub active: Option<bool>,
}

/// A question could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateFaqError {
    /// The clinic has one of this key, offered or not.
    #[error("the clinic has a question of this key")]
    Duplicate,
    /// No such clinic.
    #[error("no such clinic")]
    NoClinic,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

row_query!($ query_faq: FaqEntry =
    "id, clinic_id, question_key, question_label, answer, display_order, active, created_at, updated_at");

impl Db {
    /// Makes a question.
    pub async fn create_faq(&self, clinic: &ClinicId, new: &NewFaqEntry) -> Result<FaqEntry, CreateFaqError> {
        const ACTION: &str = "create a question";
        let made = try_run!(self, ACTION, |connection| query_faq!(
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
        made.map_err(|error| match constraint(&error) {
            Some("faq_items_key") => CreateFaqError::Duplicate,
            Some("faq_items_clinic_id_fkey") => CreateFaqError::NoClinic,
            _ => store_error(ACTION, error).into(),
        })
    }

    /// Questions that are offered, in display order; `None`: no such clinic.
    pub async fn list_faq(&self, clinic: &ClinicId) -> Result<Option<Vec<FaqEntry>>, StoreError> {
        const ACTION: &str = "list the questions";
        let rows =
            run!(self, ACTION, retry, |connection| {
                query_faq!(
            "select",
            "from scheduler.faq_items where clinic_id = $1 and active order by display_order, question_key",
            clinic.as_str(),
        )
        .fetch_all(connection)
            })?;
        self.unless_unknown(clinic, rows).await
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

    /// Changes a question, of one clinic where one is given; `None`: there is no such question.
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
