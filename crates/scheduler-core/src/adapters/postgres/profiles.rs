//! Clinics with their templates, read by one statement and cached for a minute.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::types::Json;

use super::Db;
use super::clinics::StoredClinic;
use super::connection::{run, try_run};
use crate::domain::clinic::Clinic;
use crate::domain::clinic_profile::{ClinicProfile, ClinicTemplate};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

impl Db {
    /// The active clinic of a z-api instance, from the cache if possible.
    pub async fn find_clinic_by_instance(
        &self,
        instance_id: &str,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        if let Some(profile) = self.profiles.find_by_instance(instance_id, self.clock.now()) {
            return Ok(Some(profile));
        }
        self.read_profile(None, Some(instance_id)).await
    }

    /// An active clinic, from the cache if possible.
    pub async fn find_profile(&self, id: &ClinicId) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        if let Some(profile) = self.profiles.find(id, self.clock.now()) {
            return Ok(Some(profile));
        }
        self.read_profile(Some(id), None).await
    }

    async fn read_profile(
        &self,
        id: Option<&ClinicId>,
        instance_id: Option<&str>,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        const ACTION: &str = "find a clinic";
        let row = run!(self, ACTION, retry, |connection| sqlx::query!(
            r#"select to_jsonb(c) as "clinic!: Json<StoredClinic>",
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
                ) as "templates!: Json<BTreeMap<String, ClinicTemplate>>"
            from scheduler.clinics c
            where c.active and (c.clinic_id = $1 or c.zapi_instance_id = $2)"#,
            id.map(ClinicId::as_str),
            instance_id,
        )
        .fetch_optional(connection))?;
        let Some(row) = row else { return Ok(None) };
        let clinic = Clinic::try_from(row.clinic.0)?;
        let profile = Arc::new(ClinicProfile { clinic, templates: row.templates.0 });
        self.profiles.insert(&profile, self.clock.now());
        Ok(Some(profile))
    }
}
