//! When a patient is reminded of an appointment, and by what name that reminder is known.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{AppointmentId, ClinicId, ReminderId};
use super::time::{Slot, resolve};

/// The one kind of reminder there is.
pub const REMINDER_24H: &str = "REMINDER_24H";

/// Nobody is written to before this hour, nor after [`LATEST`], by the clinic's wall clock.
const EARLIEST: NaiveTime = o_clock(8);
const LATEST: NaiveTime = o_clock(20);

/// Whoever books later than this before an appointment needs no reminder of it.
const AHEAD: TimeDelta = TimeDelta::hours(24);

/// The reminder that an appointment at one time calls for: the same for everybody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReminderPlan {
    /// Made of the appointment, its start and the kind: a moved appointment has another, moved back the same.
    pub id: ReminderId,
    /// From when on it may go out: the appointment's wall clock on the day before, in decent hours.
    pub send_at: DateTime<Utc>,
    /// The end of that day: from then on "Amanhã" is no longer true.
    pub not_after: DateTime<Utc>,
    starts_at: DateTime<Utc>,
}

impl ReminderPlan {
    /// The reminder of an appointment that starts then, on the clinic's wall clock.
    pub fn of(appointment: AppointmentId, start: Slot, timezone: Tz) -> Self {
        let name = format!("{}#{REMINDER_24H}", start.at().format("%Y-%m-%dT%H:%M"));
        let day_before = start.date.pred_opt().unwrap_or(start.date);
        Self {
            id: ReminderId(Uuid::new_v5(&appointment.0, name.as_bytes())),
            send_at: resolve(day_before.and_time(start.time.clamp(EARLIEST, LATEST)), timezone),
            not_after: resolve(start.date.and_time(NaiveTime::MIN), timezone),
            starts_at: resolve(start.at(), timezone),
        }
    }

    /// Whether it is still to be made now. One whose time has passed goes out at once if the appointment
    /// is a day ahead; less than that ahead there is none.
    pub fn may_be_made(&self, now: DateTime<Utc>) -> bool {
        self.starts_at - now >= AHEAD
    }

    /// Whether its time is still to come.
    pub fn is_ahead(&self, now: DateTime<Utc>) -> bool {
        self.send_at > now
    }
}

const fn o_clock(hour: u32) -> NaiveTime {
    match NaiveTime::from_hms_opt(hour, 0, 0) {
        Some(time) => time,
        None => NaiveTime::MIN,
    }
}

/// Where a reminder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReminderStatus {
    /// It waits for its time.
    Pending,
    /// Somebody is sending it.
    Sending,
    /// The provider took it.
    Sent,
    /// It did not go out and will not.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
}

impl ReminderStatus {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A reminder as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reminder {
    /// Its id.
    pub reminder_id: ReminderId,
    /// The appointment.
    pub appointment_id: AppointmentId,
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The patient's canonical digits, where they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone_number: Option<String>,
    /// The patient's name when it was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient_name: Option<String>,
    /// From when on it may go out.
    pub send_at: DateTime<Utc>,
    /// From when on it says nothing true.
    pub not_after: DateTime<Utc>,
    /// [`REMINDER_24H`]
    pub reminder_type: String,
    /// Where it stands.
    pub status: ReminderStatus,
    /// How often it was tried.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use chrono_tz::America::{Manaus, New_York, Noronha, Rio_Branco, Sao_Paulo};

    use super::*;

    const APPOINTMENT: AppointmentId = AppointmentId(Uuid::from_u128(7));

    fn wall(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a wall clock")
    }

    fn plan(zone: Tz, start: &str) -> ReminderPlan {
        let start = wall(start);
        ReminderPlan::of(APPOINTMENT, Slot { date: start.date(), time: start.time() }, zone)
    }

    #[test]
    fn it_goes_out_at_the_appointments_wall_clock_on_the_day_before_in_decent_hours() {
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
        // 2018-11-04 has 23 hours: it begins at one o'clock.
        check(Sao_Paulo, "2018-11-04 09:00", "2018-11-03 12:00", "2018-11-04 03:00");
        check(Sao_Paulo, "2018-11-05 09:00", "2018-11-04 11:00", "2018-11-05 02:00");
        // 2018-02-17 has 25: its last hour comes twice.
        check(Sao_Paulo, "2018-02-17 09:00", "2018-02-16 11:00", "2018-02-17 02:00");
        check(Sao_Paulo, "2018-02-18 09:00", "2018-02-17 11:00", "2018-02-18 03:00");
        check(Sao_Paulo, "2018-02-18 21:00", "2018-02-17 22:00", "2018-02-18 03:00");
        // Rio Branco moved an hour west by a day of 25 hours.
        check(Rio_Branco, "2013-11-10 09:00", "2013-11-09 13:00", "2013-11-10 05:00");
        check(New_York, "2026-03-08 09:00", "2026-03-07 14:00", "2026-03-08 05:00");
        check(New_York, "2026-03-09 09:00", "2026-03-08 13:00", "2026-03-09 04:00");
    }

    #[test]
    fn on_every_day_of_those_years_it_says_tomorrow_on_the_day_before() {
        for zone in [Sao_Paulo, Manaus, Rio_Branco, Noronha, New_York] {
            let mut start = wall("2017-10-01 00:00");
            while start < wall("2019-03-01 00:00") {
                let plan =
                    ReminderPlan::of(APPOINTMENT, Slot { date: start.date(), time: start.time() }, zone);
                let sent = plan.send_at.with_timezone(&zone).naive_local();
                assert_eq!(Some(sent.date()), start.date().pred_opt(), "{zone} {start}");
                assert!((EARLIEST..=LATEST).contains(&sent.time()), "{zone} {start}: {sent}");
                let last = (plan.not_after - TimeDelta::seconds(1)).with_timezone(&zone);
                assert_eq!(Some(last.date_naive()), start.date().pred_opt(), "{zone} {start}");
                assert_eq!(plan.not_after.with_timezone(&zone).date_naive(), start.date(), "{zone} {start}");
                start += TimeDelta::minutes(45);
            }
        }
    }

    #[test]
    fn less_than_a_day_ahead_there_is_none() {
        let check = |zone: Tz, start: &str, now: &str, expected: (bool, bool)| {
            let (plan, now) = (plan(zone, start), wall(now).and_utc());
            assert_eq!((plan.may_be_made(now), plan.is_ahead(now)), expected, "{zone} {start} {now}");
        };
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-10 12:00", (true, true));
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 12:00", (true, false));
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 12:01", (false, false));
        check(Sao_Paulo, "2026-02-17 09:00", "2026-02-16 16:00", (false, false));
        // At 20:30 for an appointment at 21:00 of the next day: its time has passed, it goes out at once.
        check(Sao_Paulo, "2026-02-17 21:00", "2026-02-16 23:30", (true, false));
        check(Sao_Paulo, "2026-02-17 07:00", "2026-02-16 10:30", (false, true));
        // A day of 25 hours lies between: at 09:30 the appointment is 24 hours and a half ahead.
        check(Sao_Paulo, "2018-02-18 09:00", "2018-02-17 11:30", (true, false));
    }

    #[test]
    fn a_moved_appointment_has_another_and_moved_back_the_same() {
        let id = |start: &str| plan(Sao_Paulo, start).id;
        assert_eq!(id("2026-02-17 09:00"), id("2026-02-17 09:00"));
        assert_ne!(id("2026-02-17 09:00"), id("2026-02-17 09:55"));
        let other = AppointmentId(Uuid::from_u128(8));
        let start = Slot { date: wall("2026-02-17 09:00").date(), time: wall("2026-02-17 09:00").time() };
        assert_ne!(id("2026-02-17 09:00"), ReminderPlan::of(other, start, Sao_Paulo).id);
        // What is stored today must be found tomorrow.
        assert_eq!(id("2026-02-17 09:00").to_string(), "0b77755a-a201-52e1-b12d-6bb8c7958ea6");
    }
}
