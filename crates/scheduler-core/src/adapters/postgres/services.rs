//! What clinics sell.

use super::Db;
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

impl Db {
    /// Makes a service; `None`: no such clinic.
    pub async fn create_service(
        &self,
        _clinic: &ClinicId,
        _new: &NewService,
    ) -> Result<Option<Service>, StoreError> {
        todo!()
    }

    /// Active services by name; `None`: no such clinic.
    pub async fn list_services(&self, _clinic: &ClinicId) -> Result<Option<Vec<Service>>, StoreError> {
        todo!()
    }

    /// An active service of the clinic.
    pub async fn find_service(
        &self,
        _clinic: &ClinicId,
        _id: ServiceId,
    ) -> Result<Option<Service>, StoreError> {
        todo!()
    }
}
