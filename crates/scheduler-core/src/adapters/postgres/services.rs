//! The services that clinics sell.

use super::Db;
use super::connection::{constraint, row_query, run, store_error, try_run};
use crate::domain::ids::{ClinicId, ServiceId};
use crate::domain::service::Service;
use crate::error::StoreError;

/// A service to create.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct NewService {
    pub name: String,
    /// 1 to 720.
    pub duration_minutes: i32,
    /// In centavos. `None` is shown to patients as "sob consulta".
    pub price_cents: Option<i32>,
    pub description: Option<String>,
}

/// New values for a service. `None` leaves a field unchanged, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct ServiceChange {
    pub name: Option<String>,
    /// 1 to 720. Existing appointments keep their length.
    pub duration_minutes: Option<i32>,
    /// In centavos.
    pub price_cents: Option<Option<i32>>,
    pub description: Option<Option<String>>,
    pub active: Option<bool>,
}

row_query!($ query_services: Service =
    "id, clinic_id, name, duration_minutes, price_cents, description, active, created_at, updated_at");

impl Db {
    /// Creates an active service. `None`: the clinic does not exist.
    pub async fn create_service(
        &self,
        clinic: &ClinicId,
        new: &NewService,
    ) -> Result<Option<Service>, StoreError> {
        const ACTION: &str = "create a service";
        let created = try_run!(self, ACTION, |connection| {
            query_services!(
                "insert into scheduler.services (clinic_id, name, duration_minutes, price_cents, description)
            values ($1, $2, $3, $4, $5)
            returning",
                "",
                clinic.as_str(),
                new.name,
                new.duration_minutes,
                new.price_cents,
                new.description,
            )
            .fetch_one(connection)
        });
        match created {
            Ok(service) => Ok(Some(service)),
            Err(error) if constraint(&error) == Some("services_clinic_id_fkey") => Ok(None),
            Err(error) => Err(store_error(ACTION, error)),
        }
    }

    /// Active services, sorted by name. `None`: the clinic does not exist.
    pub async fn list_services(&self, clinic: &ClinicId) -> Result<Option<Vec<Service>>, StoreError> {
        const ACTION: &str = "list services";
        let rows = run!(self, ACTION, retry, |connection| query_services!(
            "select",
            "from scheduler.services where clinic_id = $1 and active order by name, id",
            clinic.as_str(),
        )
        .fetch_all(connection))?;
        self.none_if_no_clinic(clinic, rows).await
    }

    /// An active service of the clinic.
    pub async fn find_service(
        &self,
        clinic: &ClinicId,
        id: ServiceId,
    ) -> Result<Option<Service>, StoreError> {
        const ACTION: &str = "find a service";
        run!(self, ACTION, retry, |connection| query_services!(
            "select",
            "from scheduler.services
            where clinic_id = $1 and id = $2 and active",
            clinic.as_str(),
            id.0,
        )
        .fetch_optional(connection))
    }

    /// Changes a service. `clinic` is `None` only if the API key covers all clinics.
    /// Returns `None` if there is no such service.
    pub async fn update_service(
        &self,
        clinic: Option<&ClinicId>,
        id: ServiceId,
        change: &ServiceChange,
    ) -> Result<Option<Service>, StoreError> {
        const ACTION: &str = "update a service";
        run!(self, ACTION, |connection| query_services!(
            "update scheduler.services set
                name = coalesce($3, name),
                duration_minutes = coalesce($4, duration_minutes),
                price_cents = case when $5::boolean then $6 else price_cents end,
                description = case when $7::boolean then $8 else description end,
                active = coalesce($9, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning",
            "",
            id.0,
            clinic.map(ClinicId::as_str),
            change.name,
            change.duration_minutes,
            change.price_cents.is_some(),
            change.price_cents.flatten(),
            change.description.is_some(),
            change.description.clone().flatten(),
            change.active,
        )
        .fetch_optional(connection))
    }
}
