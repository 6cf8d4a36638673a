//! Message templates: a clinic's own wording of the bot's messages.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::ids::{ClinicId, TemplateId};
use crate::domain::message::Choice;
use crate::domain::message_template::MessageTemplate;
use crate::error::StoreError;

/// A template to create.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct NewTemplate {
    /// Which of the bot's messages it replaces.
    pub template_key: String,
    /// Text with placeholders, such as `{{patient_name}}`.
    pub content: String,
    /// Labels that replace the default ones. Each `id` is an option id, or a kind: `book` for `book_<n>`.
    pub buttons: Vec<Choice>,
}

/// New values for a template. `None` leaves a field unchanged.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct TemplateChange {
    pub content: Option<String>,
    pub buttons: Option<Vec<Choice>>,
    /// If false, the default wording is used.
    pub active: Option<bool>,
}

/// Why a template was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateTemplateError {
    /// The clinic already has a template with this key, active or not.
    #[error("the clinic already has a template with this key")]
    Duplicate,
    /// The clinic does not exist.
    #[error("no such clinic")]
    UnknownClinic,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

row_query!($ query_templates: TemplateRow =
    r#"id, clinic_id, template_key, content, buttons as "buttons: Json<Vec<Choice>>", active, created_at,
    updated_at"#);

impl Db {
    /// Creates an active template. Removes the clinic from this process's cache, so that the template is used
    /// at once.
    pub async fn create_template(
        &self,
        clinic: &ClinicId,
        new: &NewTemplate,
    ) -> Result<MessageTemplate, CreateTemplateError> {
        const ACTION: &str = "create a template";
        let created = try_run!(self, ACTION, |connection| query_templates!(
            "insert into scheduler.message_templates (clinic_id, template_key, content, buttons)
            values ($1, $2, $3, $4)
            returning",
            "",
            clinic.as_str(),
            new.template_key,
            new.content,
            Json(&new.buttons) as _,
        )
        .fetch_one(connection));
        self.profiles.remove(clinic);
        match created {
            Ok(row) => Ok(row.into()),
            Err(error) => Err(match constraint(&error) {
                Some("message_templates_key") => CreateTemplateError::Duplicate,
                Some("message_templates_clinic_id_fkey") => CreateTemplateError::UnknownClinic,
                _ => store_error(ACTION, error).into(),
            }),
        }
    }

    /// Active templates, sorted by key; if `key` is given, only the one with this key. `None`: the clinic
    /// does not exist.
    pub async fn list_templates(
        &self,
        clinic: &ClinicId,
        key: Option<&str>,
    ) -> Result<Option<Vec<MessageTemplate>>, StoreError> {
        const ACTION: &str = "list templates";
        let rows = run!(self, ACTION, retry, |connection| query_templates!(
            "select",
            "from scheduler.message_templates
            where clinic_id = $1 and active and template_key = coalesce($2, template_key)
            order by template_key",
            clinic.as_str(),
            key,
        )
        .fetch_all(connection))?;
        self.none_if_no_clinic(clinic, rows.into_iter().map(MessageTemplate::from).collect()).await
    }

    /// A template, active or not. `clinic` is `None` only if the API key covers all clinics.
    pub async fn find_template(
        &self,
        clinic: Option<&ClinicId>,
        id: TemplateId,
    ) -> Result<Option<MessageTemplate>, StoreError> {
        const ACTION: &str = "find a template";
        let row = run!(self, ACTION, retry, |connection| query_templates!(
            "select",
            "from scheduler.message_templates
            where id = $1 and clinic_id = coalesce($2, clinic_id)",
            id.0,
            clinic.map(ClinicId::as_str),
        )
        .fetch_optional(connection))?;
        Ok(row.map(MessageTemplate::from))
    }

    /// Changes a template and removes the clinic from this process's cache. Returns `None` if the clinic has
    /// no such template.
    pub async fn update_template(
        &self,
        clinic: &ClinicId,
        id: TemplateId,
        change: &TemplateChange,
    ) -> Result<Option<MessageTemplate>, StoreError> {
        const ACTION: &str = "update a template";
        let row = try_run!(self, ACTION, |connection| query_templates!(
            "update scheduler.message_templates set
                content = coalesce($3, content), buttons = coalesce($4, buttons),
                active = coalesce($5, active)
            where clinic_id = $1 and id = $2
            returning",
            "",
            clinic.as_str(),
            id.0,
            change.content,
            change.buttons.as_ref().map(Json) as _,
            change.active,
        )
        .fetch_optional(connection));
        self.profiles.remove(clinic);
        Ok(row.map_err(|error| store_error(ACTION, error))?.map(MessageTemplate::from))
    }
}

struct TemplateRow {
    id: Uuid,
    clinic_id: String,
    template_key: String,
    content: String,
    buttons: Json<Vec<Choice>>,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<TemplateRow> for MessageTemplate {
    fn from(row: TemplateRow) -> Self {
        Self {
            id: TemplateId(row.id),
            clinic_id: ClinicId(row.clinic_id),
            template_key: row.template_key,
            content: row.content,
            buttons: row.buttons.0,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
