//! Where a chat stands between two messages, with the data that place needs.

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
    /// Where it stands.
    pub state: State,
    /// The states before, oldest first: what "voltar" goes back to. Never below the menu.
    pub previous: Vec<State>,
    /// What the chat remembers whatever its state.
    pub memory: Memory,
}

impl Chat {
    /// A chat in which nothing was said yet.
    pub fn new() -> Self {
        Self { state: State::Welcome, previous: Vec::new(), memory: Memory::default() }
    }

    /// A new session of the same chat. It keeps the silence, which outlives sessions, and goes on
    /// numbering, so that a confirmation of an earlier session is known as old.
    pub fn renewed(&self) -> Self {
        let Memory { prompts, silent_until, .. } = self.memory;
        Self { memory: Memory { prompts, silent_until, ..Memory::default() }, ..Self::new() }
    }
}

impl Default for Chat {
    fn default() -> Self {
        Self::new()
    }
}

/// When the patient last wrote, and what the clinic's calendar said then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The instant.
    pub now: DateTime<Utc>,
    /// The same on the clinic's wall clock.
    pub local: NaiveDateTime,
    /// The last day that may be booked.
    pub horizon: NaiveDate,
}

/// What a chat remembers whatever its state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The patient's name on record, if any.
    pub patient_name: Option<String>,
    /// WhatsApp's name of the patient, if any.
    pub profile_name: Option<String>,
    /// The name told in this session, which wins over the one on record.
    pub given_name: Option<String>,
    /// When the patient last wrote.
    #[serde(rename = "heard")]
    pub moment: Moment,
    /// Number of the last confirmation asked.
    pub prompts: u32,
    /// Messages in a row that were not understood.
    pub misunderstood: u8,
    /// The bot is silent until then.
    pub silent_until: Option<DateTime<Utc>>,
}

/// A service as the conversation needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceChoice {
    /// Its id.
    pub id: ServiceId,
    /// As patients know it.
    pub name: String,
    /// Its length in minutes.
    pub minutes: i32,
    /// Price in centavos; none means "sob consulta".
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

/// What is about to be booked: the service, the patient's words and the length both give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingPlan {
    /// The service chosen.
    pub service: ServiceId,
    /// Its name.
    pub service_name: String,
    /// The areas, verbatim; none if skipped.
    pub areas: Option<String>,
    /// Length of the appointment in minutes: the chosen service and the matched ones added up.
    pub minutes: i32,
}

/// An appointment that exists, as the conversation needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentSummary {
    /// Its id.
    pub id: AppointmentId,
    /// When it starts.
    pub slot: Slot,
    /// Its length in minutes, kept when it moves.
    pub minutes: i32,
    /// What was booked.
    pub service_name: String,
    /// The patient's words.
    pub areas: Option<String>,
    /// The version the patient saw.
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
    /// The appointment.
    pub appointment: AppointmentSummary,
    /// The name on record, if any.
    pub patient_name: Option<String>,
}

/// A question of the clinic's FAQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaqChoice {
    /// Its key: the option is `faq_<KEY>`.
    pub key: String,
    /// The question.
    pub label: String,
}

impl From<FaqEntry> for FaqChoice {
    fn from(entry: FaqEntry) -> Self {
        Self { key: entry.question_key, label: entry.question_label }
    }
}

/// What a search for days or times is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// A new appointment.
    Book {
        /// What is booked.
        plan: BookingPlan,
    },
    /// Another time for this one.
    Move {
        /// The appointment: its own time counts as free, its length stays.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
    },
}

/// Why the patient looks for an appointment of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// To move it.
    Reschedule,
    /// To cancel it.
    Cancel,
}

/// Days that were found, and how far the search went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayList {
    /// Days with a free time, in order; all that were found so far.
    pub days: Vec<NaiveDate>,
    /// The search covered days up to and including this one.
    pub searched_until: Option<NaiveDate>,
    /// Index of the first day shown.
    pub from: usize,
}

/// Where a chat stands between two messages. Stored names are contract 6's; what waits for an
/// effect is never a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Nothing was said yet in this session. Passed through, never stored.
    Welcome,
    /// Schedule, reschedule, questions.
    MainMenu,
    /// Prices, or on to the days.
    ScheduleMenu,
    /// The prices were shown.
    PriceTable {
        /// One line a service, rendered.
        table: String,
    },
    /// Which of several services.
    SelectService {
        /// All of them.
        services: Vec<ServiceChoice>,
        /// Index of the first one shown.
        from: usize,
    },
    /// Which areas.
    InputAreas {
        /// The chosen service.
        service: ServiceChoice,
        /// All services, against which the areas are read.
        services: Vec<ServiceChoice>,
    },
    /// Which day.
    SelectDate {
        /// What is booked.
        plan: BookingPlan,
        /// The days offered.
        days: DayList,
    },
    /// Which time.
    SelectTime {
        /// What is booked.
        plan: BookingPlan,
        /// The times offered: of one day, or after a lost slot of several.
        slots: Vec<Slot>,
        /// Index of the first one shown.
        from: usize,
    },
    /// The patient's name.
    AskName {
        /// What is booked.
        plan: BookingPlan,
        /// When.
        slot: Slot,
        /// The one word given at first, where the whole name was asked for once more.
        given: Option<String>,
    },
    /// Yes or no.
    ConfirmBooking {
        /// What is booked.
        plan: BookingPlan,
        /// When.
        slot: Slot,
        /// The prompt's number: the option is `book_<n>`.
        prompt: u32,
    },
    /// It is booked.
    Booked,
    /// Which of several appointments.
    SelectAppointment {
        /// All of them.
        #[serde(rename = "visits")]
        appointments: Vec<AppointmentSummary>,
        /// To do what.
        #[serde(rename = "wish")]
        intent: Intent,
        /// Index of the first one shown.
        from: usize,
    },
    /// An appointment and the days it could move to.
    ShowCurrentAppointment {
        /// The appointment.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// The days offered.
        days: DayList,
    },
    /// More days the appointment could move to.
    SelectNewDate {
        /// The appointment.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// The days offered.
        days: DayList,
    },
    /// Which new time.
    SelectNewTime {
        /// The appointment.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// The times offered.
        slots: Vec<Slot>,
        /// Index of the first one shown.
        from: usize,
    },
    /// Yes or no to the move.
    ConfirmReschedule {
        /// The appointment.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// Its new time.
        slot: Slot,
        /// The option is `move_<n>`.
        prompt: u32,
    },
    /// It has moved.
    Rescheduled,
    /// Yes or no to the cancellation.
    ConfirmCancel {
        /// The appointment.
        #[serde(rename = "visit")]
        appointment: AppointmentSummary,
        /// The option is `cancel_<n>`.
        prompt: u32,
    },
    /// It is cancelled.
    Cancelled,
    /// Which question.
    FaqMenu {
        /// All of them.
        items: Vec<FaqChoice>,
        /// Index of the first one shown.
        from: usize,
    },
    /// A question was answered.
    FaqAnswer,
    /// A person takes over; the bot is silent.
    HumanHandoff,
    /// Three times not understood: the menu or a person?
    Unrecognized {
        /// Where the chat stood.
        asked: Box<State>,
    },
}

impl State {
    /// Its name as contract 6 stores it.
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

    /// Something was just finished; whatever comes next is read as in the menu.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Booked | Self::Rescheduled | Self::Cancelled)
    }

    /// Whole sentences are read for what the patient wants.
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

    /// A yes or no is awaited: nothing but a plain yes counts as one.
    pub fn awaits_yes(&self) -> bool {
        matches!(
            self,
            Self::ConfirmBooking { .. } | Self::ConfirmReschedule { .. } | Self::ConfirmCancel { .. }
        )
    }

    /// What days and times are looked for here, if they are.
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

    /// The days offered here.
    pub fn days(&self) -> Option<&DayList> {
        match self {
            Self::SelectDate { days, .. }
            | Self::ShowCurrentAppointment { days, .. }
            | Self::SelectNewDate { days, .. } => Some(days),
            _ => None,
        }
    }

    /// The times offered here.
    pub fn slots(&self) -> Option<&[Slot]> {
        match self {
            Self::SelectTime { slots, .. } | Self::SelectNewTime { slots, .. } => Some(slots),
            _ => None,
        }
    }

    /// The slot chosen so far.
    pub fn chosen(&self) -> Option<Slot> {
        match self {
            Self::AskName { slot, .. }
            | Self::ConfirmBooking { slot, .. }
            | Self::ConfirmReschedule { slot, .. } => Some(*slot),
            _ => None,
        }
    }

    /// Index of the first thing shown, where there are pages.
    pub fn page_mut(&mut self) -> Option<&mut usize> {
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
