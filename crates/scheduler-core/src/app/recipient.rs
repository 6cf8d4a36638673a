//! Where a message goes that the patient did not ask for (contract 3.1).

use crate::app::chats::Chats;
use crate::domain::clinic::Clinic;
use crate::domain::patient::Patient;
use crate::domain::phone::{Address, MatchKey};
use crate::error::StoreError;

impl Chats {
    /// The address that the person last wrote from. Where there is none yet WhatsApp is asked once:
    /// its answer is kept with the patient. `None`: WhatsApp does not know the number.
    pub(super) async fn find_recipient(
        &self,
        clinic: &Clinic,
        person: &MatchKey,
        patient: Option<&Patient>,
    ) -> Result<Option<Address>, StoreError> {
        if let Some(address) = patient.and_then(|patient| patient.wa_id.clone()) {
            return Ok(Some(address));
        }
        match self.whatsapp.find_address(clinic, &person.0).await {
            Ok(Some(address)) => {
                if let Some(patient) = patient {
                    self.db.keep_address(&clinic.id, patient.id, &address).await?;
                }
                Ok(Some(address))
            }
            Ok(None) => Ok(None),
            // The canonical number is the best guess while WhatsApp cannot be asked.
            Err(_) => Ok(Some(Address(person.0.clone()))),
        }
    }
}
