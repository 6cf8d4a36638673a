//! The clinics' own wordings, as the API edits them.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::ids::{ClinicId, TemplateId};
use crate::domain::message::Choice;
use crate::domain::message_template::MessageTemplate;
use crate::error::StoreError;

/// A wording to be made.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// Which message it is.
    pub template_key: String,
    /// The text, with placeholders.
    pub content: String,
    /// Labels by option id.
    pub buttons: Vec<Choice>,
}

/// What changes of a wording; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct TemplateChange {
    /// The text.
    pub content: Option<String>,
    /// Labels by option id.
    pub buttons: Option<Vec<Choice>>,
    /// Whether it is used.
    pub active: Option<bool>,
}

/// A wording could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTemplateError {
    /// The clinic has one of this key, used or not.
    #[error("the clinic has a template of this key")]
    Duplicate,
    /// No such clinic.
    #[error("no such clinic")]
    NoClinic,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

row_query!($ query_templates: TemplateRow =
    r#"id, clinic_id, template_key, content, buttons as "buttons: Json<Vec<Choice>>", active, created_at,
    updated_at"#);

impl Db {
    /// Makes a wording; the process's copy of the clinic is forgotten, so that it is used at once.
    pub async fn create_template(
        &self,
        clinic: &ClinicId,
        new: &NewTemplate,
    ) -> Result<MessageTemplate, CreateTemplateError> {
        const ACTION: &str = "create a template";
        let made = try_run!(self, ACTION, |connection| query_templates!(
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
        match made {
            Ok(row) => Ok(row.into()),
            Err(error) => Err(match constraint(&error) {
                Some("message_templates_key") => CreateTemplateError::Duplicate,
                Some("message_templates_clinic_id_fkey") => CreateTemplateError::NoClinic,
                _ => store_error(ACTION, error).into(),
            }),
        }
    }

    /// Wordings in use, by key; of one key where one is given. `None`: no such clinic.
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
        self.unless_unknown(clinic, rows.into_iter().map(MessageTemplate::from).collect()).await
    }

    /// A wording, used or not, of one clinic where one is given.
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

    /// Changes a wording of the clinic, whose copy in this process is forgotten; `None`: there is
    /// no such wording.
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
