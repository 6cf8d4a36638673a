//! Limits the messages that reception sends per day (docs/rules/api.md#send), so that a stolen key does not
//! turn a clinic's number into a source of spam.

use chrono::{DateTime, NaiveTime, Utc};

use crate::adapters::dynamodb::events::Direction;
use crate::adapters::dynamodb::send_count::SendCount;
use crate::adapters::dynamodb::session::ChatKey;
use crate::app::chats::Chats;
use crate::domain::clinic::Clinic;
use crate::domain::patient::Patient;
use crate::domain::send_limits::SendLimits;
use crate::domain::time::{seconds_between, wall_clock_at, wall_clock_to_utc};
use crate::error::StoreError;

/// Events per query.
const PAGE: i32 = 100;
/// Pages searched for a message of the person: the newest 500 events.
const MAX_PAGES: usize = 5;

/// The limit that a message would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// Whether it is the limit for people who never wrote. If not, no message can be sent today.
    pub to_new_people: bool,
    /// Seconds until the clinic's next midnight, when the count starts again; at least 1.
    pub retry_after: u32,
}

impl Chats {
    /// Counts a message from reception to this chat. Returns the limit that it would pass, if any; then it is
    /// not counted.
    pub(super) async fn count_send(
        &self,
        clinic: &Clinic,
        chat: &ChatKey,
        patient: Option<&Patient>,
        limits: SendLimits,
    ) -> Result<Option<LimitReached>, StoreError> {
        let has_written = self.has_written(chat, patient).await?;
        let now = self.clock.now();
        let today = wall_clock_at(now, clinic.timezone).date();
        let counted = self.tables.count_send(&clinic.id, today, !has_written, limits, now).await?;
        let to_new_people = match counted {
            SendCount::Counted => return Ok(None),
            SendCount::DailyLimit => false,
            SendCount::NewLimit => true,
        };
        tracing::warn!(
            step = "send",
            clinic_id = %clinic.id,
            to_new_people,
            "a clinic has used up its messages of today"
        );
        Ok(Some(LimitReached { to_new_people, retry_after: seconds_to_midnight(clinic, now) }))
    }

    /// Whether the person has ever written to the clinic. WhatsApp's id of a chat becomes known by a message
    /// alone; where there was none, the session and the history tell, as long as they are kept.
    async fn has_written(&self, chat: &ChatKey, patient: Option<&Patient>) -> Result<bool, StoreError> {
        if patient.is_some_and(|patient| patient.chat_lid.is_some()) {
            return Ok(true);
        }
        let (session, in_history) = tokio::join!(self.tables.find_session(chat), self.is_in_history(chat));
        let heard = session?.is_some_and(|session| session.bookkeeping.last_message_at.is_some());
        Ok(heard || in_history?)
    }

    async fn is_in_history(&self, chat: &ChatKey) -> Result<bool, StoreError> {
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = self.tables.list_events(chat, true, PAGE, from.as_deref()).await?;
            if page.events.iter().any(|event| event.direction == Direction::Inbound) {
                return Ok(true);
            }
            let Some(next) = page.next else { return Ok(false) };
            from = Some(next);
        }
        Ok(false)
    }
}

fn seconds_to_midnight(clinic: &Clinic, now: DateTime<Utc>) -> u32 {
    let today = wall_clock_at(now, clinic.timezone).date();
    let tomorrow = today.succ_opt().unwrap_or(today).and_time(NaiveTime::MIN);
    // A part of a second counts as a whole one: a caller who waits that long is in the next day.
    let part = u32::from(now.timestamp_subsec_nanos() > 0);
    (seconds_between(now, wall_clock_to_utc(tomorrow, clinic.timezone)) + part).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clinic::BusinessHours;
    use crate::domain::ids::ClinicId;

    #[test]
    fn the_wait_ends_at_the_next_midnight_of_the_clinic() {
        let check = |timezone: chrono_tz::Tz, now: &str, expected: u32| {
            let now = now.parse().expect("an instant");
            let id = ClinicId("a-clinic".to_owned());
            let mut clinic = Clinic::new(id, "A clinic".to_owned(), BusinessHours::default(), now);
            clinic.timezone = timezone;
            assert_eq!(seconds_to_midnight(&clinic, now), expected, "{timezone} {now}");
        };
        let (sao_paulo, manaus) = (chrono_tz::America::Sao_Paulo, chrono_tz::America::Manaus);
        check(sao_paulo, "2026-02-16T12:00:00Z", 15 * 3600);
        check(manaus, "2026-02-16T12:00:00Z", 16 * 3600);
        check(sao_paulo, "2026-02-17T02:59:59Z", 1);
        check(sao_paulo, "2026-02-17T02:59:59.001Z", 1);
        check(sao_paulo, "2026-02-17T02:59:58.999Z", 2);
        check(sao_paulo, "2026-02-17T03:00:00Z", 24 * 3600);
        // A day without midnight begins at 01:00; a day of 25 hours is waited for in full.
        check(sao_paulo, "2018-11-04T02:00:00Z", 3600);
        check(sao_paulo, "2018-02-17T02:00:00Z", 25 * 3600);
    }
}
