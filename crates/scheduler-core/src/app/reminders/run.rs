//! State that the deliveries of one run of the ReminderProcessor share.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::app::chats::Chats;
use crate::domain::clinic::Clinic;
use crate::domain::ids::ClinicId;
use crate::ports::whatsapp::SendErrorKind;

/// One run of the ReminderProcessor.
pub(super) struct Run {
    pub(super) chats: Chats,
    pub(super) lease_owner: String,
    connected: Mutex<HashMap<ClinicId, Arc<OnceCell<bool>>>>,
    at_fault: Mutex<BTreeSet<ClinicId>>,
}

impl Run {
    pub(super) fn new(chats: Chats) -> Self {
        Self {
            chats,
            lease_owner: Uuid::new_v4().to_string(),
            connected: Mutex::default(),
            at_fault: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.chats.clock.now()
    }

    /// Whether the clinic's phone is connected and no fault was recorded for the clinic in this run. The
    /// provider is asked once per clinic and run.
    pub(super) async fn is_connected(&self, clinic: &Clinic) -> bool {
        let cell = {
            let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(connected.entry(clinic.id.clone()).or_default())
        };
        let connected = cell.get_or_init(|| async {
            match self.chats.whatsapp.is_connected(clinic).await {
                Ok(true) => true,
                Ok(false) => {
                    self.record_fault(&clinic.id, "the phone is not connected");
                    false
                }
                Err(error) if error.kind == SendErrorKind::Instance => {
                    self.record_fault(&clinic.id, &error.detail);
                    false
                }
                // If the provider does not answer, sending is tried.
                Err(_) => true,
            }
        });
        *connected.await && !self.faults().contains(&clinic.id)
    }

    /// Stops sending for the clinic in this run. Logs only the clinic's first fault.
    pub(super) fn record_fault(&self, clinic: &ClinicId, why: &str) {
        if self.faults().insert(clinic.clone()) {
            tracing::error!(
                step = "remind",
                clinic_id = %clinic,
                why,
                "the clinic's instance is at fault: its reminders wait"
            );
        }
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, BTreeSet<ClinicId>> {
        self.at_fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
