//! A clinic's own wordings.

use scheduler_core::adapters::postgres::templates::{NewTemplate, TemplateChange};
use scheduler_core::conversation::copy::{Template, templates};
use scheduler_core::conversation::wording::Misfit;
use scheduler_core::domain::ids::TemplateId;
use scheduler_core::domain::message::Choice;
use serde_json::{Value, json};

use super::NO_CLINIC;
use super::choices::buttons;
use crate::envelope::Reply;
use crate::error::ApiError;
use crate::fields::{Fields, LINE, Reader, TEXT, boolean, text};
use crate::request::Call;
use crate::world::World;

const NO_TEMPLATE: &str = "Modelo de mensagem não encontrado.";
/// No message offers more options than this.
const MOST_OPTIONS: usize = 10;

pub(crate) fn create_input(fields: &mut Fields) -> NewTemplate {
    NewTemplate {
        template_key: fields.required("template_key", template_key()),
        content: fields.required("content", text(TEXT)),
        buttons: fields.optional("buttons", buttons(0, MOST_OPTIONS)).unwrap_or_default(),
    }
}

pub(crate) async fn create(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_body(&call)?;
    let new = create_input(&mut fields);
    if let Some(template) = templates().get(&new.template_key) {
        check(&mut fields, template, Some(&new.content), Some(&new.buttons));
    }
    let new = fields.finish(new)?;
    let template = world.db.create_template(&clinic, &new).await?;
    Reply::created("Modelo de mensagem criado.").with("templateId", template.id)?.with("template", template)
}

pub(crate) fn list_input(fields: &mut Fields) -> Option<String> {
    fields.optional("template_key", text(LINE))
}

pub(crate) async fn list(world: &World, call: Call) -> Result<Reply, ApiError> {
    let clinic = call.clinic()?;
    let mut fields = Fields::of_query(&call);
    let key = list_input(&mut fields);
    let key = fields.finish(key)?;
    let templates =
        world.db.list_templates(&clinic, key.as_deref()).await?.ok_or(ApiError::NotFound(NO_CLINIC))?;
    Reply::ok("Modelos de mensagem da clínica.").with("templates", templates)
}

pub(crate) fn update_input(fields: &mut Fields) -> TemplateChange {
    fields.at_least_one();
    TemplateChange {
        content: fields.change("content", text(TEXT)),
        buttons: fields.change("buttons", buttons(0, MOST_OPTIONS)),
        active: fields.change("active", boolean()),
    }
}

pub(crate) async fn update(world: &World, call: Call) -> Result<Reply, ApiError> {
    let id: TemplateId = call.id("templateId", NO_TEMPLATE)?;
    let mut fields = Fields::of_body(&call)?;
    let change = update_input(&mut fields);
    let missing = ApiError::NotFound(NO_TEMPLATE);
    let Some(old) = world.db.find_template(call.scope.as_ref(), id).await? else { return Err(missing) };
    if let Some(template) = templates().get(&old.template_key) {
        check(&mut fields, template, change.content.as_deref(), change.buttons.as_deref());
    }
    let change = fields.finish(change)?;
    let template = world.db.update_template(&old.clinic_id, id, &change).await?.ok_or(missing)?;
    Reply::ok("Modelo de mensagem atualizado.").with("template", template)
}

/// One of the messages that the bot says.
fn template_key() -> Reader<String> {
    let known = || templates().keys().map(String::as_str).collect::<Vec<_>>();
    let read = move |value: &Value| {
        let given = value.as_str().filter(|key| templates().contains_key(*key));
        given.map(str::to_owned).ok_or_else(|| format!("Deve ser um destes: {}.", known().join(", ")))
    };
    Reader::new(read, move || json!({"type": "string", "enum": known()}))
}

/// Notes what of a wording its message has no use for.
fn check(fields: &mut Fields, template: &Template, content: Option<&str>, buttons: Option<&[Choice]>) {
    let content = content.map(|content| template.misfits_of_text(content)).unwrap_or_default();
    let buttons = buttons.map(|buttons| template.misfits_of_labels(buttons)).unwrap_or_default();
    for misfit in content.into_iter().chain(buttons) {
        match misfit {
            Misfit::Placeholder { name, known } => {
                let known: Vec<String> = known.iter().map(|name| format!("{{{{{name}}}}}")).collect();
                let fault = format!("{{{{{name}}}}} não existe aqui. Use: {}.", known.join(", "));
                fields.fault("content", &fault);
            }
            Misfit::Option { id, known: [] } => {
                fields.fault("buttons", &format!("{id} não existe aqui: esta mensagem não tem opções."));
            }
            Misfit::Option { id, known } => {
                fields.fault("buttons", &format!("{id} não existe aqui. Use: {}.", known.join(", ")));
            }
        }
    }
}
