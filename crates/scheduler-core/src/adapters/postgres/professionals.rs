//! Who treats patients.

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::ids::{ClinicId, ProfessionalId};
use crate::domain::service::Professional;
use crate::error::StoreError;

/// A professional to be made.
#[derive(Debug, Clone)]
pub struct NewProfessional {
    /// Their name.
    pub name: String,
    /// Such as "Biomédica esteta".
    pub role: Option<String>,
}

/// A change of a professional: only what is present; `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct ProfessionalChange {
    /// Their name.
    pub name: Option<String>,
    /// Such as "Biomédica esteta".
    pub role: Option<Option<String>>,
    /// Whether they still work there: the hours of who does not are no longer offered.
    pub active: Option<bool>,
}

row_query!($ query_professionals: Professional =
    "id, clinic_id, name, role, active, created_at, updated_at");

impl Db {
    /// Makes a professional; `None`: no such clinic.
    pub async fn create_professional(
        &self,
        clinic: &ClinicId,
        new: &NewProfessional,
    ) -> Result<Option<Professional>, StoreError> {
        const ACTION: &str = "create a professional";
        let made = try_run!(self, ACTION, |connection| query_professionals!(
            "insert into scheduler.professionals (clinic_id, name, role)
            values ($1, $2, $3)
            returning",
            "",
            clinic.as_str(),
            new.name,
            new.role,
        )
        .fetch_one(connection));
        match made {
            Ok(professional) => Ok(Some(professional)),
            Err(error) if constraint(&error) == Some("professionals_clinic_id_fkey") => Ok(None),
            Err(error) => Err(store_error(ACTION, error)),
        }
    }

    /// Active professionals by name; `None`: no such clinic.
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
        self.unless_unknown(clinic, rows).await
    }

    /// Changes a professional; `None`: no such professional of this clinic. `clinic`: `None` only
    /// for a key that may touch every clinic.
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
