//! The answer to a reminder: what counts as one, and what is done with the visit it is about.

use super::event::{Effect, Event, Heard, Step};
use super::press::{Press, written};
use super::question::visited;
use super::state::{Chat, Reminded, State, Wish};
use super::turn::Turn;
use super::words;

/// What a patient may answer to a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// "OK": they will come.
    Coming,
    /// "Não posso" or "remarcar": the visit and the days it could move to.
    NotThen,
    /// "Cancelar".
    NotAtAll,
}

/// What an input says to a reminder, if one waits. An open yes or no comes before it, and so does an
/// option that is named by its label.
pub(super) fn reply(chat: &Chat, heard: &Heard) -> Option<Reply> {
    let text = written(&heard.content)?;
    let state = match &chat.state {
        State::Unrecognized { asked } => asked,
        state => state,
    };
    let offered = state.question(&chat.memory).choices();
    if state.awaits_yes() || !words::named(text, &offered, true).is_empty() {
        return None;
    }
    if words::agrees(text) {
        return Some(Reply::Coming);
    }
    if words::cannot_come(text) {
        return Some(Reply::NotThen);
    }
    // A plain no says something where nothing else was asked yet.
    if words::is_no(text) {
        return (*state == State::Welcome).then_some(Reply::NotThen);
    }
    if words::is_leave(text) {
        let nothing_to_leave = state.is_finished() || matches!(state, State::Welcome | State::MainMenu);
        return nothing_to_leave.then_some(Reply::NotAtAll);
    }
    // Where days, areas or a name are asked for, a sentence is about what is being booked.
    if !state.hears_wishes() {
        return None;
    }
    // A question may be one of the FAQ.
    match words::wish(text).filter(|_| !text.contains('?')) {
        Some(Press::Reschedule) => Some(Reply::NotThen),
        Some(Press::CancelVisit) => Some(Reply::NotAtAll),
        _ => None,
    }
}

impl Turn {
    /// Does what the answer says to the visit whose reminder waits. It needs neither greeting nor
    /// menu, and takes nobody out of what they were doing. In silence a yes is recorded, no more.
    pub(super) fn answers_reminder(mut self, heard: &Heard, reminded: Reminded) -> Step {
        let silent = self.is_silent();
        let Some(reply) = reply(&self.chat, heard) else { return self.end() };
        if self.chat.state == State::Welcome {
            self.chat.state = State::MainMenu;
        }
        let memory = &mut self.chat.memory;
        memory.patient_name = memory.patient_name.take().or(reminded.patient_name);
        memory.misunderstood = 0;
        let visit = reminded.visit;
        match reply {
            Reply::Coming => self.wait(Effect::ConfirmVisit { visit }),
            _ if silent => self.end(),
            Reply::NotThen => self.attend(visit, Wish::Reschedule),
            Reply::NotAtAll => self.attend(visit, Wish::Cancel),
        }
    }

    /// The yes is recorded, or the visit is no longer what the reminder said.
    pub(super) fn told_of_answer(self, answered: Event) -> Step {
        match answered {
            _ if self.is_silent() => self.end(),
            Event::VisitConfirmed { visit: Some(visit) } => {
                self.say("REMINDER_CONFIRMED", visited(&visit)).end()
            }
            _ => self.say("VISIT_GONE", []).menu().ask(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, NaiveDateTime};

    use super::*;
    use crate::conversation::state::{DayList, Plan};
    use crate::domain::ids::ServiceId;
    use crate::domain::message::Content;
    use crate::domain::time::Slot;

    fn plan() -> Plan {
        let service = ServiceId(uuid::Uuid::nil());
        Plan { service, service_name: "Depilação a laser".to_owned(), areas: None, minutes: 45 }
    }

    fn said_in(state: State, content: Content) -> Option<Reply> {
        let heard = Heard {
            content,
            profile_name: None,
            now: DateTime::UNIX_EPOCH,
            local: NaiveDateTime::default(),
            horizon: NaiveDate::default(),
        };
        reply(&Chat { state, ..Chat::new() }, &heard)
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.to_owned() }
    }

    #[test]
    fn in_a_new_session_everything_that_answers_counts() {
        let check = |words: &str, expected: Option<Reply>| {
            for state in [State::Welcome, State::MainMenu, State::Booked] {
                assert_eq!(said_in(state.clone(), text(words)), expected, "{words:?} in {}", state.name());
            }
        };
        for yes in
            ["OK", "ok!", "sim", "👍", "confirmado", "Ok, obrigada!", "bom dia, confirmo", "estarei lá"]
        {
            check(yes, Some(Reply::Coming));
        }
        for no in ["não posso", "Não vou poder ir amanhã", "remarcar", "quero remarcar", "não consigo"] {
            check(no, Some(Reply::NotThen));
        }
        for no in ["cancelar", "quero cancelar minha sessão", "preciso desmarcar"] {
            check(no, Some(Reply::NotAtAll));
        }
        assert_eq!(said_in(State::Welcome, text("não")), Some(Reply::NotThen));
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
        let check = |state: &State, words: &str, expected: Option<Reply>| {
            assert_eq!(said_in(state.clone(), text(words)), expected, "{words:?} in {}", state.name());
        };
        for state in [&confirm, &lost] {
            for words in ["ok", "sim", "não", "não posso", "cancelar", "remarcar"] {
                check(state, words, None);
            }
        }
        check(&dates, "ok", Some(Reply::Coming));
        check(&dates, "não posso", Some(Reply::NotThen));
        for words in ["não", "cancelar", "remarcar", "não posso sexta"] {
            check(&dates, words, None);
        }
        check(&State::ScheduleMenu, "cancelar", None);
        check(&State::MainMenu, "Remarcar sessão", None);
    }

    #[test]
    fn a_button_is_no_answer_unless_it_is_none_of_ours() {
        let press = |id: &str, label: &str| Content::Pressed { id: id.to_owned(), label: label.to_owned() };
        assert_eq!(said_in(State::MainMenu, press("reschedule", "Remarcar")), None);
        assert_eq!(said_in(State::MainMenu, press("a-template-of-staff", "OK")), Some(Reply::Coming));
        assert_eq!(said_in(State::MainMenu, Content::Unreadable { what: "audio".to_owned() }), None);
    }
}
