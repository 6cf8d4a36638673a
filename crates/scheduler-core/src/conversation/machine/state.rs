//! The state of a chat between two messages, with the data of each state.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::appointment::Appointment;
use crate::domain::faq::FaqEntry;
use crate::domain::ids::{AppointmentId, ServiceId};
use crate::domain::service::Service;
use crate::domain::time::Slot;

/// A chat as it is stored between two messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// The current state.
    pub state: State,
    /// Earlier states, oldest first: "voltar" returns to the last one. The first, if any, is the main menu.
    pub previous: Vec<State>,
    /// What the chat remembers in every state.
    pub memory: Memory,
}

impl Chat {
    /// A chat without any message.
    pub fn new() -> Self {
        Self { state: State::Welcome, previous: Vec::new(), memory: Memory::default() }
    }

    /// A new session of the same chat. It keeps `silent_until`, because silence can be longer than a session,
    /// `prompts`, so that a confirmation button of an earlier session is recognised as old, and `name_misses`,
    /// so that nobody can go on guessing.
    pub fn new_session(&self) -> Self {
        let Memory { prompts, silent_until, name_misses, .. } = self.memory;
        Self { memory: Memory { prompts, silent_until, name_misses, ..Memory::default() }, ..Self::new() }
    }
}

impl Default for Chat {
    fn default() -> Self {
        Self::new()
    }
}

/// The time of the patient's last message, with the last day that could be booked then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When the message was processed.
    pub now: DateTime<Utc>,
    /// `now` as the clinic's local time.
    pub local: NaiveDateTime,
    /// Last day that can be booked.
    pub horizon: NaiveDate,
}

/// What a chat remembers in every state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The patient's name: the one given in this session, else the one on record, if any.
    pub patient_name: Option<String>,
    /// The patient's WhatsApp profile name, cleaned; `None` if unknown or unusable.
    pub profile_name: Option<String>,
    /// The name given in this session. It replaces the name on record.
    #[serde(rename = "givenName")]
    pub stated_name: Option<String>,
    /// When the patient last wrote. Stored as `heard`.
    #[serde(rename = "heard")]
    pub moment: Moment,
    /// Number of the last confirmation prompt, the `<n>` of `book_<n>`.
    pub prompts: u32,
    /// Messages in a row that the bot did not understand.
    pub misunderstood: u8,
    /// Names that were not the one on record (`docs/rules/conversation.md#recycled-numbers`).
    pub name_misses: u8,
    /// Until when the bot is silent, after a hand-over or a message from staff.
    pub silent_until: Option<DateTime<Utc>>,
}

/// The fields of a service that the conversation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceChoice {
    /// The id in `service_<uuid>`.
    pub id: ServiceId,
    /// The name that patients read.
    pub name: String,
    /// Length in minutes.
    pub minutes: i32,
    /// Price in centavos; `None` is shown as "sob consulta".
    pub price_cents: Option<i32>,
}

impl From<Service> for ServiceChoice {
    fn from(service: Service) -> Self {
        Self {
            id: service.id,
            name: service.name,
            minutes: service.duration_minutes,
            price_cents: service.price_cents,
        }
    }
}

/// A planned booking: service, areas and length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingPlan {
    /// The chosen service.
    pub service: ServiceId,
    /// Name of the service.
    pub service_name: String,
    /// The areas in the patient's words; `None` if skipped.
    pub areas: Option<String>,
    /// Length in minutes: the chosen service plus every other service mentioned in `areas`.
    pub minutes: i32,
}

/// The fields of an existing appointment that the conversation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentSummary {
    /// The id in `visit_<uuid>`.
    pub id: AppointmentId,
    /// Start of the appointment.
    pub slot: Slot,
    /// Length in minutes. It stays the same when the appointment moves.
    pub minutes: i32,
    /// Name of the booked service.
    pub service_name: String,
    /// The areas in the patient's words.
    pub areas: Option<String>,
    /// Version that the patient saw. A move or cancellation of another version is refused.
    pub version: i32,
}

impl From<&Appointment> for AppointmentSummary {
    fn from(appointment: &Appointment) -> Self {
        Self {
            id: appointment.id,
            slot: appointment.slot(),
            minutes: appointment.minutes(),
            service_name: appointment.service_name.clone(),
            areas: appointment.areas.clone(),
            version: appointment.version,
        }
    }
}

/// An appointment whose reminder waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemindedAppointment {
    /// The appointment that the reminder announced.
    pub appointment: AppointmentSummary,
    /// The name on record, if any.
    pub patient_name: Option<String>,
}

impl From<Appointment> for RemindedAppointment {
    fn from(appointment: Appointment) -> Self {
        Self { appointment: AppointmentSummary::from(&appointment), patient_name: appointment.patient_name }
    }
}

/// A question of the clinic's FAQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaqChoice {
    /// Key of the entry: the option id is `faq_<KEY>`.
    pub key: String,
    /// Text of the question.
    pub label: String,
}

impl From<FaqEntry> for FaqChoice {
    fn from(entry: FaqEntry) -> Self {
        Self { key: entry.question_key, label: entry.question_label }
    }
}

/// Why days or times are searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// A new appointment.
    Book {
        /// Service, areas and length.
        plan: BookingPlan,
    },
    /// Another time for an existing appointment.
    Move {
        /// The appointment. Its current time counts as free, and it keeps its length.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
    },
}

/// What the patient wants to do with an existing appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Move it to another time.
    Reschedule,
    /// Cancel it.
    Cancel,
}

/// What a person wants with an appointment of the record whose name they must give first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Wish {
    /// Move or cancel one.
    Change {
        /// Move or cancel.
        intent: Intent,
        /// The appointment, if one was named.
        wanted: Option<AppointmentId>,
    },
    /// Confirm the one that a reminder announced.
    Confirm {
        /// The appointment as the reminder announced it.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
    },
}

/// Days with free times, and how far the search went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayList {
    /// All days found so far, in order.
    #[serde(deserialize_with = "crate::domain::date_limits::stored_dates")]
    pub days: Vec<NaiveDate>,
    /// Last day of the search, inclusive.
    #[serde(default, deserialize_with = "crate::domain::date_limits::stored_date_option")]
    pub searched_until: Option<NaiveDate>,
    /// Index of the first day shown.
    pub from: usize,
}

/// The question that the patient is asked, with the data it needs. Waiting for an effect is not a state.
/// The stored names are fixed: `docs/rules/conversation.md#stored-states`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Before the first message of a session. Never stored.
    Welcome,
    /// Asks: schedule, reschedule or questions.
    MainMenu,
    /// Asks: prices or available days.
    ScheduleMenu,
    /// The prices are on screen.
    PriceTable {
        /// The price table as text, one line per service.
        table: String,
    },
    /// Asks for one of several services.
    SelectService {
        /// All active services.
        services: Vec<ServiceChoice>,
        /// Index of the first service shown.
        from: usize,
    },
    /// Asks for the body areas.
    InputAreas {
        /// The chosen service.
        service: ServiceChoice,
        /// All active services: the areas may name some of them.
        services: Vec<ServiceChoice>,
    },
    /// Asks for a day.
    SelectDate {
        /// Service, areas and length.
        plan: BookingPlan,
        /// Days to choose from.
        days: DayList,
    },
    /// Asks for a time.
    SelectTime {
        /// Service, areas and length.
        plan: BookingPlan,
        /// Times to choose from. If the chosen slot was taken, they can be on several days.
        slots: Vec<Slot>,
        /// Index of the first time shown.
        from: usize,
    },
    /// Asks for the patient's name.
    AskName {
        /// Service, areas and length.
        plan: BookingPlan,
        /// The chosen slot.
        slot: Slot,
        /// The single word given first, after which the bot asks once for the full name.
        given: Option<String>,
    },
    /// Asks whether to book.
    ConfirmBooking {
        /// Service, areas and length.
        plan: BookingPlan,
        /// The chosen slot.
        slot: Slot,
        /// Number of the prompt: the option id is `book_<n>`.
        prompt: u32,
    },
    /// The appointment is booked.
    Booked,
    /// Asks for the name on record, because the number has another WhatsApp id than the patient on record.
    VerifyName {
        /// What the person wants once the name is right.
        wish: Wish,
    },
    /// Asks for one of several appointments.
    SelectAppointment {
        /// All upcoming appointments.
        #[serde(rename = "visits")]
        appointments: Vec<AppointmentSummary>,
        /// What the patient wants to do with it.
        #[serde(rename = "wish")]
        intent: Intent,
        /// Index of the first appointment shown.
        from: usize,
    },
    /// Shows an appointment and asks for the day to move it to.
    ShowCurrentAppointment {
        /// The appointment to move.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// Days to choose from.
        days: DayList,
    },
    /// Like `ShowCurrentAppointment`, after the patient asked for more days.
    SelectNewDate {
        /// The appointment to move.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// Days to choose from.
        days: DayList,
    },
    /// Asks for the new time.
    SelectNewTime {
        /// The appointment to move.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// Times to choose from.
        slots: Vec<Slot>,
        /// Index of the first time shown.
        from: usize,
    },
    /// Asks whether to move the appointment.
    ConfirmReschedule {
        /// The appointment to move.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// The new slot.
        slot: Slot,
        /// Number of the prompt: the option id is `move_<n>`.
        prompt: u32,
    },
    /// The appointment is moved.
    Rescheduled,
    /// Asks whether to cancel the appointment.
    ConfirmCancel {
        /// The appointment to cancel.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// Number of the prompt: the option id is `cancel_<n>`.
        prompt: u32,
    },
    /// The appointment is cancelled.
    Cancelled,
    /// Asks for one of the FAQ questions.
    FaqMenu {
        /// All active entries of the FAQ.
        items: Vec<FaqChoice>,
        /// Index of the first entry shown.
        from: usize,
    },
    /// The answer to a question of the FAQ is on screen.
    FaqAnswer,
    /// The chat was handed over to a person.
    HumanHandoff,
    /// Three messages in a row were not understood: asks whether to show the menu or call a person.
    Unrecognized {
        /// The state in which they were not understood. Its question can still be answered.
        asked: Box<State>,
    },
}

impl State {
    /// Stored name of the state (`docs/rules/conversation.md#stored-states`).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Welcome => "WELCOME",
            Self::MainMenu => "MAIN_MENU",
            Self::ScheduleMenu => "SCHEDULE_MENU",
            Self::PriceTable { .. } => "PRICE_TABLE",
            Self::SelectService { .. } => "SELECT_SERVICE",
            Self::InputAreas { .. } => "INPUT_AREAS",
            Self::SelectDate { .. } => "SELECT_DATE",
            Self::SelectTime { .. } => "SELECT_TIME",
            Self::AskName { .. } => "ASK_NAME",
            Self::ConfirmBooking { .. } => "CONFIRM_BOOKING",
            Self::Booked => "BOOKED",
            Self::VerifyName { .. } => "VERIFY_NAME",
            Self::SelectAppointment { .. } => "SELECT_APPOINTMENT",
            Self::ShowCurrentAppointment { .. } => "SHOW_CURRENT_APPOINTMENT",
            Self::SelectNewDate { .. } => "SELECT_NEW_DATE",
            Self::SelectNewTime { .. } => "SELECT_NEW_TIME",
            Self::ConfirmReschedule { .. } => "CONFIRM_RESCHEDULE",
            Self::Rescheduled => "RESCHEDULED",
            Self::ConfirmCancel { .. } => "CONFIRM_CANCEL",
            Self::Cancelled => "CANCELLED",
            Self::FaqMenu { .. } => "FAQ_MENU",
            Self::FaqAnswer => "FAQ_ANSWER",
            Self::HumanHandoff => "HUMAN_HANDOFF",
            Self::Unrecognized { .. } => "UNRECOGNIZED",
        }
    }

    /// Whether something was just finished. A sentence is then read as in the main menu.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Booked | Self::Rescheduled | Self::Cancelled)
    }

    /// Whether a sentence such as "quero remarcar" is read as a request in this state.
    pub fn reads_intents(&self) -> bool {
        let menus = matches!(
            self,
            Self::Welcome
                | Self::MainMenu
                | Self::ScheduleMenu
                | Self::PriceTable { .. }
                | Self::FaqMenu { .. }
                | Self::FaqAnswer
                | Self::HumanHandoff
        );
        menus || self.is_finished()
    }

    /// Whether the state asks for a confirmation. Only a plain yes confirms.
    pub fn awaits_confirmation(&self) -> bool {
        matches!(
            self,
            Self::ConfirmBooking { .. } | Self::ConfirmReschedule { .. } | Self::ConfirmCancel { .. }
        )
    }

    /// The booking or change that the state is part of, if any. A cancellation also gives `Purpose::Move`.
    pub fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::SelectDate { plan, .. }
            | Self::SelectTime { plan, .. }
            | Self::AskName { plan, .. }
            | Self::ConfirmBooking { plan, .. } => Some(Purpose::Book { plan: plan.clone() }),
            Self::ShowCurrentAppointment { appointment, .. }
            | Self::SelectNewDate { appointment, .. }
            | Self::SelectNewTime { appointment, .. }
            | Self::ConfirmReschedule { appointment, .. }
            | Self::ConfirmCancel { appointment, .. } => {
                Some(Purpose::Move { appointment: appointment.clone() })
            }
            _ => None,
        }
    }

    /// The days to choose from.
    pub fn days(&self) -> Option<&DayList> {
        match self {
            Self::SelectDate { days, .. }
            | Self::ShowCurrentAppointment { days, .. }
            | Self::SelectNewDate { days, .. } => Some(days),
            _ => None,
        }
    }

    /// The times to choose from.
    pub fn slots(&self) -> Option<&[Slot]> {
        match self {
            Self::SelectTime { slots, .. } | Self::SelectNewTime { slots, .. } => Some(slots),
            _ => None,
        }
    }

    /// The chosen slot.
    pub fn chosen_slot(&self) -> Option<Slot> {
        match self {
            Self::AskName { slot, .. }
            | Self::ConfirmBooking { slot, .. }
            | Self::ConfirmReschedule { slot, .. } => Some(*slot),
            _ => None,
        }
    }

    /// Index of the first item of the current page, in states with pages.
    pub fn first_shown_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::SelectService { from, .. }
            | Self::SelectTime { from, .. }
            | Self::SelectAppointment { from, .. }
            | Self::SelectNewTime { from, .. }
            | Self::FaqMenu { from, .. } => Some(from),
            Self::SelectDate { days, .. }
            | Self::ShowCurrentAppointment { days, .. }
            | Self::SelectNewDate { days, .. } => Some(&mut days.from),
            _ => None,
        }
    }
}
