//! Option ids and their meaning (`docs/rules/conversation.md#option-ids`).

use std::fmt;

use chrono::{NaiveDate, NaiveTime};

use crate::domain::date_limits::parse_date;
use crate::domain::ids::{AppointmentId, ServiceId};
use crate::domain::message::Content;
use crate::domain::time::Slot;

/// The meaning of an option id. The id carries it in full, so a button of an old message is still understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionId {
    /// Book a new appointment.
    Schedule,
    /// Move an existing appointment.
    Reschedule,
    /// Show the FAQ.
    Faq,
    /// Return to the main menu.
    Menu,
    /// Hand the chat over to a person.
    Human,
    /// Show the prices.
    PriceTable,
    /// Continue to the available days.
    AvailableDays,
    /// Return to the previous question.
    Back,
    /// Book without naming areas.
    SkipAreas,
    /// Use the WhatsApp profile name.
    UseProfileName,
    /// Show the next page.
    More,
    /// Cancel an existing appointment: the one on screen, if there is one.
    CancelAppointment,
    /// Keep the appointment.
    Keep,
    /// Choose this service.
    Service(ServiceId),
    /// Choose this day for a new appointment.
    Day(NaiveDate),
    /// Choose this time for a new appointment.
    Time(Slot),
    /// Choose this day for the appointment that is moved.
    NewDay(NaiveDate),
    /// Choose this time for the appointment that is moved.
    NewTime(Slot),
    /// Choose this existing appointment.
    Appointment(AppointmentId),
    /// Choose the question with this key.
    Question(String),
    /// Confirm the booking of the prompt with this number.
    Book(u32),
    /// Confirm the move of the prompt with this number.
    Move(u32),
    /// Confirm the cancellation of the prompt with this number.
    Cancel(u32),
}

const WITHOUT_VALUE: [(&str, OptionId); 13] = [
    ("schedule", OptionId::Schedule),
    ("reschedule", OptionId::Reschedule),
    ("faq", OptionId::Faq),
    ("menu", OptionId::Menu),
    ("human", OptionId::Human),
    ("price_table", OptionId::PriceTable),
    ("available_days", OptionId::AvailableDays),
    ("back", OptionId::Back),
    ("skip_areas", OptionId::SkipAreas),
    ("use_profile_name", OptionId::UseProfileName),
    ("more", OptionId::More),
    ("cancel_visit", OptionId::CancelAppointment),
    ("keep", OptionId::Keep),
];

impl OptionId {
    /// Parses an option id; `None` for an unknown id. An id is known only in the form in which the bot writes
    /// it, and only with an accepted date (`docs/rules/data.md#dates`).
    pub fn parse(id: &str) -> Option<Self> {
        if let Some((_, option)) = WITHOUT_VALUE.iter().find(|(known, _)| *known == id) {
            return Some(option.clone());
        }
        let (kind, rest) = id.split_once('_')?;
        let option = match kind {
            "service" => Self::Service(rest.parse().ok()?),
            "day" => Self::Day(parse_date(rest)?),
            "time" => Self::Time(parse_slot(rest)?),
            "newday" => Self::NewDay(parse_date(rest)?),
            "newtime" => Self::NewTime(parse_slot(rest)?),
            "visit" => Self::Appointment(rest.parse().ok()?),
            "faq" if !rest.is_empty() => Self::Question(rest.to_owned()),
            "book" => Self::Book(rest.parse().ok()?),
            "move" => Self::Move(rest.parse().ok()?),
            "cancel" => Self::Cancel(rest.parse().ok()?),
            _ => return None,
        };
        (option.to_string() == id).then_some(option)
    }

    /// The kind of an option id, for which a template can set a label: `book` for `book_3`, and the id itself
    /// if it has no variable part, such as `price_table`.
    pub fn kind(id: &str) -> &str {
        if WITHOUT_VALUE.iter().any(|(known, _)| *known == id) {
            return id;
        }
        id.split_once('_').map_or(id, |(kind, _)| kind)
    }
}

/// The text that a patient wrote. An unknown option id counts as if the patient had written its label.
pub fn written_text(content: &Content) -> Option<&str> {
    match content {
        Content::Text { text } => Some(text),
        Content::Pressed { id, label } if OptionId::parse(id).is_none() => Some(label),
        Content::Pressed { .. } | Content::Unreadable { .. } => None,
    }
}

fn parse_slot(text: &str) -> Option<Slot> {
    let (date, time) = text.split_once('_')?;
    Some(Slot { date: parse_date(date)?, time: NaiveTime::parse_from_str(time, "%H:%M").ok()? })
}

impl fmt::Display for OptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((id, _)) = WITHOUT_VALUE.iter().find(|(_, option)| option == self) {
            return f.write_str(id);
        }
        let slot = |kind: &str, slot: &Slot| format!("{kind}_{}_{}", slot.date, slot.time.format("%H:%M"));
        match self {
            Self::Service(id) => write!(f, "service_{id}"),
            Self::Day(date) => write!(f, "day_{date}"),
            Self::Time(at) => f.write_str(&slot("time", at)),
            Self::NewDay(date) => write!(f, "newday_{date}"),
            Self::NewTime(at) => f.write_str(&slot("newtime", at)),
            Self::Appointment(id) => write!(f, "visit_{id}"),
            Self::Question(key) => write!(f, "faq_{key}"),
            Self::Book(prompt) => write!(f, "book_{prompt}"),
            Self::Move(prompt) => write!(f, "move_{prompt}"),
            Self::Cancel(prompt) => write!(f, "cancel_{prompt}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_parsed_and_written_back_unchanged() {
        let check = |id: &str| {
            assert_eq!(OptionId::parse(id).map(|option| option.to_string()).as_deref(), Some(id));
        };
        for (id, _) in WITHOUT_VALUE {
            check(id);
        }
        check("service_6f1ed002-ab59-4b0f-8b6b-07a1c0a4d8f0");
        check("visit_6f1ed002-ab59-4b0f-8b6b-07a1c0a4d8f0");
        check("day_2026-02-16");
        check("newday_2026-02-16");
        check("time_2026-02-16_09:00");
        check("newtime_2026-02-16_16:20");
        check("faq_DOES_IT_HURT");
        check("book_3");
        check("move_12");
        check("cancel_1");
    }

    #[test]
    fn an_unknown_id_is_not_parsed() {
        let check = |id: &str| assert_eq!(OptionId::parse(id), None, "{id}");
        for id in
            ["", "dia", "day_", "day_2026-02-31", "time_2026-02-16", "book_", "book_-1", "faq_", "service_1"]
        {
            check(id);
        }
        for date in ["+262142-12-31", "+10000-01-01", "-0001-01-01", "1999-12-31", "2101-01-01", "2026-2-16"]
        {
            for kind in ["day", "newday"] {
                check(&format!("{kind}_{date}"));
            }
            for kind in ["time", "newtime"] {
                check(&format!("{kind}_{date}_09:00"));
            }
        }
        for id in ["time_2026-02-16_9:00", "time_2026-02-16_09:00:00", "book_+3", "book_03", "move_ 3"] {
            check(id);
        }
    }
}
