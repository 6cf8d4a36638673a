//! The clinics' questions and answers, as the API edits them.

use super::Db;
use super::connection::{constraint, failed, run};
use crate::domain::ids::{ClinicId, FaqId};
use crate::domain::wording::FaqEntry;
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

impl Db {
    /// Makes a question.
    pub async fn create_faq(&self, clinic: &ClinicId, new: &NewFaqEntry) -> Result<FaqEntry, CreateFaqError> {
        const DOING: &str = "create a question";
        let made = run!(self, DOING, |connection| sqlx::query_as!(
            FaqEntry,
            "insert into scheduler.faq_items (clinic_id, question_key, question_label, answer, display_order)
            values ($1, $2, $3, $4, $5)
            returning id, clinic_id, question_key, question_label, answer, display_order, active,
                created_at, updated_at",
            clinic.as_str(),
            new.question_key,
            new.question_label,
            new.answer,
            new.display_order,
        )
        .fetch_one(connection));
        made.map_err(|failure| match constraint(&failure) {
            Some("faq_items_key") => CreateFaqError::Duplicate,
            Some("faq_items_clinic_id_fkey") => CreateFaqError::NoClinic,
            _ => failed(DOING, failure).into(),
        })
    }

    /// Questions that are offered, in display order; `None`: no such clinic.
    pub async fn list_faq_entries(&self, clinic: &ClinicId) -> Result<Option<Vec<FaqEntry>>, StoreError> {
        const DOING: &str = "list the questions";
        let rows = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select f.id as "id?", f.question_key as "question_key?",
                f.question_label as "question_label?", f.answer as "answer?",
                f.display_order as "display_order?", f.active as "active?",
                f.created_at as "created_at?", f.updated_at as "updated_at?"
            from scheduler.clinics c
            left join scheduler.faq_items f on f.clinic_id = c.clinic_id and f.active
            where c.clinic_id = $1
            order by f.display_order, f.question_key"#,
            clinic.as_str(),
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let entries = rows.into_iter().filter_map(|row| {
            Some(FaqEntry {
                id: row.id?.into(),
                clinic_id: clinic.clone(),
                question_key: row.question_key?,
                question_label: row.question_label?,
                answer: row.answer?,
                display_order: row.display_order?,
                active: row.active?,
                created_at: row.created_at?,
                updated_at: row.updated_at?,
            })
        });
        Ok(Some(entries.collect()))
    }

    /// Changes a question, of one clinic where one is given; `None`: there is no such question.
    pub async fn update_faq(
        &self,
        clinic: Option<&ClinicId>,
        id: FaqId,
        change: &FaqChange,
    ) -> Result<Option<FaqEntry>, StoreError> {
        const DOING: &str = "update a question";
        run!(self, DOING, |connection| sqlx::query_as!(
            FaqEntry,
            "update scheduler.faq_items set
                question_label = coalesce($3, question_label), answer = coalesce($4, answer),
                display_order = coalesce($5, display_order), active = coalesce($6, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning id, clinic_id, question_key, question_label, answer, display_order, active,
                created_at, updated_at",
            id.0,
            clinic.map(ClinicId::as_str),
            change.question_label,
            change.answer,
            change.display_order,
            change.active,
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))
    }
}
