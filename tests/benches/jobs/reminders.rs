//! Reminders that are due within one hour.

use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::America::Sao_Paulo;
use scheduler_api::jobs::REMINDER_PROCESSOR;
use scheduler_core::adapters::dynamodb::reminders::{PutMode, Reminders};
use scheduler_core::domain::reminder::{REMINDER_24H, Reminder, ReminderPlan, ReminderStatus};

use crate::figures::{Figures, timed};
use crate::setup::{Delivered, NAME, Setup, Visit, in_parallel};

/// Timeout of the function (`sls/functions/reminder/interface.yml`).
const TIMEOUT: Duration = Duration::from_secs(300);

/// Measures the runs of an hour, from 09:00 to 10:00. At most ten reminders of each clinic become due in it.
pub async fn due_within_an_hour(clinics: usize, reminders_of_each: usize, answer_time: Duration) -> Figures {
    let setup = Setup::start(clinics, answer_time).await;
    let visits = setup.book(setup.people(clinics * reminders_of_each)).await;
    let table = setup.chats.tables.reminders();
    in_parallel(visits.iter().map(|visit| plan(table.clone(), visit.clone()))).await;
    let mut figures = Figures { clinics, items: visits.len(), runs: Vec::new() };
    let (mut sent, mut not_sent, mut minutes) = (0, 0, 0);
    while minutes <= 60 {
        let (summary, took) = timed(setup.chats.process_reminders(REMINDER_PROCESSOR.budget)).await;
        figures.runs.push(took);
        sent += summary.sent;
        not_sent += summary.unknown + summary.failed + summary.cancelled + summary.expired + summary.held;
        minutes += REMINDER_PROCESSOR.every_minutes;
        setup.clock.advance(TimeDelta::minutes(REMINDER_PROCESSOR.every_minutes));
    }
    let (after_the_hour, _) = timed(setup.chats.process_reminders(REMINDER_PROCESSOR.budget)).await;
    figures.check_timeout(TIMEOUT);
    assert_eq!((sent, not_sent), (visits.len(), 0), "reminders sent within the hour, and not sent");
    assert_eq!(after_the_hour.sent, 0, "reminders sent after the hour");
    let delivered = setup.delivered(visits.iter().map(|visit| visit.person.phone.as_str()));
    assert_eq!(delivered, Delivered::default(), "each patient gets exactly one reminder");
    setup.stop().await;
    figures
}

/// Writes the reminder of an appointment.
async fn plan(reminders: Reminders, visit: Visit) {
    let plan = ReminderPlan::new(visit.id, visit.slot, Sao_Paulo).expect("an accepted date");
    let reminder = Reminder {
        reminder_id: plan.id,
        appointment_id: visit.id,
        clinic_id: visit.person.clinic,
        phone_number: Some(visit.person.phone),
        patient_name: Some(NAME.to_owned()),
        send_at: plan.send_at,
        not_after: plan.not_after,
        reminder_type: REMINDER_24H.to_owned(),
        status: ReminderStatus::Pending,
        attempts: 0,
        sent_at: None,
        unknown_sends: 0,
    };
    reminders.put(&reminder, PutMode::Create).await.expect("DynamoDB stores the reminder");
}
