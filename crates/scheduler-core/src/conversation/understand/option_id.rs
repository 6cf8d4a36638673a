//! What an option's id means (contract 6), on whichever prompt it was pressed.

use std::fmt;

use chrono::{NaiveDate, NaiveTime};

use crate::domain::ids::{AppointmentId, ServiceId};
use crate::domain::message::Content;
use crate::domain::time::Slot;

/// The meaning of an option. Ids carry it whole, so that a button of an old prompt is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionId {
    /// Book an appointment.
    Schedule,
    /// Move an appointment.
    Reschedule,
    /// The questions.
    Faq,
    /// The main menu.
    Menu,
    /// A person.
    Human,
    /// The prices.
    PriceTable,
    /// On to the days.
    AvailableDays,
    /// The question before.
    Back,
    /// No areas.
    SkipAreas,
    /// The name that WhatsApp knows.
    UseProfileName,
    /// The next page.
    More,
    /// Cancel the appointment that is shown.
    CancelAppointment,
    /// Do not cancel.
    Keep,
    /// This service.
    Service(ServiceId),
    /// This day for a new appointment.
    Day(NaiveDate),
    /// This time for a new appointment.
    Time(Slot),
    /// This day for the appointment that moves.
    NewDay(NaiveDate),
    /// This time for the appointment that moves.
    NewTime(Slot),
    /// This appointment.
    Appointment(AppointmentId),
    /// This question.
    Question(String),
    /// Yes to the booking of this prompt.
    Book(u32),
    /// Yes to the move of this prompt.
    Move(u32),
    /// Yes to the cancellation of this prompt.
    Cancel(u32),
}

const FIXED: [(&str, OptionId); 13] = [
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
    /// Reads an id. `None`: no id of ours.
    pub fn parse(id: &str) -> Option<Self> {
        if let Some((_, option)) = FIXED.iter().find(|(fixed, _)| *fixed == id) {
            return Some(option.clone());
        }
        let (kind, rest) = id.split_once('_')?;
        Some(match kind {
            "service" => Self::Service(rest.parse().ok()?),
            "day" => Self::Day(rest.parse().ok()?),
            "time" => Self::Time(parse_slot(rest)?),
            "newday" => Self::NewDay(rest.parse().ok()?),
            "newtime" => Self::NewTime(parse_slot(rest)?),
            "visit" => Self::Appointment(rest.parse().ok()?),
            "faq" if !rest.is_empty() => Self::Question(rest.to_owned()),
            "book" => Self::Book(rest.parse().ok()?),
            "move" => Self::Move(rest.parse().ok()?),
            "cancel" => Self::Cancel(rest.parse().ok()?),
            _ => return None,
        })
    }

    /// The kind of an id, by which a clinic's template relabels it: `book` of `book_3`, the id
    /// itself of `price_table`.
    pub fn kind(id: &str) -> &str {
        if FIXED.iter().any(|(fixed, _)| *fixed == id) {
            return id;
        }
        id.split_once('_').map_or(id, |(kind, _)| kind)
    }
}

/// What a patient wrote. A press on a button that is none of ours is as good as its label written.
pub fn written(content: &Content) -> Option<&str> {
    match content {
        Content::Text { text } => Some(text),
        Content::Pressed { id, label } if OptionId::parse(id).is_none() => Some(label),
        Content::Pressed { .. } | Content::Unreadable { .. } => None,
    }
}

fn parse_slot(text: &str) -> Option<Slot> {
    let (date, time) = text.split_once('_')?;
    Some(Slot { date: date.parse().ok()?, time: NaiveTime::parse_from_str(time, "%H:%M").ok()? })
}

impl fmt::Display for OptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((id, _)) = FIXED.iter().find(|(_, option)| option == self) {
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
    fn an_id_is_read_as_it_is_written() {
        let check = |id: &str| {
            assert_eq!(OptionId::parse(id).map(|option| option.to_string()).as_deref(), Some(id));
        };
        for (id, _) in FIXED {
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
    fn what_is_no_id_of_ours_is_none() {
        let check = |id: &str| assert_eq!(OptionId::parse(id), None, "{id}");
        for id in
            ["", "dia", "day_", "day_2026-02-31", "time_2026-02-16", "book_", "book_-1", "faq_", "service_1"]
        {
            check(id);
        }
    }
}
