//! The copy of each clinic that a process keeps for a minute, with its own wordings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sqlx::types::Json;
use tokio::time::Instant;

use super::Db;
use super::clinics::ClinicRow;
use super::connection::{failed, run};
use crate::domain::clinic::Clinic;
use crate::domain::ids::ClinicId;
use crate::domain::message::Choice;
use crate::error::StoreError;

/// How long a process trusts its copy of a clinic.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// A clinic's own wording of one message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OwnTemplate {
    /// The text, with placeholders.
    pub content: String,
    /// Labels by option id.
    pub buttons: Vec<Choice>,
}

/// A clinic with its own wordings, read together by one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicProfile {
    /// The clinic.
    pub clinic: Clinic,
    /// Its active templates by key.
    pub templates: BTreeMap<String, OwnTemplate>,
}

/// A profile and when it was read.
pub(super) struct Remembered {
    profile: Arc<ClinicProfile>,
    read_at: Instant,
}

impl Db {
    /// The active clinic behind a z-api instance, kept in memory for a minute.
    pub async fn find_clinic_by_instance(
        &self,
        instance_id: &str,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        if let Some(profile) =
            self.recall(|clinic| clinic.zapi.as_ref().is_some_and(|zapi| zapi.id == instance_id))
        {
            return Ok(Some(profile));
        }
        self.read_profile(None, Some(instance_id)).await
    }

    /// An active clinic by its readable id, kept in memory for a minute.
    pub async fn find_profile(&self, id: &ClinicId) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        if let Some(profile) = self.recall(|clinic| clinic.id == *id) {
            return Ok(Some(profile));
        }
        self.read_profile(Some(id), None).await
    }

    /// Drops this process's copy of a clinic: something of it was written.
    pub(super) fn forget(&self, id: &ClinicId) {
        if let Ok(mut remembered) = self.remembered.lock() {
            remembered.remove(id.as_str());
        }
    }

    fn recall(&self, is_it: impl Fn(&Clinic) -> bool) -> Option<Arc<ClinicProfile>> {
        let remembered = self.remembered.lock().ok()?;
        remembered
            .values()
            .find(|kept| kept.read_at.elapsed() < REMEMBERED_FOR && is_it(&kept.profile.clinic))
            .map(|kept| kept.profile.clone())
    }

    async fn read_profile(
        &self,
        id: Option<&ClinicId>,
        instance_id: Option<&str>,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        const DOING: &str = "find a clinic";
        let row = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select to_jsonb(c) as "clinic!: Json<ClinicRow>",
                coalesce(
                    (
                        select jsonb_object_agg(
                            t.template_key,
                            jsonb_build_object('content', t.content, 'buttons', t.buttons)
                        )
                        from scheduler.message_templates t
                        where t.clinic_id = c.clinic_id and t.active
                    ),
                    '{}'
                ) as "templates!: Json<BTreeMap<String, OwnTemplate>>"
            from scheduler.clinics c
            where c.active and (c.clinic_id = $1 or c.zapi_instance_id = $2)"#,
            id.map(ClinicId::as_str),
            instance_id,
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))?;
        let Some(row) = row else { return Ok(None) };
        let clinic = Clinic::try_from(row.clinic.0)?;
        let profile = Arc::new(ClinicProfile { clinic, templates: row.templates.0 });
        if let Ok(mut remembered) = self.remembered.lock() {
            let kept = Remembered { profile: profile.clone(), read_at: Instant::now() };
            remembered.insert(profile.clinic.id.0.clone(), kept);
        }
        Ok(Some(profile))
    }
}
