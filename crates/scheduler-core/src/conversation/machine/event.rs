//! Events that a chat receives, and effects that it requests.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::conversation::machine::state::{
    AppointmentSummary, BookingPlan, Chat, FaqChoice, Intent, Purpose, RemindedAppointment, ServiceChoice,
    Wish,
};
use crate::domain::ids::AppointmentId;
use crate::domain::message::{Choice, Content};
use crate::domain::time::Slot;

/// An input of the conversation. The result of an effect repeats what was requested, so waiting for it
/// needs no state.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The patient sent a message.
    MessageReceived(PatientMessage),
    /// Staff wrote from the clinic's phone: the bot becomes silent in this chat. The text `#bot` ends the
    /// silence.
    StaffWrote {
        /// The text; `None` for other content.
        text: Option<String>,
        /// When the message is processed.
        now: DateTime<Utc>,
    },
    /// Result of [`Effect::IdentifyPatient`].
    PatientIdentified {
        /// The message from the effect.
        message: PatientMessage,
        /// The name on record, if the person is known.
        patient_name: Option<String>,
        /// Whether the clinic has a record of the person.
        known: bool,
        /// FAQ entries, to check whether the message asks one of their questions.
        faq: Vec<FaqChoice>,
    },
    /// Result of [`Effect::FindServices`], or of [`Effect::Book`] if the service is no longer offered.
    ServicesFound {
        /// Active services, ordered by name.
        services: Vec<ServiceChoice>,
        /// Why the services were requested.
        wanted: ServicesFor,
    },
    /// Result of [`Effect::FindDays`].
    DaysFound {
        /// What the days are for.
        purpose: Purpose,
        /// First day searched.
        from: NaiveDate,
        /// Last day searched.
        until: NaiveDate,
        /// Days with a free time, in order.
        days: Vec<NaiveDate>,
        /// Last day that can be booked.
        horizon: NaiveDate,
        /// True if no opening window of the clinic is long enough for the appointment.
        too_long: bool,
    },
    /// Result of [`Effect::FindTimes`].
    TimesFound {
        /// What the times are for.
        purpose: Purpose,
        /// The day that was searched.
        date: NaiveDate,
        /// Free times of that day, in order. May be empty.
        slots: Vec<Slot>,
        /// The time that the patient already asked for, if any.
        wanted: Option<Slot>,
    },
    /// Result of [`Effect::Book`]: the appointment is booked.
    Booked {
        /// The new appointment.
        appointment: AppointmentSummary,
    },
    /// Result of [`Effect::Book`] or [`Effect::Move`]: the slot was taken or closed in the meantime.
    SlotTaken {
        /// The booking or move that failed.
        purpose: Purpose,
        /// The slot that is no longer free.
        lost: Slot,
        /// Up to three free times near it: first of the same day, then of the following days.
        nearest: Vec<Slot>,
    },
    /// Result of [`Effect::FindAppointments`].
    AppointmentsFound {
        /// Upcoming confirmed appointments, ordered by start.
        appointments: Vec<AppointmentSummary>,
        /// What the patient wants to do with the appointment.
        intent: Intent,
        /// The appointment that the patient asked for by id (`visit_<uuid>`), if any.
        wanted: Option<AppointmentId>,
    },
    /// Result of [`Effect::FindAppointments`] if the appointments are on the record of another WhatsApp id: the
    /// person must give the name on record first.
    NameRequired {
        /// What the person wants.
        wish: Wish,
        /// Whether a name is on record.
        has_name: bool,
    },
    /// Result of [`Effect::CheckName`].
    NameChecked {
        /// What the person wants.
        wish: Wish,
        /// Whether the name is the one on record, so that the record is the person's.
        confirmed: bool,
        /// The name on record, if it was confirmed.
        patient_name: Option<String>,
    },
    /// Result of [`Effect::Move`].
    Moved {
        /// The appointment at its new time.
        appointment: AppointmentSummary,
    },
    /// Result of [`Effect::Cancel`].
    AppointmentCancelled {
        /// The cancelled appointment.
        appointment: AppointmentSummary,
    },
    /// Result of [`Effect::Move`] or [`Effect::Cancel`]: the appointment no longer exists, or it changed
    /// after the patient saw it.
    AppointmentGone,
    /// Result of [`Effect::FindReminder`].
    ReminderFound {
        /// The message from the effect.
        message: PatientMessage,
        /// The appointment whose reminder waits for an answer, if any.
        reminded: Option<RemindedAppointment>,
    },
    /// Result of [`Effect::FindReminder`] if the reminder that waits for an answer is of an appointment on the
    /// record of another WhatsApp id.
    AnothersReminderFound {
        /// The message from the effect.
        message: PatientMessage,
        /// The appointment that the reminder announced.
        appointment: AppointmentSummary,
        /// Whether a name is on record.
        has_name: bool,
    },
    /// Result of [`Effect::ConfirmAppointment`].
    AppointmentConfirmed {
        /// `None` if the appointment was moved or cancelled in the meantime.
        appointment: Option<AppointmentSummary>,
    },
    /// Result of [`Effect::FindFaq`].
    FaqFound {
        /// FAQ entries in display order.
        items: Vec<FaqChoice>,
    },
    /// Result of [`Effect::FindAnswer`].
    AnswerFound {
        /// `None` if the question no longer exists.
        answer: Option<String>,
    },
    /// Result of [`Effect::SetOptOut`].
    OptOutSet {
        /// True for opting out, false for opting back in.
        out: bool,
        /// The name on record, if any.
        patient_name: Option<String>,
    },
    /// Result of [`Effect::FindOpening`].
    OpeningFound {
        /// Whether the clinic is open now.
        open: bool,
        /// When the clinic opens next, as its local time. `None` if that is after the last bookable day.
        opens_at: Option<NaiveDateTime>,
    },
}

/// A message from the patient, with its time and the last day that could be booked then.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientMessage {
    /// Text, a pressed option, or content that the bot cannot read.
    pub content: Content,
    /// The patient's WhatsApp profile name.
    pub profile_name: Option<String>,
    /// When the message is processed.
    pub now: DateTime<Utc>,
    /// `now` as the clinic's local time.
    pub local: NaiveDateTime,
    /// Last day that can be booked.
    pub horizon: NaiveDate,
}

/// Why the list of services is requested.
#[derive(Debug, Clone, PartialEq)]
pub enum ServicesFor {
    /// To show the prices.
    Prices,
    /// To choose a service. A single service is chosen automatically.
    Choosing,
    /// The patient already chose this service, for example with an old button.
    Chosen(crate::domain::ids::ServiceId),
}

/// Result of a transition: the next chat and the effects to perform.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The chat after this event.
    pub chat: Chat,
    /// Effects, in the order to perform them. Only the last one can have a result.
    pub effects: Vec<Effect>,
}

/// Something for the caller to do. The arrow names the event that carries the result.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this to the patient. The utterances of one turn become at most two messages.
    Say(Utterance),
    /// Look up the patient. → [`Event::PatientIdentified`]
    IdentifyPatient(PatientMessage),
    /// List the active services. → [`Event::ServicesFound`]
    FindServices(ServicesFor),
    /// Find the days with a free time. → [`Event::DaysFound`]
    FindDays {
        /// Gives the length and, for a move, the appointment whose current time counts as free.
        purpose: Purpose,
        /// First day to search.
        from: NaiveDate,
        /// Last day to search, inclusive.
        until: NaiveDate,
    },
    /// Find the free times of a day. → [`Event::TimesFound`]
    FindTimes {
        /// Gives the length and, for a move, the appointment whose current time counts as free.
        purpose: Purpose,
        /// The day to search.
        date: NaiveDate,
        /// The time that the patient already asked for, if any.
        wanted: Option<Slot>,
    },
    /// Book an appointment. → [`Event::Booked`], [`Event::SlotTaken`], or [`Event::ServicesFound`] if the
    /// service is no longer offered
    Book {
        /// Service, areas and length.
        plan: BookingPlan,
        /// Start of the appointment.
        slot: Slot,
        /// The name given in the chat. It replaces the name on record.
        name: Option<String>,
        /// Whether the name may show that the record of the phone is the person's
        /// (`docs/rules/conversation.md#recycled-numbers`).
        may_verify: bool,
    },
    /// List the patient's upcoming appointments. → [`Event::AppointmentsFound`] or [`Event::NameRequired`]
    FindAppointments {
        /// What the patient wants to do with the appointment.
        intent: Intent,
        /// The appointment that the patient asks for by id (`visit_<uuid>`), if any.
        wanted: Option<AppointmentId>,
    },
    /// Compare a name with the one on record, and make the record the person's if they are the same. →
    /// [`Event::NameChecked`]
    CheckName {
        /// The name in the person's words.
        name: String,
        /// What the person wants.
        wish: Wish,
    },
    /// Move an appointment. → [`Event::Moved`], [`Event::SlotTaken`] or [`Event::AppointmentGone`]
    Move {
        /// The appointment as the patient saw it.
        appointment: AppointmentSummary,
        /// The new start.
        slot: Slot,
    },
    /// Cancel an appointment. → [`Event::AppointmentCancelled`] or [`Event::AppointmentGone`]
    Cancel {
        /// The appointment as the patient saw it.
        appointment: AppointmentSummary,
    },
    /// Check whether a reminder waits for an answer, because this message may be one. →
    /// [`Event::ReminderFound`] or [`Event::AnothersReminderFound`]
    FindReminder(PatientMessage),
    /// Record that the patient confirmed the appointment. → [`Event::AppointmentConfirmed`]
    ConfirmAppointment {
        /// The appointment as the reminder announced it.
        appointment: AppointmentSummary,
    },
    /// List the FAQ. → [`Event::FaqFound`]
    FindFaq,
    /// Look up the answer to a question. → [`Event::AnswerFound`]
    FindAnswer {
        /// Key of the FAQ entry.
        key: String,
    },
    /// Look up whether the clinic is open, and when it opens next. → [`Event::OpeningFound`]
    FindOpening,
    /// Stop or resume proactive messages. → [`Event::OptOutSet`]
    SetOptOut {
        /// True for opting out, false for opting back in.
        out: bool,
    },
}

/// A message before it is rendered: template, values and options. The transition does not know the
/// clinic's wording; `say::render` applies it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Utterance {
    /// Template key in `copy/pt_br.toml`.
    pub template: &'static str,
    /// Placeholder values. The renderer adds those of the clinic (`clinic_name`, `address`, …).
    pub values: BTreeMap<&'static str, String>,
    /// Options that the patient can press.
    pub choices: Vec<Choice>,
    /// Number of the first choice. Numbering continues across pages.
    pub first_number: usize,
}
