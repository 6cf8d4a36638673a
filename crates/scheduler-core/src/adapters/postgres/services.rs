//! What clinics sell.

use super::Db;
use super::connection::{constraint, failed, run};
use crate::domain::ids::{ClinicId, ServiceId};
use crate::domain::service::Service;
use crate::error::StoreError;

/// A service to be made.
#[derive(Debug, Clone)]
pub struct NewService {
    /// As patients know it.
    pub name: String,
    /// Minutes, 1–720.
    pub duration_minutes: i32,
    /// Centavos; none means "sob consulta".
    pub price_cents: Option<i32>,
    /// Free text.
    pub description: Option<String>,
}

/// A change of a service: only what is present; `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct ServiceChange {
    /// As patients know it.
    pub name: Option<String>,
    /// Minutes, 1–720; visits that stand keep their length.
    pub duration_minutes: Option<i32>,
    /// Centavos; none means "sob consulta".
    pub price_cents: Option<Option<i32>>,
    /// Free text.
    pub description: Option<Option<String>>,
    /// Whether it can be booked.
    pub active: Option<bool>,
}

impl Db {
    /// Makes a service; `None`: no such clinic.
    pub async fn create_service(
        &self,
        clinic: &ClinicId,
        new: &NewService,
    ) -> Result<Option<Service>, StoreError> {
        const DOING: &str = "create a service";
        let made = run!(self, DOING, |connection| {
            sqlx::query_as!(
            Service,
            r#"insert into scheduler.services (clinic_id, name, duration_minutes, price_cents, description)
            values ($1, $2, $3, $4, $5)
            returning id, clinic_id, name, duration_minutes,
                price_cents, description, active, created_at, updated_at"#,
            clinic.as_str(),
            new.name,
            new.duration_minutes,
            new.price_cents,
            new.description,
        )
        .fetch_one(connection)
        });
        match made {
            Ok(service) => Ok(Some(service)),
            Err(failure) if constraint(&failure) == Some("services_clinic_id_fkey") => Ok(None),
            Err(failure) => Err(failed(DOING, failure)),
        }
    }

    /// Active services by name; `None`: no such clinic.
    pub async fn list_services(&self, clinic: &ClinicId) -> Result<Option<Vec<Service>>, StoreError> {
        const DOING: &str = "list services";
        let rows = run!(self, DOING, again, |connection| sqlx::query!(
            r#"select s.id as "id?", s.name as "name?",
                s.duration_minutes as "duration_minutes?", s.price_cents, s.description,
                s.active as "active?", s.created_at as "created_at?", s.updated_at as "updated_at?"
            from scheduler.clinics c
            left join scheduler.services s on s.clinic_id = c.clinic_id and s.active
            where c.clinic_id = $1
            order by s.name, s.id"#,
            clinic.as_str(),
        )
        .fetch_all(connection))
        .map_err(|failure| failed(DOING, failure))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let services = rows.into_iter().filter_map(|row| {
            Some(Service {
                id: row.id?.into(),
                clinic_id: clinic.clone(),
                name: row.name?,
                duration_minutes: row.duration_minutes?,
                price_cents: row.price_cents,
                description: row.description,
                active: row.active?,
                created_at: row.created_at?,
                updated_at: row.updated_at?,
            })
        });
        Ok(Some(services.collect()))
    }

    /// An active service of the clinic.
    pub async fn find_service(
        &self,
        clinic: &ClinicId,
        id: ServiceId,
    ) -> Result<Option<Service>, StoreError> {
        const DOING: &str = "find a service";
        run!(self, DOING, again, |connection| sqlx::query_as!(
            Service,
            r#"select id, clinic_id, name, duration_minutes,
                price_cents, description, active, created_at, updated_at
            from scheduler.services
            where clinic_id = $1 and id = $2 and active"#,
            clinic.as_str(),
            id.0,
        )
        .fetch_optional(connection))
        .map_err(|failure| failed(DOING, failure))
    }

    /// Changes a service; `None`: no such service of this clinic. `clinic`: `None` only for a key
    /// that may touch every clinic.
    pub async fn update_service(
        &self,
        clinic: Option<&ClinicId>,
        id: ServiceId,
        change: &ServiceChange,
    ) -> Result<Option<Service>, StoreError> {
        const DOING: &str = "update a service";
        run!(self, DOING, |connection| sqlx::query_as!(
            Service,
            "update scheduler.services set
                name = coalesce($3, name),
                duration_minutes = coalesce($4, duration_minutes),
                price_cents = case when $5::boolean then $6 else price_cents end,
                description = case when $7::boolean then $8 else description end,
                active = coalesce($9, active)
            where id = $1 and clinic_id = coalesce($2, clinic_id)
            returning id, clinic_id, name, duration_minutes,
                price_cents, description, active, created_at, updated_at",
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
        .map_err(|failure| failed(DOING, failure))
    }
}
