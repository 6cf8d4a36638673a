//! What can happen to a chat, and what the chat can ask for.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::conversation::machine::state::{
    AppointmentSummary, BookingPlan, Chat, FaqChoice, Intent, Purpose, RemindedAppointment, ServiceChoice,
};
use crate::domain::ids::AppointmentId;
use crate::domain::message::{Choice, Content};
use crate::domain::time::Slot;

/// Something happened. Results carry what they were asked for, so a chat that waits needs no
/// state of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The patient wrote.
    MessageReceived(PatientMessage),
    /// Staff typed on the clinic's own phone: the bot is silent for this chat, unless the text is
    /// `#bot`, which ends the silence.
    StaffWrote {
        /// What they wrote, if it was text.
        text: Option<String>,
        /// When.
        now: DateTime<Utc>,
    },
    /// Answer to [`Effect::IdentifyPatient`].
    PatientIdentified {
        /// What the patient wrote.
        message: PatientMessage,
        /// The name on record, if the person is known.
        patient_name: Option<String>,
        /// Whether this clinic has seen the person before.
        known: bool,
        /// The FAQ, to see whether the first words are one of its questions.
        faq: Vec<FaqChoice>,
    },
    /// Answer to [`Effect::FindServices`].
    ServicesFound {
        /// Active services, by name.
        services: Vec<ServiceChoice>,
        /// What they were wanted for.
        wanted: ServicesFor,
    },
    /// Answer to [`Effect::FindDays`].
    DaysFound {
        /// What for.
        purpose: Purpose,
        /// First day searched.
        from: NaiveDate,
        /// Last day searched.
        until: NaiveDate,
        /// Days with a free time, in order.
        days: Vec<NaiveDate>,
        /// The last day that may be booked at all.
        horizon: NaiveDate,
        /// No window of the clinic is ever long enough.
        too_long: bool,
    },
    /// Answer to [`Effect::FindTimes`].
    TimesFound {
        /// What for.
        purpose: Purpose,
        /// The day.
        date: NaiveDate,
        /// Its free times, in order; may be none.
        slots: Vec<Slot>,
        /// The time wanted, where an old button named one.
        wanted: Option<Slot>,
    },
    /// Answer to [`Effect::Book`]: it stands.
    Booked {
        /// The appointment.
        appointment: AppointmentSummary,
    },
    /// Answer to [`Effect::Book`] or [`Effect::Move`]: somebody was faster, or the day was closed
    /// since.
    SlotTaken {
        /// What for.
        purpose: Purpose,
        /// The slot that was lost.
        lost: Slot,
        /// The three nearest free times of that day, then of the following days.
        nearest: Vec<Slot>,
    },
    /// Answer to [`Effect::FindAppointments`].
    AppointmentsFound {
        /// Future confirmed appointments, by start.
        appointments: Vec<AppointmentSummary>,
        /// What they were wanted for.
        intent: Intent,
        /// A single appointment was wanted by its id (an old button).
        wanted: Option<AppointmentId>,
    },
    /// Answer to [`Effect::Move`].
    Moved {
        /// The appointment at its new time.
        appointment: AppointmentSummary,
    },
    /// Answer to [`Effect::Cancel`].
    AppointmentCancelled {
        /// The appointment that was.
        appointment: AppointmentSummary,
    },
    /// Answer to [`Effect::Move`] or [`Effect::Cancel`]: the appointment is no longer there, or was
    /// changed by reception meanwhile.
    AppointmentGone,
    /// Answer to [`Effect::FindReminder`].
    ReminderFound {
        /// What the patient wrote.
        message: PatientMessage,
        /// The appointment whose reminder waits for an answer, if one does.
        reminded: Option<RemindedAppointment>,
    },
    /// Answer to [`Effect::ConfirmAppointment`].
    AppointmentConfirmed {
        /// The appointment; none if it was moved or cancelled meanwhile.
        appointment: Option<AppointmentSummary>,
    },
    /// Answer to [`Effect::FindFaq`].
    FaqFound {
        /// In display order.
        items: Vec<FaqChoice>,
    },
    /// Answer to [`Effect::FindAnswer`].
    AnswerFound {
        /// The answer, if the question still exists.
        answer: Option<String>,
    },
    /// Answer to [`Effect::SetOptOut`].
    OptOutSet {
        /// Out, or back in.
        out: bool,
        /// The name on record, if any.
        patient_name: Option<String>,
    },
    /// Answer to [`Effect::HandOver`].
    HandedOver {
        /// Whether the clinic is open now.
        open: bool,
        /// The next opening, the clinic's wall clock, if any within the horizon.
        opens_at: Option<NaiveDateTime>,
    },
}

/// The patient wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientMessage {
    /// What.
    pub content: Content,
    /// WhatsApp's name of the patient, cleaned.
    pub profile_name: Option<String>,
    /// When it is worked on.
    pub now: DateTime<Utc>,
    /// The same on the clinic's wall clock.
    pub local: NaiveDateTime,
    /// The last day that may be booked.
    pub horizon: NaiveDate,
}

/// What a list of services is wanted for.
#[derive(Debug, Clone, PartialEq)]
pub enum ServicesFor {
    /// To show the prices.
    Prices,
    /// To choose one, and go on to the areas if there is only one.
    Choosing,
    /// An old button named one.
    Chosen(crate::domain::ids::ServiceId),
}

/// The next chat and what to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The chat after this event.
    pub chat: Chat,
    /// What to do. At most one of them has an answer; it comes last.
    pub effects: Vec<Effect>,
}

/// Something for the world to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Say something. Sayings go out in order, at most two a turn.
    Say(Utterance),
    /// Who is this? → [`Event::PatientIdentified`]
    IdentifyPatient(PatientMessage),
    /// → [`Event::ServicesFound`]
    FindServices(ServicesFor),
    /// → [`Event::DaysFound`]
    FindDays {
        /// What for: gives length and, for a move, the appointment whose own time is free.
        purpose: Purpose,
        /// First day.
        from: NaiveDate,
        /// Last day, included.
        until: NaiveDate,
    },
    /// → [`Event::TimesFound`]
    FindTimes {
        /// What for.
        purpose: Purpose,
        /// The day.
        date: NaiveDate,
        /// The time wanted, where an old button named one.
        wanted: Option<Slot>,
    },
    /// → [`Event::Booked`] or [`Event::SlotTaken`]
    Book {
        /// What.
        plan: BookingPlan,
        /// When.
        slot: Slot,
        /// The name given in the chat, which wins over the one on record.
        name: Option<String>,
    },
    /// → [`Event::AppointmentsFound`]
    FindAppointments {
        /// What for.
        intent: Intent,
        /// A single one, by an old button.
        wanted: Option<AppointmentId>,
    },
    /// → [`Event::Moved`], [`Event::SlotTaken`] or [`Event::AppointmentGone`]
    Move {
        /// Which.
        appointment: AppointmentSummary,
        /// Whereto.
        slot: Slot,
    },
    /// → [`Event::AppointmentCancelled`] or [`Event::AppointmentGone`]
    Cancel {
        /// Which.
        appointment: AppointmentSummary,
    },
    /// What was written may be the answer to a reminder: does one wait? →
    /// [`Event::ReminderFound`]
    FindReminder(PatientMessage),
    /// The patient will come. → [`Event::AppointmentConfirmed`]
    ConfirmAppointment {
        /// Which.
        appointment: AppointmentSummary,
    },
    /// → [`Event::FaqFound`]
    FindFaq,
    /// → [`Event::AnswerFound`]
    FindAnswer {
        /// Key of the question.
        key: String,
    },
    /// Finds out when somebody will answer. → [`Event::HandedOver`]
    HandOver,
    /// No more proactive messages, or again. → [`Event::OptOutSet`]
    SetOptOut {
        /// Out, or back in.
        out: bool,
    },
}

/// A message to be said: a template, its values, and what can be pressed. Rendered with the
/// clinic's own wording outside the transition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Utterance {
    /// Key of the template (`copy/pt_br.toml`).
    pub template: &'static str,
    /// Values for its placeholders. The clinic's own (`clinic_name`, `address`, …) are added by
    /// the renderer.
    pub values: BTreeMap<&'static str, String>,
    /// What can be pressed.
    pub choices: Vec<Choice>,
    /// Number of the first choice: numbers run on over pages.
    pub first_number: usize,
}
