//! Persons, one per clinic and match key.

use chrono::{DateTime, Utc};

use super::Db;
use super::appointments::Person;
use crate::domain::ids::ClinicId;
use crate::domain::patient::Patient;
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

impl Db {
    /// A person of the clinic.
    pub async fn find_patient(
        &self,
        _clinic: &ClinicId,
        _key: &MatchKey,
    ) -> Result<Option<Patient>, StoreError> {
        todo!()
    }

    /// Records where a person writes from, and merges the lid-keyed person with the phone-keyed
    /// one when a webhook brings both: visits move to the phone's, the lid's row goes. Does nothing
    /// for a person not on record.
    pub async fn remember_address(&self, _clinic: &ClinicId, _person: &Person) -> Result<(), StoreError> {
        todo!()
    }

    /// Stops or restores proactive messages; makes the person if needed.
    pub async fn set_opt_out(
        &self,
        _clinic: &ClinicId,
        _person: &Person,
        _at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        todo!()
    }
}
