//! When a reminder is sent, and how its id is derived (`docs/rules/reminders.md#when-a-reminder-is-sent`).

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::date_limits::is_accepted;
use super::ids::{AppointmentId, ClinicId, ReminderId};
use super::message::IncomingMessage;
use super::time::{Slot, wall_clock_to_utc};

/// The only kind of reminder.
pub const REMINDER_24H: &str = "REMINDER_24H";

/// `send_at` is between these two times on the clinic's wall clock. A delayed reminder may be sent later.
const EARLIEST_SEND_TIME: NaiveTime = o_clock(8);
const LATEST_SEND_TIME: NaiveTime = o_clock(20);

/// No reminder is created for an appointment that is less than this ahead.
const MIN_LEAD_TIME: TimeDelta = TimeDelta::hours(24);

/// Id and times of the reminder for one start of an appointment. They follow from the input alone, so every
/// caller computes the same plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReminderPlan {
    /// UUID version 5 of the appointment, its start and the kind of reminder. A moved appointment gets
    /// another reminder id; moved back, it gets the first one again.
    pub id: ReminderId,
    /// Earliest time to send it: the appointment's wall-clock time on the day before, moved into the hours
    /// from 08:00 to 20:00.
    pub send_at: DateTime<Utc>,
    /// The end of that day. Afterwards the text's "Amanhã" (tomorrow) would be wrong.
    pub not_after: DateTime<Utc>,
    starts_at: DateTime<Utc>,
}

impl ReminderPlan {
    /// Plans the reminder of an appointment that starts at `start` on the wall clock of `timezone`. `None` if
    /// the date is not an accepted one (`docs/rules/data.md#dates`): no reminder is sent for it.
    pub fn new(appointment: AppointmentId, start: Slot, timezone: Tz) -> Option<Self> {
        if !is_accepted(start.date) {
            return None;
        }
        let day_before = start.date.pred_opt()?;
        Some(Self {
            id: reminder_id(appointment, start),
            send_at: wall_clock_to_utc(
                day_before.and_time(start.time.clamp(EARLIEST_SEND_TIME, LATEST_SEND_TIME)),
                timezone,
            ),
            not_after: wall_clock_to_utc(start.date.and_time(NaiveTime::MIN), timezone),
            starts_at: wall_clock_to_utc(start.at(), timezone),
        })
    }

    /// Whether the reminder may still be created at `now`: the appointment must be at least 24 hours ahead.
    /// If `send_at` has passed by then, the reminder is sent with the next run.
    pub fn can_be_created(&self, now: DateTime<Utc>) -> bool {
        self.starts_at - now >= MIN_LEAD_TIME
    }

    /// Whether `send_at` is still in the future.
    pub fn is_before_send_at(&self, now: DateTime<Utc>) -> bool {
        self.send_at > now
    }
}

/// The id of the reminder for one start of an appointment, in whatever time zone.
pub fn reminder_id(appointment: AppointmentId, start: Slot) -> ReminderId {
    let name = format!("{}#{REMINDER_24H}", start.at().format("%Y-%m-%dT%H:%M"));
    ReminderId(Uuid::new_v5(&appointment.0, name.as_bytes()))
}

const fn o_clock(hour: u32) -> NaiveTime {
    match NaiveTime::from_hms_opt(hour, 0, 0) {
        Some(time) => time,
        None => NaiveTime::MIN,
    }
}

/// Delivery status of a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReminderStatus {
    /// Waits for its time, or for another attempt.
    Pending,
    /// Claimed by a processor that sends it.
    Sending,
    /// The provider accepted it.
    Sent,
    /// It was sent, and it is unknown whether the provider accepted it. Unless the provider's webhooks tell,
    /// it is sent once more.
    Unknown,
    /// It could not be sent, and no further attempt is made.
    Failed,
    /// It must not be sent any more, for example because the appointment was moved or the patient opted out.
    Cancelled,
}

impl ReminderStatus {
    /// Value of the attribute `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Unknown => "UNKNOWN",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A reminder as it is stored (`docs/rules/data.md#reminders`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are attributes of the item")]
#[serde(rename_all = "camelCase")]
pub struct Reminder {
    pub reminder_id: ReminderId,
    pub appointment_id: AppointmentId,
    pub clinic_id: ClinicId,
    /// The patient's canonical digits, if they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone_number: Option<String>,
    /// The patient's name when the reminder was created.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient_name: Option<String>,
    /// See [`ReminderPlan::send_at`].
    pub send_at: DateTime<Utc>,
    /// See [`ReminderPlan::not_after`].
    pub not_after: DateTime<Utc>,
    /// Always [`REMINDER_24H`].
    pub reminder_type: String,
    pub status: ReminderStatus,
    /// Delivery attempts so far. Attempts that failed with an instance fault do not count.
    pub attempts: u32,
    /// When the provider accepted it. If that is unknown, when it was first sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_at: Option<DateTime<Utc>>,
    /// How often it was sent without a complete answer, at most twice.
    #[serde(default)]
    pub unknown_sends: u32,
}

impl Reminder {
    /// Whether the patient may have got it before writing this message, so that the message may answer it.
    pub fn may_be_answered_by(&self, message: &IncomingMessage) -> bool {
        matches!(self.status, ReminderStatus::Sent | ReminderStatus::Unknown)
            && self.sent_at.is_none_or(|sent_at| !message.was_written_before(sent_at))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveDateTime};
    use chrono_tz::America::{Manaus, New_York, Noronha, Rio_Branco, Sao_Paulo};

    use super::*;

    const APPOINTMENT: AppointmentId = AppointmentId(Uuid::from_u128(7));

    fn wall(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a wall-clock time")
    }

    fn plan(zone: Tz, start: &str) -> ReminderPlan {
        let start = wall(start);
        ReminderPlan::new(APPOINTMENT, Slot { date: start.date(), time: start.time() }, zone).expect("a plan")
    }

    #[test]
    fn a_reminder_is_sent_at_the_time_of_the_appointment_on_the_day_before_between_8_and_20() {
        let check = |zone: Tz, start: &str, send_at: &str, not_after: &str| {
            let plan = plan(zone, start);
            let expected = (wall(send_at).and_utc(), wall(not_after).and_utc());
            assert_eq!((plan.send_at, plan.not_after), expected, "{zone} {start}");
        };
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 12:00", "2026-02-17 03:00");
        check(Sao_Paulo, "2026-02-17 07:00", "2026-02-16 11:00", "2026-02-17 03:00");
        check(Sao_Paulo, "2026-02-17 08:00", "2026-02-16 11:00", "2026-02-17 03:00");
        check(Sao_Paulo, "2026-02-17 20:00", "2026-02-16 23:00", "2026-02-17 03:00");
        check(Sao_Paulo, "2026-02-17 21:00", "2026-02-16 23:00", "2026-02-17 03:00");
        check(Sao_Paulo, "2028-03-01 09:00", "2028-02-29 12:00", "2028-03-01 03:00");
        check(Manaus, "2026-02-17 09:00", "2026-02-16 13:00", "2026-02-17 04:00");
        check(Rio_Branco, "2026-02-17 09:00", "2026-02-16 14:00", "2026-02-17 05:00");
        check(Noronha, "2026-02-17 09:00", "2026-02-16 11:00", "2026-02-17 02:00");
        // 2018-11-04 has 23 hours: it begins at 01:00.
        check(Sao_Paulo, "2018-11-04 09:00", "2018-11-03 12:00", "2018-11-04 03:00");
        check(Sao_Paulo, "2018-11-05 09:00", "2018-11-04 11:00", "2018-11-05 02:00");
        // 2018-02-17 has 25 hours: the last one occurs twice.
        check(Sao_Paulo, "2018-02-17 09:00", "2018-02-16 11:00", "2018-02-17 02:00");
        check(Sao_Paulo, "2018-02-18 09:00", "2018-02-17 11:00", "2018-02-18 03:00");
        check(Sao_Paulo, "2018-02-18 21:00", "2018-02-17 22:00", "2018-02-18 03:00");
        // Rio Branco changed from UTC-4 to UTC-5, so 2013-11-09 has 25 hours.
        check(Rio_Branco, "2013-11-10 09:00", "2013-11-09 13:00", "2013-11-10 05:00");
        check(New_York, "2026-03-08 09:00", "2026-03-07 14:00", "2026-03-08 05:00");
        check(New_York, "2026-03-09 09:00", "2026-03-08 13:00", "2026-03-09 04:00");
    }

    #[test]
    fn around_clock_changes_a_reminder_is_always_sent_on_the_day_before() {
        for zone in [Sao_Paulo, Manaus, Rio_Branco, Noronha, New_York] {
            let mut start = wall("2017-10-01 00:00");
            while start < wall("2019-03-01 00:00") {
                let slot = Slot { date: start.date(), time: start.time() };
                let plan = ReminderPlan::new(APPOINTMENT, slot, zone).expect("a plan");
                let sent = plan.send_at.with_timezone(&zone).naive_local();
                assert_eq!(Some(sent.date()), start.date().pred_opt(), "{zone} {start}");
                assert!(
                    (EARLIEST_SEND_TIME..=LATEST_SEND_TIME).contains(&sent.time()),
                    "{zone} {start}: {sent}"
                );
                let last = (plan.not_after - TimeDelta::seconds(1)).with_timezone(&zone);
                assert_eq!(Some(last.date_naive()), start.date().pred_opt(), "{zone} {start}");
                assert_eq!(plan.not_after.with_timezone(&zone).date_naive(), start.date(), "{zone} {start}");
                start += TimeDelta::minutes(45);
            }
        }
    }

    #[test]
    fn an_appointment_outside_the_accepted_dates_has_no_reminder() {
        let time = wall("2026-02-17 09:00").time();
        let is_planned = |date: NaiveDate| {
            [Sao_Paulo, Manaus, New_York]
                .map(|zone| ReminderPlan::new(APPOINTMENT, Slot { date, time }, zone).is_some())
        };
        let date =
            |year: i32, month: u32, day: u32| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
        for planned in [date(2000, 1, 1), date(2100, 12, 31)] {
            assert_eq!(is_planned(planned), [true; 3], "{planned}");
        }
        for unplanned in
            [NaiveDate::MIN, date(1999, 12, 31), date(2101, 1, 1), date(10_000, 1, 1), NaiveDate::MAX]
        {
            assert_eq!(is_planned(unplanned), [false; 3], "{unplanned}");
        }
    }

    #[test]
    fn no_reminder_is_created_less_than_24_hours_ahead() {
        let check = |zone: Tz, start: &str, now: &str, expected: (bool, bool)| {
            let (plan, now) = (plan(zone, start), wall(now).and_utc());
            assert_eq!(
                (plan.can_be_created(now), plan.is_before_send_at(now)),
                expected,
                "{zone} {start} {now}"
            );
        };
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-10 12:00", (true, true));
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 12:00", (true, false));
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 12:01", (false, false));
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 16:00", (false, false));
        // At 20:30 for an appointment at 21:00 on the next day: `send_at` has passed, so it is sent at once.
        check(Sao_Paulo, "2026-02-17 21:00", "2026-02-16 23:30", (true, false));
        check(Sao_Paulo, "2026-02-17 07:00", "2026-02-16 10:30", (false, true));
        // 2018-02-17 has 25 hours: at 09:30 the appointment is 24.5 hours ahead.
        check(Sao_Paulo, "2018-02-18 09:00", "2018-02-17 11:30", (true, false));
    }

    #[test]
    fn a_moved_appointment_gets_another_reminder_id_and_moved_back_the_first_again() {
        let id = |start: &str| plan(Sao_Paulo, start).id;
        assert_eq!(id("2026-02-17 09:00"), id("2026-02-17 09:00"));
        assert_ne!(id("2026-02-17 09:00"), id("2026-02-17 09:55"));
        let other = AppointmentId(Uuid::from_u128(8));
        let start = Slot { date: wall("2026-02-17 09:00").date(), time: wall("2026-02-17 09:00").time() };
        let of_other = ReminderPlan::new(other, start, Sao_Paulo).map(|plan| plan.id);
        assert_ne!(Some(id("2026-02-17 09:00")), of_other);
        // Stored reminders are found by their id, so the derivation must never change.
        assert_eq!(id("2026-02-17 09:00").to_string(), "0b77755a-a201-52e1-b12d-6bb8c7958ea6");
    }
}
