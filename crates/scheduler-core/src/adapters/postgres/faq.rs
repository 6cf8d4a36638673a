//! Questions and answers.

use serde::Deserialize;

use super::Db;
use super::connection::{failed, run};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FaqItem {
    /// Its key.
    pub question_key: String,
    /// The question.
    pub question_label: String,
    /// The answer.
    pub answer: String,
}

impl Db {
    /// Active items in display order.
    pub async fn list_faq(&self, clinic: &ClinicId) -> Result<Vec<FaqItem>, StoreError> {
        const DOING: &str = "list the questions";
        run!(self, DOING, again, |connection| sqlx::query_as!(
            FaqItem,
            "select question_key, question_label, answer from scheduler.faq_items
            where clinic_id = $1 and active
            order by display_order, question_key",
            clinic.as_str(),
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))
    }

    /// One active item.
    pub async fn find_faq(&self, clinic: &ClinicId, key: &str) -> Result<Option<FaqItem>, StoreError> {
        const DOING: &str = "find a question";
        run!(self, DOING, again, |connection| sqlx::query_as!(
            FaqItem,
            "select question_key, question_label, answer from scheduler.faq_items
            where clinic_id = $1 and question_key = $2 and active",
            clinic.as_str(),
            key,
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))
    }
}
