//! Creates clinics and changes them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::adapters::postgres::Db;
use crate::adapters::postgres::clinics::ClinicWriteOutcome;
use crate::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// Maximum attempts to write a clinic, after concurrent changes or an id that is already taken.
const MAX_ATTEMPTS: usize = 5;

/// New values for a clinic's fields. `None` leaves a field unchanged, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct ClinicChange {
    pub name: Option<String>,
    pub business_hours: Option<BusinessHours>,
    pub phone: Option<Option<String>>,
    pub address: Option<Option<String>>,
    pub timezone: Option<Tz>,
    pub buffer_minutes: Option<i32>,
    pub min_notice_minutes: Option<i32>,
    pub max_days_ahead: Option<i32>,
    pub welcome_message: Option<Option<String>>,
    pub pre_session_instructions: Option<Option<String>>,
    pub zapi_instance_id: Option<Option<String>>,
    pub zapi_instance_token: Option<Secret>,
    pub zapi_client_token: Option<Option<Secret>>,
    pub google_spreadsheet_id: Option<Option<String>>,
    pub google_sheet_name: Option<String>,
    pub active: Option<bool>,
}

/// Why a clinic was not written.
#[derive(Debug, thiserror::Error)]
pub enum ClinicError {
    /// The clinic does not exist.
    #[error("no such clinic")]
    NotFound,
    /// The z-api instance belongs to another clinic.
    #[error("the z-api instance belongs to another clinic")]
    InstanceTaken,
    /// The tab of the spreadsheet belongs to another clinic.
    #[error("the tab of the spreadsheet belongs to another clinic")]
    SheetTaken,
    /// Tokens of a z-api instance are given, but no instance id.
    #[error("the id of the z-api instance is missing")]
    MissingInstanceId,
    /// The id of a z-api instance is given, but no token.
    #[error("the token of the z-api instance is missing")]
    MissingInstanceToken,
    /// Concurrent requests changed the clinic, or its id was taken, at every attempt.
    #[error("the clinic could not be written because of concurrent changes")]
    Contended,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates a clinic. Its id is its name in kebab case and six random hexadecimal digits.
pub async fn create(
    db: &Db,
    name: String,
    business_hours: BusinessHours,
    change: &ClinicChange,
    now: DateTime<Utc>,
) -> Result<Clinic, ClinicError> {
    let mut clinic = Clinic::new(ClinicId::from_name(&name, random_bytes()), name, business_hours, now);
    change.apply_to(&mut clinic)?;
    for _ in 0..MAX_ATTEMPTS {
        match db.create_clinic(&clinic).await? {
            ClinicWriteOutcome::Written(made) => return Ok(*made),
            ClinicWriteOutcome::InstanceTaken => return Err(ClinicError::InstanceTaken),
            ClinicWriteOutcome::SheetTaken => return Err(ClinicError::SheetTaken),
            ClinicWriteOutcome::IdTaken | ClinicWriteOutcome::Stale | ClinicWriteOutcome::NotFound => {
                clinic.id = ClinicId::from_name(&clinic.name, random_bytes());
            }
        }
    }
    Err(ClinicError::Contended)
}

/// Changes a clinic. Fields that `change` does not set keep the values of concurrent requests.
pub async fn update(db: &Db, id: &ClinicId, change: &ClinicChange) -> Result<Clinic, ClinicError> {
    for _ in 0..MAX_ATTEMPTS {
        let mut clinic = db.find_clinic(id).await?.ok_or(ClinicError::NotFound)?;
        change.apply_to(&mut clinic)?;
        match db.update_clinic(&clinic).await? {
            ClinicWriteOutcome::Written(changed) => return Ok(*changed),
            ClinicWriteOutcome::InstanceTaken => return Err(ClinicError::InstanceTaken),
            ClinicWriteOutcome::SheetTaken => return Err(ClinicError::SheetTaken),
            ClinicWriteOutcome::NotFound => return Err(ClinicError::NotFound),
            ClinicWriteOutcome::Stale | ClinicWriteOutcome::IdTaken => {}
        }
    }
    Err(ClinicError::Contended)
}

impl ClinicChange {
    fn apply_to(&self, clinic: &mut Clinic) -> Result<(), ClinicError> {
        set_if_given(&self.name, &mut clinic.name);
        set_if_given(&self.business_hours, &mut clinic.business_hours);
        set_if_given(&self.phone, &mut clinic.phone);
        set_if_given(&self.address, &mut clinic.address);
        set_if_given(&self.timezone, &mut clinic.timezone);
        set_if_given(&self.buffer_minutes, &mut clinic.buffer_minutes);
        set_if_given(&self.min_notice_minutes, &mut clinic.min_notice_minutes);
        set_if_given(&self.max_days_ahead, &mut clinic.max_days_ahead);
        set_if_given(&self.welcome_message, &mut clinic.welcome_message);
        set_if_given(&self.pre_session_instructions, &mut clinic.pre_session_instructions);
        set_if_given(&self.google_spreadsheet_id, &mut clinic.google_spreadsheet_id);
        set_if_given(&self.google_sheet_name, &mut clinic.google_sheet_name);
        set_if_given(&self.active, &mut clinic.active);
        clinic.zapi = self.merge_zapi(clinic.zapi.take())?;
        Ok(())
    }

    /// The instance after the change. Its id and token must both be known; clearing the id clears the tokens.
    fn merge_zapi(&self, old: Option<ZapiInstance>) -> Result<Option<ZapiInstance>, ClinicError> {
        let (old_id, old_token, old_client_token) = match old {
            Some(old) => (Some(old.id), Some(old.token), old.client_token),
            None => (None, None, None),
        };
        let token_given = self.zapi_instance_token.is_some()
            || self.zapi_client_token.as_ref().is_some_and(Option::is_some);
        let id = self.zapi_instance_id.clone().unwrap_or(old_id);
        let token = self.zapi_instance_token.clone().or(old_token);
        match (id, token) {
            (Some(id), Some(token)) => {
                let client_token = self.zapi_client_token.clone().unwrap_or(old_client_token);
                Ok(Some(ZapiInstance { id, token, client_token }))
            }
            (Some(_), None) => Err(ClinicError::MissingInstanceToken),
            (None, _) if token_given => Err(ClinicError::MissingInstanceId),
            (None, _) => Ok(None),
        }
    }
}

fn set_if_given<T: Clone>(given: &Option<T>, field: &mut T) {
    if let Some(value) = given {
        field.clone_from(value);
    }
}

fn random_bytes() -> [u8; 3] {
    let [first, second, third, ..] = Uuid::new_v4().into_bytes();
    [first, second, third]
}
