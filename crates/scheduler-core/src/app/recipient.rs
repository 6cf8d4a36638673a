//! Finds the address for a message that is not a reply (docs/rules/data.md#phones).

use crate::app::chats::Chats;
use crate::domain::clinic::Clinic;
use crate::domain::patient::Patient;
use crate::domain::phone::{Address, MatchKey};
use crate::error::StoreError;

impl Chats {
    /// Returns the address from which the person last wrote. If there is none, asks WhatsApp and stores
    /// the answer with the patient. `None` means that WhatsApp does not know the number.
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
                    self.db.save_looked_up_address(&clinic.id, patient.id, &address).await?;
                }
                Ok(Some(address))
            }
            Ok(None) => Ok(None),
            // The canonical number is the best guess while WhatsApp cannot be asked.
            Err(_) => Ok(Some(Address(person.0.clone()))),
        }
    }
}
