//! Projects the reminders that are behind their appointments: the appointment was changed, but its reminder
//! was not projected since.

use tokio::time::Instant;

use super::project::project;
use crate::adapters::postgres::reminders::AppointmentForReminder;
use crate::app::chats::Chats;
use crate::error::{StoreError, StoreErrorKind};

/// Appointments per SQL query.
const PAGE: u16 = 100;

/// How many reminders a run projected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Appointments whose reminder was brought up to date.
    pub done: usize,
    /// Appointments that were found and whose reminder is still behind.
    pub left: usize,
}

impl Chats {
    /// Projects every reminder that is behind its appointment, until `deadline`. The next run repeats those
    /// that fail. If a store is unavailable, returns its error at once.
    pub(in crate::app) async fn project_outdated_reminders(
        &self,
        deadline: Instant,
    ) -> Result<Progress, StoreError> {
        let mut progress = Progress::default();
        let mut after = None;
        loop {
            let behind = self.db.list_unprojected_appointments(after, PAGE.into()).await?;
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
                            "could not project a reminder"
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
