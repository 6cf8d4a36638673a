//! Questions and answers.

use super::Db;
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub async fn list_faq(&self, _clinic: &ClinicId) -> Result<Vec<FaqItem>, StoreError> {
        todo!()
    }

    /// One active item.
    pub async fn find_faq(&self, _clinic: &ClinicId, _key: &str) -> Result<Option<FaqItem>, StoreError> {
        todo!()
    }
}
