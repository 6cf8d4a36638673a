//! Brings an appointment's reminder up to the appointment: a projection, which may be repeated and may be late.

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

/// What a request gives to it; the rest is the Reconciler's.
const IN_A_REQUEST: Duration = Duration::from_millis(500);

/// Brings the reminder of an appointment that was just booked or changed up to it, within half a second or
/// not now: the appointment stands either way.
pub async fn project_soon(
    db: &Db,
    reminders: &Reminders,
    timezone: Tz,
    appointment: &Appointment,
    now: DateTime<Utc>,
) {
    let appointment = AppointmentForReminder::from(appointment);
    let projecting = project(db, reminders, timezone, &appointment, now);
    let error = match timeout(IN_A_REQUEST, projecting).await {
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

/// Makes what the appointment calls for, calls off what it no longer does, and records both at the appointment
/// unless that has changed meanwhile.
pub(super) async fn project(
    db: &Db,
    reminders: &Reminders,
    timezone: Tz,
    appointment: &AppointmentForReminder,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let plan = ReminderPlan::of(appointment.id, appointment.slot, timezone);
    let wanted = appointment.status == AppointmentStatus::Confirmed;
    if wanted {
        if let Some(mode) = mode(db, appointment, &plan, now).await? {
            reminders.open(&reminder(appointment, &plan), mode).await?;
        }
    } else {
        reminders.cancel(&ReminderKey::of(&plan)).await?;
    }
    failpoints::hit("reminder_projected");
    let before = db.mark_reminder(appointment, wanted.then_some(appointment.slot)).await?;
    // Should the process end here, the old reminder is called off when its time comes: whoever is
    // about to send it reads the appointment again.
    if let Some(start) = before.filter(|start| *start != appointment.slot) {
        reminders.cancel(&ReminderKey::of(&ReminderPlan::of(appointment.id, start, timezone))).await?;
    }
    Ok(())
}

/// What may be done about a wanted reminder now. One that is late is held against the hour at which
/// its appointment was booked or moved: the store may have been away since.
async fn mode(
    db: &Db,
    appointment: &AppointmentForReminder,
    plan: &ReminderPlan,
    now: DateTime<Utc>,
) -> Result<Option<PutMode>, StoreError> {
    if plan.may_be_made(now) {
        return Ok(Some(PutMode::CreateOrReopen));
    }
    let is_late = now < plan.not_after
        && db.find_start_set_at(appointment).await?.is_some_and(|set_at| plan.may_be_made(set_at));
    Ok(match (is_late, plan.is_ahead(now)) {
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
    }
}
