//! Routes for message templates: a clinic's wording of the bot's messages.

use scheduler_core::adapters::postgres::templates::{NewTemplate, TemplateChange};
use scheduler_core::conversation::say::catalog::{Template, templates};
use scheduler_core::conversation::say::template_check::TemplateError;
use scheduler_core::domain::ids::TemplateId;
use scheduler_core::domain::message::{Choice, MAX_ROWS};
use serde_json::{Value, json};

use super::NO_CLINIC;
use super::choices::buttons;
use crate::context::Admin;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{FieldReader, Fields, MAX_LINE_CHARS, MAX_TEXT_CHARS, boolean, text};
use crate::request::ApiRequest;

const NO_TEMPLATE: &str = "Modelo de mensagem não encontrado.";

pub(crate) fn create_input(fields: &mut Fields) -> NewTemplate {
    NewTemplate {
        template_key: fields.required("template_key", template_key()),
        content: fields.required("content", text(MAX_TEXT_CHARS)),
        buttons: fields.optional("buttons", buttons(0, MAX_ROWS)).unwrap_or_default(),
    }
}

pub(crate) async fn create(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_body(&request)?;
    let new = create_input(&mut fields);
    if let Some(template) = templates().get(&new.template_key) {
        check(&mut fields, template, Some(&new.content), Some(&new.buttons));
    }
    let new = fields.finish(new)?;
    let template = context.db.create_template(&clinic, &new).await?;
    Reply::created("Modelo de mensagem criado.").with("templateId", template.id)?.with("template", template)
}

pub(crate) fn list_input(fields: &mut Fields) -> Option<String> {
    fields.optional("template_key", text(MAX_LINE_CHARS))
}

pub(crate) async fn list(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let clinic = request.clinic()?;
    let mut fields = Fields::of_query(&request);
    let key = list_input(&mut fields);
    let key = fields.finish(key)?;
    let templates =
        context.db.list_templates(&clinic, key.as_deref()).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Modelos de mensagem da clínica.").with("templates", templates)
}

pub(crate) fn update_input(fields: &mut Fields) -> TemplateChange {
    fields.at_least_one();
    TemplateChange {
        content: fields.non_null("content", text(MAX_TEXT_CHARS)),
        buttons: fields.non_null("buttons", buttons(0, MAX_ROWS)),
        active: fields.non_null("active", boolean()),
    }
}

pub(crate) async fn update(context: &Admin, request: ApiRequest) -> Result<Reply, ApiError> {
    let id: TemplateId = request.id("templateId", NO_TEMPLATE)?;
    let mut fields = Fields::of_body(&request)?;
    let change = update_input(&mut fields);
    let missing = ApiError::NotFound(NO_TEMPLATE);
    let Some(old) = context.db.find_template(request.scope.as_ref(), id).await? else { return Err(missing) };
    if let Some(template) = templates().get(&old.template_key) {
        check(&mut fields, template, change.content.as_deref(), change.buttons.as_deref());
    }
    let change = fields.finish(change)?;
    let template = context.db.update_template(&old.clinic_id, id, &change).await?.ok_or(missing)?;
    Reply::ok("Modelo de mensagem atualizado.").with("template", template)
}

/// The key of one of the bot's messages.
fn template_key() -> FieldReader<String> {
    let known = || templates().keys().map(String::as_str).collect::<Vec<_>>();
    let read = move |value: &Value| {
        let given = value.as_str().filter(|key| templates().contains_key(*key));
        given.map(str::to_owned).ok_or_else(|| format!("Deve ser um destes: {}.", known().join(", ")))
    };
    FieldReader::new(read, move || json!({"type": "string", "enum": known()}))
}

/// Records an error for every placeholder and option that the message does not have.
fn check(fields: &mut Fields, template: &Template, content: Option<&str>, buttons: Option<&[Choice]>) {
    let content = content.map(|content| template.unknown_placeholders(content)).unwrap_or_default();
    let buttons = buttons.map(|buttons| template.unknown_options(buttons)).unwrap_or_default();
    for error in content.into_iter().chain(buttons) {
        match error {
            TemplateError::Placeholder { name, known } => {
                let known: Vec<String> = known.iter().map(|name| format!("{{{{{name}}}}}")).collect();
                let error = format!("{{{{{name}}}}} não existe aqui. Use: {}.", known.join(", "));
                fields.error("content", &error);
            }
            TemplateError::Option { id, known: [] } => {
                fields.error("buttons", &format!("{id} não existe aqui: esta mensagem não tem opções."));
            }
            TemplateError::Option { id, known } => {
                fields.error("buttons", &format!("{id} não existe aqui. Use: {}.", known.join(", ")));
            }
        }
    }
}
