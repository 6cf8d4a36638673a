//! Routes for a clinic's frequent questions.

use scheduler_core::adapters::postgres::faq::{FaqChange, NewFaqEntry};
use scheduler_core::domain::ids::FaqId;
use serde_json::json;

use super::NO_CLINIC;
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{
    FieldReader, Fields, MAX_LINE_CHARS, MAX_TEXT_CHARS, boolean, integer, plain_text, text,
};
use crate::request::ApiRequest;

const NO_QUESTION: &str = "Pergunta não encontrada.";
const MAX_KEY_CHARS: usize = 64;

pub(crate) fn create_input(fields: &mut Fields) -> NewFaqEntry {
    NewFaqEntry {
        question_key: fields.required("question_key", question_key()),
        question_label: fields.required("question_label", plain_text(MAX_LINE_CHARS)),
        answer: fields.required("answer", text(MAX_TEXT_CHARS)),
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
        question_label: fields.non_null("question_label", plain_text(MAX_LINE_CHARS)),
        answer: fields.non_null("answer", text(MAX_TEXT_CHARS)),
        display_order: fields.non_null("display_order", integer(0, i32::MAX)),
        active: fields.non_null("active", boolean()),
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

/// A question's key. It becomes part of an option id (`faq_<KEY>`), so its characters are limited.
fn question_key() -> FieldReader<String> {
    let plain = |key: String| {
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if plain { Ok(key) } else { Err("Use só letras sem acento, números, _ e -.".into()) }
    };
    text(MAX_KEY_CHARS).and_then(plain, || json!({"pattern": "^[A-Za-z0-9_-]+$"}))
}
