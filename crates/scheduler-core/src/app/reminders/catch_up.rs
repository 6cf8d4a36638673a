//! Projects the reminders that are behind their appointments.

use tokio::time::Instant;

use super::project::project;
use crate::adapters::postgres::reminders::AppointmentForReminder;
use crate::app::chats::Chats;
use crate::error::{StoreError, StoreErrorKind};

/// Appointments read at once.
const PAGE: u16 = 100;

/// How far the projections have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Appointments whose reminder was brought up to them.
    pub done: usize,
    /// Appointments that were met and are still behind.
    pub left: usize,
}

impl Chats {
    /// Brings every reminder that is behind up to its appointment, until `deadline`. What fails is met
    /// again by the next run; where a store is away, so is the rest.
    pub(in crate::app) async fn project_behind(&self, deadline: Instant) -> Result<Progress, StoreError> {
        let mut progress = Progress::default();
        let mut after = None;
        loop {
            let behind = self.db.list_reminders_behind(after, PAGE.into()).await?;
            for appointment in &behind {
                if Instant::now() >= deadline {
                    progress.left += 1;
                    continue;
                }
                match self.project_one(appointment).await {
                    Ok(()) => progress.done += 1,
                    Err(error) if error.kind == StoreErrorKind::Unavailable => return Err(error),
                    Err(error) => {
                        progress.left += 1;
                        tracing::error!(
                            step = "project_reminder",
                            clinic_id = %appointment.clinic,
                            error = &error as &dyn std::error::Error,
                            "a reminder stays behind"
                        );
                    }
                }
            }
            after = behind.last().map(|appointment| (appointment.slot, appointment.id));
            if behind.len() < PAGE.into() || Instant::now() >= deadline {
                return Ok(progress);
            }
        }
    }

    async fn project_one(&self, appointment: &AppointmentForReminder) -> Result<(), StoreError> {
        let Some(profile) = self.db.find_profile(&appointment.clinic).await? else { return Ok(()) };
        let timezone = profile.clinic.timezone;
        project(&self.db, self.tables.reminders(), timezone, appointment, self.clock.now()).await
    }
}
