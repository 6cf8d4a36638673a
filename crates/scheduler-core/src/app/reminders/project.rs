//! Brings a visit's reminder up to the visit: a projection, which may be repeated and may be late.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::time::{Instant, timeout};

use crate::adapters::dynamodb::reminders::{Opening, ReminderKey, Reminders};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::reminders::RemindedVisit;
use crate::app::converse::Chats;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::reminder::{REMINDER_24H, Reminder, ReminderPlan, ReminderStatus};
use crate::error::{StoreError, StoreErrorKind};
use crate::points;

/// What a request gives to it; the rest is the Reconciler's.
const IN_A_REQUEST: Duration = Duration::from_millis(500);
/// Visits read at once.
const PAGE: u16 = 100;

/// How far the projections have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Visits whose reminder was brought up to them.
    pub done: usize,
    /// Visits that were met and are still behind.
    pub left: usize,
}

/// Brings the reminder of a visit that was just booked or changed up to it, within half a second or
/// not now: the visit stands either way.
pub async fn project_soon(
    db: &Db,
    reminders: &Reminders,
    timezone: Tz,
    visit: &Appointment,
    now: DateTime<Utc>,
) {
    let visit = RemindedVisit::from(visit);
    let projecting = project(db, reminders, timezone, &visit, now);
    let failed = match timeout(IN_A_REQUEST, projecting).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(late) => StoreError::unavailable("project a reminder", late),
    };
    tracing::warn!(
        step = "project_reminder",
        clinic_id = %visit.clinic,
        error = &failed as &dyn std::error::Error,
        "the reminder is left to the Reconciler"
    );
}

/// Makes what the visit calls for, calls off what it no longer does, and records both at the visit
/// unless that has changed meanwhile.
async fn project(
    db: &Db,
    reminders: &Reminders,
    timezone: Tz,
    visit: &RemindedVisit,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let plan = ReminderPlan::of(visit.id, visit.slot, timezone);
    let wanted = visit.status == AppointmentStatus::Confirmed;
    if wanted {
        if let Some(opening) = opening(db, visit, &plan, now).await? {
            reminders.open(&reminder(visit, &plan), opening).await?;
        }
    } else {
        reminders.cancel(&ReminderKey::of(&plan)).await?;
    }
    points::reach("reminder_projected");
    let before = db.mark_reminder(visit, wanted.then_some(visit.slot)).await?;
    // Should the process end here, the old reminder is called off when its time comes: whoever is
    // about to send it reads the visit again.
    if let Some(start) = before.filter(|start| *start != visit.slot) {
        reminders.cancel(&ReminderKey::of(&ReminderPlan::of(visit.id, start, timezone))).await?;
    }
    Ok(())
}

/// What may be done about a wanted reminder now. One that is late is held against the hour at which
/// its visit was booked or moved: the store may have been away since.
async fn opening(
    db: &Db,
    visit: &RemindedVisit,
    plan: &ReminderPlan,
    now: DateTime<Utc>,
) -> Result<Option<Opening>, StoreError> {
    if plan.may_be_made(now) {
        return Ok(Some(Opening::Either));
    }
    let is_late = now < plan.not_after
        && db.find_start_set_at(visit).await?.is_some_and(|set_at| plan.may_be_made(set_at));
    Ok(match (is_late, plan.is_ahead(now)) {
        (true, true) => Some(Opening::Either),
        (true, false) => Some(Opening::Missing),
        (false, true) => Some(Opening::Cancelled),
        (false, false) => None,
    })
}

fn reminder(visit: &RemindedVisit, plan: &ReminderPlan) -> Reminder {
    Reminder {
        reminder_id: plan.id,
        appointment_id: visit.id,
        clinic_id: visit.clinic.clone(),
        phone_number: visit.patient_phone.clone(),
        patient_name: visit.patient_name.clone(),
        send_at: plan.send_at,
        not_after: plan.not_after,
        reminder_type: REMINDER_24H.to_owned(),
        status: ReminderStatus::Pending,
        attempts: 0,
    }
}

impl Chats {
    /// Brings every reminder that is behind up to its visit, until `deadline`. What fails is met
    /// again by the next run; where a store is away, so is the rest.
    pub(in crate::app) async fn project_behind(&self, deadline: Instant) -> Result<Progress, StoreError> {
        let mut progress = Progress::default();
        let mut after = None;
        loop {
            let behind = self.db.list_reminders_behind(after, PAGE.into()).await?;
            for visit in &behind {
                if Instant::now() >= deadline {
                    progress.left += 1;
                    continue;
                }
                match self.project_one(visit).await {
                    Ok(()) => progress.done += 1,
                    Err(error) if error.kind == StoreErrorKind::Unavailable => return Err(error),
                    Err(error) => {
                        progress.left += 1;
                        tracing::error!(
                            step = "project_reminder",
                            clinic_id = %visit.clinic,
                            error = &error as &dyn std::error::Error,
                            "a reminder stays behind"
                        );
                    }
                }
            }
            after = behind.last().map(|visit| (visit.slot, visit.id));
            if behind.len() < PAGE.into() || Instant::now() >= deadline {
                return Ok(progress);
            }
        }
    }

    async fn project_one(&self, visit: &RemindedVisit) -> Result<(), StoreError> {
        let Some(profile) = self.db.find_profile(&visit.clinic).await? else { return Ok(()) };
        let timezone = profile.clinic.timezone;
        project(&self.db, self.tables.reminders(), timezone, visit, self.clock.now()).await
    }
}
