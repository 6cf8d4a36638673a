//! Clinics, and the copy of each that a process keeps for a minute.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Db;
use crate::domain::clinic::Clinic;
use crate::domain::ids::ClinicId;
use crate::domain::message::Choice;
use crate::error::StoreError;

/// A clinic's own wording of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl Db {
    /// The active clinic behind a z-api instance, kept in memory for a minute.
    pub async fn find_clinic_by_instance(
        &self,
        _instance_id: &str,
    ) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        todo!()
    }

    /// An active clinic by its readable id, kept in memory for a minute.
    pub async fn find_profile(&self, _id: &ClinicId) -> Result<Option<Arc<ClinicProfile>>, StoreError> {
        todo!()
    }

    /// A clinic, active or not, read now.
    pub async fn find_clinic(&self, _id: &ClinicId) -> Result<Option<Clinic>, StoreError> {
        todo!()
    }

    /// Writes the clinic back as given, and forgets the copy in memory. `false`: it does not exist.
    /// A z-api instance of another clinic is `Err(UpdateClinicError::InstanceTaken)`.
    pub async fn update_clinic(&self, _clinic: &Clinic) -> Result<Clinic, UpdateClinicError> {
        todo!()
    }
}

/// A clinic could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateClinicError {
    /// The z-api instance belongs to another clinic.
    #[error("the z-api instance belongs to another clinic")]
    InstanceTaken,
    /// It does not exist.
    #[error("no such clinic")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
