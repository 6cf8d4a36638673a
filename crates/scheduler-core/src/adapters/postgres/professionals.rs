//! Professionals: the people who treat a clinic's patients.

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::ids::{ClinicId, ProfessionalId};
use crate::domain::service::Professional;
use crate::error::StoreError;

/// A professional to create.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct NewProfessional {
    pub name: String,
    /// Such as "Biomédica esteta".
    pub role: Option<String>,
}

/// New values for a professional. `None` leaves a field unchanged, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct ProfessionalChange {
    pub name: Option<String>,
    pub role: Option<Option<String>>,
    /// If false, the professional's availability rules do not count.
    pub active: Option<bool>,
}

row_query!($ query_professionals: Professional =
    "id, clinic_id, name, role, active, created_at, updated_at");

impl Db {
    /// Creates an active professional. `None`: the clinic does not exist.
    pub async fn create_professional(
        &self,
        clinic: &ClinicId,
        new: &NewProfessional,
    ) -> Result<Option<Professional>, StoreError> {
        const ACTION: &str = "create a professional";
        let created = try_run!(self, ACTION, |connection| query_professionals!(
            "insert into scheduler.professionals (clinic_id, name, role)
            values ($1, $2, $3)
            returning",
            "",
            clinic.as_str(),
            new.name,
            new.role,
        )
        .fetch_one(connection));
        match created {
            Ok(professional) => Ok(Some(professional)),
            Err(error) if constraint(&error) == Some("professionals_clinic_id_fkey") => Ok(None),
            Err(error) => Err(store_error(ACTION, error)),
        }
    }

    /// Active professionals, sorted by name. `None`: the clinic does not exist.
    pub async fn list_professionals(
        &self,
        clinic: &ClinicId,
    ) -> Result<Option<Vec<Professional>>, StoreError> {
        const ACTION: &str = "list professionals";
        let rows = run!(self, ACTION, retry, |connection| query_professionals!(
            "select",
            "from scheduler.professionals
            where clinic_id = $1 and active
            order by name, id",
            clinic.as_str(),
        )
        .fetch_all(connection))?;
        self.none_if_no_clinic(clinic, rows).await
    }

    /// Changes a professional. `clinic` is `None` only if the API key covers all clinics.
    /// Returns `None` if there is no such professional.
    pub async fn update_professional(
        &self,
        clinic: Option<&ClinicId>,
        id: ProfessionalId,
        change: &ProfessionalChange,
    ) -> Result<Option<Professional>, StoreError> {
        const ACTION: &str = "update a professional";
        run!(self, ACTION, |connection| query_professionals!(
            "update scheduler.professionals set
                name = coalesce($3, name),
                role = case when $4::boolean then $5 else role end,
                active = coalesce($6, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning",
            "",
            id.0,
            clinic.map(ClinicId::as_str),
            change.name,
            change.role.is_some(),
            change.role.clone().flatten(),
            change.active,
        )
        .fetch_optional(connection))
    }
}
