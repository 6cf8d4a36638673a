//! The clinics' own wordings, as the API edits them.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::Db;
use super::connection::{constraint, failed, run};
use crate::domain::ids::{ClinicId, TemplateId};
use crate::domain::message::Choice;
use crate::domain::wording::MessageTemplate;
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

impl Db {
    /// Makes a wording; the process's copy of the clinic is forgotten, so that it is used at once.
    pub async fn create_template(
        &self,
        clinic: &ClinicId,
        new: &NewTemplate,
    ) -> Result<MessageTemplate, CreateTemplateError> {
        const DOING: &str = "create a template";
        let made = run!(self, DOING, |connection| sqlx::query_as!(
            TemplateRow,
            r#"insert into scheduler.message_templates (clinic_id, template_key, content, buttons)
            values ($1, $2, $3, $4)
            returning id, clinic_id, template_key, content, buttons as "buttons: Json<Vec<Choice>>",
                active, created_at, updated_at"#,
            clinic.as_str(),
            new.template_key,
            new.content,
            Json(&new.buttons) as _,
        )
        .fetch_one(connection));
        self.forget(clinic);
        match made {
            Ok(row) => Ok(row.into()),
            Err(failure) => Err(match constraint(&failure) {
                Some("message_templates_key") => CreateTemplateError::Duplicate,
                Some("message_templates_clinic_id_fkey") => CreateTemplateError::NoClinic,
                _ => failed(DOING, failure).into(),
            }),
        }
    }

    /// Wordings in use, by key; of one key where one is given. `None`: no such clinic.
    pub async fn list_templates(
        &self,
        clinic: &ClinicId,
        key: Option<&str>,
    ) -> Result<Option<Vec<MessageTemplate>>, StoreError> {
        const DOING: &str = "list templates";
        let rows = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select t.id as "id?", t.template_key as "template_key?", t.content as "content?",
                t.buttons as "buttons?: Json<Vec<Choice>>", t.active as "active?",
                t.created_at as "created_at?", t.updated_at as "updated_at?"
            from scheduler.clinics c
            left join scheduler.message_templates t
                on t.clinic_id = c.clinic_id and t.active and t.template_key = coalesce($2, t.template_key)
            where c.clinic_id = $1
            order by t.template_key"#,
            clinic.as_str(),
            key,
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let templates = rows.into_iter().filter_map(|row| {
            Some(MessageTemplate {
                id: row.id?.into(),
                clinic_id: clinic.clone(),
                template_key: row.template_key?,
                content: row.content?,
                buttons: row.buttons?.0,
                active: row.active?,
                created_at: row.created_at?,
                updated_at: row.updated_at?,
            })
        });
        Ok(Some(templates.collect()))
    }

    /// A wording, used or not, of one clinic where one is given.
    pub async fn find_template(
        &self,
        clinic: Option<&ClinicId>,
        id: TemplateId,
    ) -> Result<Option<MessageTemplate>, StoreError> {
        const DOING: &str = "find a template";
        let row = run!(self, DOING, again, |connection| sqlx::query_as!(
            TemplateRow,
            r#"select id, clinic_id, template_key, content, buttons as "buttons: Json<Vec<Choice>>",
                active, created_at, updated_at
            from scheduler.message_templates
            where id = $1 and clinic_id = coalesce($2, clinic_id)"#,
            id.0,
            clinic.map(ClinicId::as_str),
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))?;
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
        const DOING: &str = "update a template";
        let row = run!(self, DOING, |connection| sqlx::query_as!(
            TemplateRow,
            r#"update scheduler.message_templates set
                content = coalesce($3, content), buttons = coalesce($4, buttons),
                active = coalesce($5, active)
            where clinic_id = $1 and id = $2
            returning id, clinic_id, template_key, content, buttons as "buttons: Json<Vec<Choice>>",
                active, created_at, updated_at"#,
            clinic.as_str(),
            id.0,
            change.content,
            change.buttons.as_ref().map(Json) as _,
            change.active,
        )
        .fetch_optional(connection));
        self.forget(clinic);
        Ok(row.map_err(|failure| failed(DOING, failure))?.map(MessageTemplate::from))
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
