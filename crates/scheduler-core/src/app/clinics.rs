//! Making and changing clinics: what is given is put on a clinic as it begins, or as it stands.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::adapters::postgres::Db;
use crate::adapters::postgres::clinics::ClinicWrite;
use crate::domain::clinic::{BusinessHours, Clinic, Secret, ZapiInstance};
use crate::domain::ids::ClinicId;
use crate::error::StoreError;

/// How often a change is put on top of somebody else's, or another id is drawn.
const TRIES: usize = 5;

/// What is said of a clinic: only what is present; `Some(None)` clears.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "each is the clinic's field of that name")]
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
    /// It does not exist.
    #[error("no such clinic")]
    NotFound,
    /// The z-api instance belongs to another clinic.
    #[error("the z-api instance belongs to another clinic")]
    InstanceTaken,
    /// Tokens of a z-api instance without its id.
    #[error("the id of the z-api instance is missing")]
    MissingInstanceId,
    /// The id of a z-api instance without its token.
    #[error("the token of the z-api instance is missing")]
    MissingInstanceToken,
    /// Others are writing it faster than we can.
    #[error("the clinic is being changed by others")]
    Contended,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a clinic, under an id made of its name.
pub async fn create(
    db: &Db,
    name: String,
    business_hours: BusinessHours,
    change: &ClinicChange,
    now: DateTime<Utc>,
) -> Result<Clinic, ClinicError> {
    let mut clinic = Clinic::new(ClinicId::named(&name, digits()), name, business_hours, now);
    change.put_on(&mut clinic)?;
    for _ in 0..TRIES {
        match db.create_clinic(&clinic).await? {
            ClinicWrite::Done(made) => return Ok(*made),
            ClinicWrite::InstanceTaken => return Err(ClinicError::InstanceTaken),
            ClinicWrite::IdTaken | ClinicWrite::Changed | ClinicWrite::NotFound => {
                clinic.id = ClinicId::named(&clinic.name, digits());
            }
        }
    }
    Err(ClinicError::Contended)
}

/// Changes a clinic. Where somebody changed other fields meanwhile, theirs stay, and ours are put
/// on top.
pub async fn update(db: &Db, id: &ClinicId, change: &ClinicChange) -> Result<Clinic, ClinicError> {
    for _ in 0..TRIES {
        let mut clinic = db.find_clinic(id).await?.ok_or(ClinicError::NotFound)?;
        change.put_on(&mut clinic)?;
        match db.update_clinic(&clinic).await? {
            ClinicWrite::Done(changed) => return Ok(*changed),
            ClinicWrite::InstanceTaken => return Err(ClinicError::InstanceTaken),
            ClinicWrite::NotFound => return Err(ClinicError::NotFound),
            ClinicWrite::Changed | ClinicWrite::IdTaken => {}
        }
    }
    Err(ClinicError::Contended)
}

impl ClinicChange {
    fn put_on(&self, clinic: &mut Clinic) -> Result<(), ClinicError> {
        put(&self.name, &mut clinic.name);
        put(&self.business_hours, &mut clinic.business_hours);
        put(&self.phone, &mut clinic.phone);
        put(&self.address, &mut clinic.address);
        put(&self.timezone, &mut clinic.timezone);
        put(&self.buffer_minutes, &mut clinic.buffer_minutes);
        put(&self.min_notice_minutes, &mut clinic.min_notice_minutes);
        put(&self.max_days_ahead, &mut clinic.max_days_ahead);
        put(&self.welcome_message, &mut clinic.welcome_message);
        put(&self.pre_session_instructions, &mut clinic.pre_session_instructions);
        put(&self.google_spreadsheet_id, &mut clinic.google_spreadsheet_id);
        put(&self.google_sheet_name, &mut clinic.google_sheet_name);
        put(&self.active, &mut clinic.active);
        clinic.zapi = self.zapi_over(clinic.zapi.take())?;
        Ok(())
    }

    /// Instance and token only make sense together; an instance taken away takes its tokens with it.
    fn zapi_over(&self, old: Option<ZapiInstance>) -> Result<Option<ZapiInstance>, ClinicError> {
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

fn put<T: Clone>(given: &Option<T>, field: &mut T) {
    if let Some(value) = given {
        field.clone_from(value);
    }
}

fn digits() -> [u8; 3] {
    let [first, second, third, ..] = Uuid::new_v4().into_bytes();
    [first, second, third]
}
