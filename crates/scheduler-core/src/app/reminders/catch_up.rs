//! Projects the reminders that are behind their appointments: the appointment was changed, but its reminder
//! was not projected since.

use tokio::time::Instant;

use super::project::project;
use crate::adapters::postgres::Db;
use crate::adapters::postgres::reminders::AppointmentForReminder;
use crate::app::chats::Chats;
use crate::app::fair_run::{Page, Pages, run_fairly};
use crate::app::reconcile::ReconcileSummary;
use crate::domain::ids::AppointmentId;
use crate::domain::time::Slot;
use crate::error::StoreError;

/// Appointments per SQL query.
const PAGE: u16 = 200;

struct UnprojectedPages<'a> {
    db: &'a Db,
    /// Where the next page begins; `None` after the last one.
    place: Option<Option<(Slot, AppointmentId)>>,
}

impl Pages for UnprojectedPages<'_> {
    type Item = AppointmentForReminder;

    async fn next_page(&mut self) -> Result<Option<Page<AppointmentForReminder>>, StoreError> {
        let Some(after) = self.place.take() else { return Ok(None) };
        let behind = self.db.list_unprojected_appointments(after, PAGE.into()).await?;
        self.place = behind.next.map(Some);
        let with_clinic = |found: AppointmentForReminder| (found.clinic.0.clone(), found);
        Ok(Some(behind.appointments.into_iter().map(with_clinic).collect()))
    }
}

impl Chats {
    /// Projects every reminder that is behind its appointment, until `deadline`. The next run repeats those
    /// that fail.
    pub(in crate::app) async fn project_outdated_reminders(
        &self,
        deadline: Instant,
    ) -> (ReconcileSummary, Option<StoreError>) {
        let mut summary = ReconcileSummary::default();
        let pages = UnprojectedPages { db: &self.db, place: Some(None) };
        let work = |appointment: AppointmentForReminder| {
            let chats = self.clone();
            async move { chats.project_one(&appointment).await }
        };
        let (left, failed) = run_fairly("reminder projection", deadline, pages, work, |ended| {
            summary.count_projection(&ended);
        })
        .await;
        summary.reminders_left += left;
        (summary, failed)
    }

    async fn project_one(&self, appointment: &AppointmentForReminder) -> Result<(), StoreError> {
        let Some(profile) = self.db.find_profile(&appointment.clinic).await? else { return Ok(()) };
        let timezone = profile.clinic.timezone;
        project(&self.db, self.tables.reminders(), timezone, appointment, self.clock.now()).await
    }
}
