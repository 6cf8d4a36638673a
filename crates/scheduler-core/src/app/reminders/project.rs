//! Projects an appointment to its reminder: creates, reopens or cancels it. A projection may be repeated
//! and may be late (docs/rules/data.md#projections).

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::time::timeout;

use crate::adapters::dynamodb::reminders::{PutMode, ReminderKey, Reminders};
use crate::adapters::postgres::Db;
use crate::adapters::postgres::reminders::AppointmentForReminder;
use crate::domain::appointment::{Appointment, AppointmentStatus};
use crate::domain::reminder::{REMINDER_24H, Reminder, ReminderPlan, ReminderStatus};
use crate::error::StoreError;
use crate::failpoints;

/// Time budget inside a request. What does not fit is left to the Reconciler.
const REQUEST_BUDGET: Duration = Duration::from_millis(500);

/// Projects the reminder of an appointment that was just booked or changed. Gives up after half a second; a
/// failure is only logged, because the appointment is committed and the Reconciler tries again.
pub async fn project_within_request(
    db: &Db,
    reminders: &Reminders,
    timezone: Tz,
    appointment: &Appointment,
    now: DateTime<Utc>,
) {
    let appointment = AppointmentForReminder::from(appointment);
    let projecting = project(db, reminders, timezone, &appointment, now);
    let error = match timeout(REQUEST_BUDGET, projecting).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(late) => StoreError::unavailable("project a reminder", late),
    };
    tracing::warn!(
        step = "project_reminder",
        clinic_id = %appointment.clinic,
        error = &error as &dyn std::error::Error,
        "the reminder is left to the Reconciler"
    );
}

/// Creates the reminder that the appointment needs, cancels those that it no longer needs, and marks the
/// appointment as projected unless it has changed meanwhile.
pub(super) async fn project(
    db: &Db,
    reminders: &Reminders,
    timezone: Tz,
    appointment: &AppointmentForReminder,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let plan = ReminderPlan::new(appointment.id, appointment.slot, timezone);
    let wanted = appointment.status == AppointmentStatus::Confirmed && plan.is_some();
    match &plan {
        Some(plan) if wanted => {
            if let Some(mode) = put_mode(db, appointment, plan, now).await? {
                reminders.put(&reminder(appointment, plan), mode).await?;
            }
        }
        Some(plan) => reminders.cancel(&ReminderKey::for_plan(plan)).await?,
        None => tracing::warn!(
            step = "project_reminder",
            clinic_id = %appointment.clinic,
            appointment_id = %appointment.id,
            "an appointment gets no reminder because its date is not from 2000 to 2100"
        ),
    }
    failpoints::hit("reminder_projected");
    let old_start = db.mark_reminder_projected(appointment, wanted.then_some(appointment.slot)).await?;
    // If the process ends here, the old reminder is cancelled when it is due, because the appointment is
    // read again before it is sent.
    let old_start = old_start.filter(|start| *start != appointment.slot);
    if let Some(old) = old_start.and_then(|start| ReminderPlan::new(appointment.id, start, timezone)) {
        reminders.cancel(&ReminderKey::for_plan(&old)).await?;
    }
    Ok(())
}

/// How a wanted reminder may be written now; `None` if it is too late. If the projection is late, because a
/// store was unavailable, the time at which the appointment was booked or moved decides instead of `now`
/// (docs/rules/reminders.md#when-a-reminder-is-sent).
async fn put_mode(
    db: &Db,
    appointment: &AppointmentForReminder,
    plan: &ReminderPlan,
    now: DateTime<Utc>,
) -> Result<Option<PutMode>, StoreError> {
    if plan.can_be_created(now) {
        return Ok(Some(PutMode::CreateOrReopen));
    }
    let is_late_but_allowed = now < plan.not_after
        && db.find_start_changed_at(appointment).await?.is_some_and(|set_at| plan.can_be_created(set_at));
    Ok(match (is_late_but_allowed, plan.is_before_send_at(now)) {
        (true, true) => Some(PutMode::CreateOrReopen),
        (true, false) => Some(PutMode::Create),
        (false, true) => Some(PutMode::Reopen),
        (false, false) => None,
    })
}

fn reminder(appointment: &AppointmentForReminder, plan: &ReminderPlan) -> Reminder {
    Reminder {
        reminder_id: plan.id,
        appointment_id: appointment.id,
        clinic_id: appointment.clinic.clone(),
        phone_number: appointment.patient_phone.clone(),
        patient_name: appointment.patient_name.clone(),
        send_at: plan.send_at,
        not_after: plan.not_after,
        reminder_type: REMINDER_24H.to_owned(),
        status: ReminderStatus::Pending,
        attempts: 0,
        sent_at: None,
        unknown_sends: 0,
    }
}
