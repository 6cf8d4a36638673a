//! A clinic's questions and answers.

use scheduler_core::adapters::postgres::faq::{FaqChange, NewFaqEntry};
use scheduler_core::domain::ids::FaqId;
use serde_json::json;

use super::NO_CLINIC;
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{FieldReader, Fields, LINE, TEXT, boolean, integer, text};
use crate::request::ApiRequest;

const NO_QUESTION: &str = "Pergunta não encontrada.";
/// The longest key, in characters.
const LONGEST_KEY: usize = 64;

pub(crate) fn create_input(fields: &mut Fields) -> NewFaqEntry {
    NewFaqEntry {
        question_key: fields.required("question_key", question_key()),
        question_label: fields.required("question_label", text(LINE)),
        answer: fields.required("answer", text(TEXT)),
        display_order: fields.optional("display_order", integer(0, i32::MAX)).unwrap_or_default(),
    }
}

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let new = create_input(&mut fields);
    let new = fields.finish(new)?;
    let entry = context.db.create_faq(&clinic, &new).await?;
    Reply::created("Pergunta criada.").with("faqId", entry.id)?.with("faq", entry)
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let entries = context.db.list_faq(&clinic).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Perguntas da clínica.").with("faq", entries)
}

pub(crate) fn update_input(fields: &mut Fields) -> FaqChange {
    fields.at_least_one();
    FaqChange {
        question_label: fields.change("question_label", text(LINE)),
        answer: fields.change("answer", text(TEXT)),
        display_order: fields.change("display_order", integer(0, i32::MAX)),
        active: fields.change("active", boolean()),
    }
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: FaqId = request.id("faqId", NO_QUESTION)?;
    let mut fields = Fields::of_body(&request)?;
    let change = update_input(&mut fields);
    let change = fields.finish(change)?;
    let updated = context.db.update_faq(request.scope.as_ref(), id, &change).await?;
    Reply::ok("Pergunta atualizada.").with("faq", updated.ok_or(ApiError::NotFound(NO_QUESTION))?)
}

/// What may stand in an option's id.
fn question_key() -> FieldReader<String> {
    let plain = |key: String| {
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if plain { Ok(key) } else { Err("Use só letras sem acento, números, _ e -.".into()) }
    };
    text(LONGEST_KEY).and_then(plain, || json!({"pattern": "^[A-Za-z0-9_-]+$"}))
}
