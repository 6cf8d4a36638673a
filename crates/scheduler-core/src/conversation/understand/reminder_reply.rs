//! Recognises an answer to a reminder.

use super::option_id::{OptionId, written_text};
use super::phrases;
use crate::conversation::machine::event::PatientMessage;
use crate::conversation::machine::state::{Chat, State};

/// How a patient answers a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReminderReply {
    /// "OK": the patient will come.
    Confirm,
    /// "Não posso" or "remarcar": the patient wants another time.
    Reschedule,
    /// "Cancelar": the patient wants to cancel.
    Cancel,
}

/// Reads a message as an answer to a reminder. An open confirmation and the exact label of an offered option
/// come first, so they give `None`.
pub fn read_reply(chat: &Chat, message: &PatientMessage) -> Option<ReminderReply> {
    let text = written_text(&message.content)?;
    let state = match &chat.state {
        State::Unrecognized { asked } => asked,
        state => state,
    };
    let offered = state.question(&chat.memory).choices();
    if state.awaits_confirmation() || !phrases::matching_choices(text, &offered, true).is_empty() {
        return None;
    }
    if phrases::agrees_to_reminder(text) {
        return Some(ReminderReply::Confirm);
    }
    if phrases::cannot_come(text) {
        return Some(ReminderReply::Reschedule);
    }
    // A plain no answers the reminder only if the bot has asked nothing else yet.
    if phrases::is_no(text) {
        return (*state == State::Welcome).then_some(ReminderReply::Reschedule);
    }
    if phrases::is_bare_cancel(text) {
        let nothing_begun = state.is_finished() || matches!(state, State::Welcome | State::MainMenu);
        return nothing_begun.then_some(ReminderReply::Cancel);
    }
    // In states that ask for days, areas or a name, a sentence is about that booking or move.
    if !state.reads_intents() {
        return None;
    }
    // A question may be one of the FAQ, so it is not read as an intent.
    match phrases::intent(text).filter(|_| !text.contains('?')) {
        Some(OptionId::Reschedule) => Some(ReminderReply::Reschedule),
        Some(OptionId::CancelAppointment) => Some(ReminderReply::Cancel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, NaiveDateTime};

    use super::*;
    use crate::conversation::machine::state::{BookingPlan, DayList};
    use crate::domain::ids::ServiceId;
    use crate::domain::message::Content;
    use crate::domain::time::Slot;

    fn plan() -> BookingPlan {
        let service = ServiceId(uuid::Uuid::nil());
        BookingPlan { service, service_name: "Depilação a laser".to_owned(), areas: None, minutes: 45 }
    }

    fn read_in(state: State, content: Content) -> Option<ReminderReply> {
        let message = PatientMessage {
            content,
            profile_name: None,
            now: DateTime::UNIX_EPOCH,
            local: NaiveDateTime::default(),
            horizon: NaiveDate::default(),
        };
        read_reply(&Chat { state, ..Chat::new() }, &message)
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.to_owned() }
    }

    #[test]
    fn every_reply_counts_in_a_new_session_a_menu_or_a_finished_state() {
        let check = |words: &str, expected: Option<ReminderReply>| {
            for state in [State::Welcome, State::MainMenu, State::Booked] {
                assert_eq!(read_in(state.clone(), text(words)), expected, "{words:?} in {}", state.name());
            }
        };
        for yes in
            ["OK", "ok!", "sim", "👍", "confirmado", "Ok, obrigada!", "bom dia, confirmo", "estarei lá"]
        {
            check(yes, Some(ReminderReply::Confirm));
        }
        for no in ["não posso", "Não vou poder ir amanhã", "remarcar", "quero remarcar", "não consigo"] {
            check(no, Some(ReminderReply::Reschedule));
        }
        for no in ["cancelar", "quero cancelar minha sessão", "preciso desmarcar"] {
            check(no, Some(ReminderReply::Cancel));
        }
        assert_eq!(read_in(State::Welcome, text("não")), Some(ReminderReply::Reschedule));
        assert_eq!(read_in(State::FaqAnswer, text("não")), None, "FAQ_ANSWER already asks something");
        for nothing in ["oi", "obrigada", "ok?? e o preço", "não quero cancelar", "quero agendar", "dói?", ""]
        {
            check(nothing, None);
        }
    }

    #[test]
    fn an_open_question_comes_before_the_reminder() {
        let slot = Slot { date: NaiveDate::default(), time: chrono::NaiveTime::default() };
        let confirm = State::ConfirmBooking { plan: plan(), slot, prompt: 1 };
        let unrecognized = State::Unrecognized { asked: Box::new(confirm.clone()) };
        let dates = State::SelectDate { plan: plan(), days: DayList::default() };
        let check = |state: &State, words: &str, expected: Option<ReminderReply>| {
            assert_eq!(read_in(state.clone(), text(words)), expected, "{words:?} in {}", state.name());
        };
        for state in [&confirm, &unrecognized] {
            for words in ["ok", "sim", "não", "não posso", "cancelar", "remarcar"] {
                check(state, words, None);
            }
        }
        check(&dates, "ok", Some(ReminderReply::Confirm));
        check(&dates, "não posso", Some(ReminderReply::Reschedule));
        for words in ["não", "cancelar", "remarcar", "não posso sexta"] {
            check(&dates, words, None);
        }
        check(&State::ScheduleMenu, "cancelar", None);
        check(&State::MainMenu, "Remarcar sessão", None);
    }

    #[test]
    fn a_button_answers_a_reminder_only_if_its_id_is_unknown() {
        let option = |id: &str, label: &str| Content::Pressed { id: id.to_owned(), label: label.to_owned() };
        assert_eq!(read_in(State::MainMenu, option("reschedule", "Remarcar")), None);
        assert_eq!(
            read_in(State::MainMenu, option("a-template-of-staff", "OK")),
            Some(ReminderReply::Confirm)
        );
        assert_eq!(read_in(State::MainMenu, Content::Unreadable { what: "audio".to_owned() }), None);
    }
}
