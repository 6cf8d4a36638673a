//! The answer to a reminder: what counts as one, and what is done with the appointment it is about.

use super::option_id::{OptionId, written};
use super::phrases;
use crate::conversation::machine::event::PatientMessage;
use crate::conversation::machine::state::{Chat, State};

/// What a patient may answer to a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReminderReply {
    /// "OK": they will come.
    Coming,
    /// "Não posso" or "remarcar": the appointment and the days it could move to.
    NotThen,
    /// "Cancelar".
    NotAtAll,
}

/// What an input says to a reminder, if one waits. An open yes or no comes before it, and so does an
/// option that is named by its label.
pub fn reply(chat: &Chat, message: &PatientMessage) -> Option<ReminderReply> {
    let text = written(&message.content)?;
    let state = match &chat.state {
        State::Unrecognized { asked } => asked,
        state => state,
    };
    let offered = state.question(&chat.memory).choices();
    if state.awaits_yes() || !phrases::named(text, &offered, true).is_empty() {
        return None;
    }
    if phrases::agrees(text) {
        return Some(ReminderReply::Coming);
    }
    if phrases::cannot_come(text) {
        return Some(ReminderReply::NotThen);
    }
    // A plain no says something where nothing else was asked yet.
    if phrases::is_no(text) {
        return (*state == State::Welcome).then_some(ReminderReply::NotThen);
    }
    if phrases::is_leave(text) {
        let nothing_to_leave = state.is_finished() || matches!(state, State::Welcome | State::MainMenu);
        return nothing_to_leave.then_some(ReminderReply::NotAtAll);
    }
    // Where days, areas or a name are asked for, a sentence is about what is being booked.
    if !state.reads_intents() {
        return None;
    }
    // A question may be one of the FAQ.
    match phrases::intent(text).filter(|_| !text.contains('?')) {
        Some(OptionId::Reschedule) => Some(ReminderReply::NotThen),
        Some(OptionId::CancelAppointment) => Some(ReminderReply::NotAtAll),
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

    fn said_in(state: State, content: Content) -> Option<ReminderReply> {
        let message = PatientMessage {
            content,
            profile_name: None,
            now: DateTime::UNIX_EPOCH,
            local: NaiveDateTime::default(),
            horizon: NaiveDate::default(),
        };
        reply(&Chat { state, ..Chat::new() }, &message)
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.to_owned() }
    }

    #[test]
    fn in_a_new_session_everything_that_answers_counts() {
        let check = |words: &str, expected: Option<ReminderReply>| {
            for state in [State::Welcome, State::MainMenu, State::Booked] {
                assert_eq!(said_in(state.clone(), text(words)), expected, "{words:?} in {}", state.name());
            }
        };
        for yes in
            ["OK", "ok!", "sim", "👍", "confirmado", "Ok, obrigada!", "bom dia, confirmo", "estarei lá"]
        {
            check(yes, Some(ReminderReply::Coming));
        }
        for no in ["não posso", "Não vou poder ir amanhã", "remarcar", "quero remarcar", "não consigo"] {
            check(no, Some(ReminderReply::NotThen));
        }
        for no in ["cancelar", "quero cancelar minha sessão", "preciso desmarcar"] {
            check(no, Some(ReminderReply::NotAtAll));
        }
        assert_eq!(said_in(State::Welcome, text("não")), Some(ReminderReply::NotThen));
        assert_eq!(said_in(State::FaqAnswer, text("não")), None, "no other question");
        for nothing in ["oi", "obrigada", "ok?? e o preço", "não quero cancelar", "quero agendar", "dói?", ""]
        {
            check(nothing, None);
        }
    }

    #[test]
    fn what_is_asked_comes_before_it_where_it_is_a_yes_or_no_or_free_words() {
        let slot = Slot { date: NaiveDate::default(), time: chrono::NaiveTime::default() };
        let confirm = State::ConfirmBooking { plan: plan(), slot, prompt: 1 };
        let lost = State::Unrecognized { asked: Box::new(confirm.clone()) };
        let dates = State::SelectDate { plan: plan(), days: DayList::default() };
        let check = |state: &State, words: &str, expected: Option<ReminderReply>| {
            assert_eq!(said_in(state.clone(), text(words)), expected, "{words:?} in {}", state.name());
        };
        for state in [&confirm, &lost] {
            for words in ["ok", "sim", "não", "não posso", "cancelar", "remarcar"] {
                check(state, words, None);
            }
        }
        check(&dates, "ok", Some(ReminderReply::Coming));
        check(&dates, "não posso", Some(ReminderReply::NotThen));
        for words in ["não", "cancelar", "remarcar", "não posso sexta"] {
            check(&dates, words, None);
        }
        check(&State::ScheduleMenu, "cancelar", None);
        check(&State::MainMenu, "Remarcar sessão", None);
    }

    #[test]
    fn a_button_is_no_answer_unless_it_is_none_of_ours() {
        let option = |id: &str, label: &str| Content::Pressed { id: id.to_owned(), label: label.to_owned() };
        assert_eq!(said_in(State::MainMenu, option("reschedule", "Remarcar")), None);
        assert_eq!(
            said_in(State::MainMenu, option("a-template-of-staff", "OK")),
            Some(ReminderReply::Coming)
        );
        assert_eq!(said_in(State::MainMenu, Content::Unreadable { what: "audio".to_owned() }), None);
    }
}
