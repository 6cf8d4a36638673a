//! How the chat makes sure who writes, where a number has another WhatsApp id than the patient on record
//! (docs/rules/conversation.md#recycled-numbers).

use super::event::{Effect, PatientMessage, Step};
use super::state::{AppointmentSummary, Intent, State, Wish};
use super::step::StepBuilder;
use crate::conversation::understand::reminder_reply::{ReminderReply, read_reply};

/// After this many names that are not the one on record, a person of the clinic takes over.
const MAX_NAME_MISSES: u8 = 3;

impl StepBuilder {
    /// Asks for the name on record before the wish is granted. A person takes over if no name is on record, or
    /// after too many wrong ones.
    pub(super) fn verify_name(self, wish: Wish, has_name: bool) -> Step {
        if !has_name || !self.may_verify_name() {
            return self.say("NAME_NOT_CONFIRMED", []).hand_over();
        }
        self.enter(State::VerifyName { wish }).ask()
    }

    /// Asks for the name on record before a reminder of that record is answered.
    pub(super) fn verify_name_before_reply(
        self,
        message: &PatientMessage,
        appointment: AppointmentSummary,
        has_name: bool,
    ) -> Step {
        let change =
            |intent, appointment: AppointmentSummary| Wish::Change { intent, wanted: Some(appointment.id) };
        let wish = match read_reply(&self.chat, message) {
            Some(ReminderReply::Confirm) => Wish::Confirm { appointment },
            Some(ReminderReply::Reschedule) => change(Intent::Reschedule, appointment),
            Some(ReminderReply::Cancel) => change(Intent::Cancel, appointment),
            None => return self.end(),
        };
        self.verify_name(wish, has_name)
    }

    /// Grants the wish if the name was the one on record. Otherwise asks again, or hands over to a person.
    pub(super) fn respond_to_name_check(
        mut self,
        wish: Wish,
        confirmed: bool,
        patient_name: Option<String>,
    ) -> Step {
        let memory = &mut self.chat.memory;
        if !confirmed {
            memory.name_misses = memory.name_misses.saturating_add(1);
            return match self.may_verify_name() {
                true => self.say("NAME_WRONG", []).ask(),
                false => self.say("NAME_NOT_CONFIRMED", []).hand_over(),
            };
        }
        memory.name_misses = 0;
        memory.patient_name = patient_name.or(memory.patient_name.take());
        let step = self.back();
        match wish {
            Wish::Change { intent, wanted } => step.wait(Effect::FindAppointments { intent, wanted }),
            Wish::Confirm { appointment } => step.wait(Effect::ConfirmAppointment { appointment }),
        }
    }

    /// Whether a name can still show that the person is the one on record.
    pub(super) fn may_verify_name(&self) -> bool {
        self.chat.memory.name_misses < MAX_NAME_MISSES
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

    use super::*;
    use crate::conversation::machine::event::{Event, Utterance};
    use crate::conversation::machine::state::{Chat, Memory};
    use crate::conversation::machine::transition::transition;
    use crate::domain::ids::AppointmentId;
    use crate::domain::message::Content;
    use crate::domain::time::Slot;

    const CANCEL: Wish = Wish::Change { intent: Intent::Cancel, wanted: None };

    fn appointment() -> AppointmentSummary {
        let slot = Slot { date: NaiveDate::default(), time: NaiveTime::default() };
        AppointmentSummary {
            id: AppointmentId(uuid::Uuid::nil()),
            slot,
            minutes: 45,
            service_name: "Depilação a laser".to_owned(),
            areas: None,
            version: 1,
        }
    }

    fn message(text: &str) -> PatientMessage {
        PatientMessage {
            content: Content::Text { text: text.to_owned() },
            profile_name: None,
            now: DateTime::UNIX_EPOCH,
            local: NaiveDateTime::default(),
            horizon: NaiveDate::default(),
        }
    }

    fn chat(state: State, name_misses: u8) -> Chat {
        Chat { state, memory: Memory { name_misses, ..Memory::default() }, ..Chat::new() }
    }

    /// The templates of what is said, and the last effect if it is not said.
    fn outcome(step: &Step) -> (Vec<&'static str>, Option<&Effect>) {
        let said = step.effects.iter().filter_map(|effect| match effect {
            Effect::Say(Utterance { template, .. }) => Some(*template),
            _ => None,
        });
        (said.collect(), step.effects.last().filter(|effect| !matches!(effect, Effect::Say(_))))
    }

    #[test]
    fn a_wish_waits_for_the_name_and_a_person_takes_over_where_none_can_be_right() {
        let ask = |has_name, misses| {
            let event = Event::NameRequired { wish: CANCEL, has_name };
            transition(chat(State::MainMenu, misses), event)
        };
        for misses in [0, 2] {
            let step = ask(true, misses);
            assert_eq!(outcome(&step), (vec!["VERIFY_NAME"], None));
            assert_eq!(step.chat.state, State::VerifyName { wish: CANCEL });
        }
        for (has_name, misses) in [(false, 0), (true, 3)] {
            let step = ask(has_name, misses);
            assert_eq!(outcome(&step), (vec!["NAME_NOT_CONFIRMED"], Some(&Effect::FindOpening)));
            assert_eq!(step.chat.state, State::HumanHandoff);
        }
    }

    #[test]
    fn a_text_is_checked_as_a_name_and_the_third_wrong_one_goes_to_a_person() {
        let mut chat = chat(State::VerifyName { wish: CANCEL }, 0);
        chat.previous.push(State::MainMenu);
        for (misses, expected) in
            [(1, vec!["NAME_WRONG", "VERIFY_NAME"]), (2, vec!["NAME_WRONG", "VERIFY_NAME"])]
        {
            let step = transition(chat, Event::MessageReceived(message("meu nome é Ana Souza")));
            let name = "Ana Souza".to_owned();
            assert_eq!(outcome(&step), (vec![], Some(&Effect::CheckName { name, wish: CANCEL })));
            let wrong = Event::NameChecked { wish: CANCEL, confirmed: false, patient_name: None };
            let step = transition(step.chat, wrong);
            assert_eq!(outcome(&step), (expected, None));
            assert_eq!(step.chat.memory.name_misses, misses);
            chat = step.chat;
        }
        let wrong = Event::NameChecked { wish: CANCEL, confirmed: false, patient_name: None };
        let step = transition(chat, wrong);
        assert_eq!(outcome(&step), (vec!["NAME_NOT_CONFIRMED"], Some(&Effect::FindOpening)));
        assert_eq!(step.chat.state, State::HumanHandoff);
        assert_eq!(step.chat.new_session().memory.name_misses, 3, "a new session gives no new tries");
        // Staff end the hand-over, and with it the lock.
        let bot = Event::StaffWrote { text: Some("#bot".to_owned()), now: DateTime::UNIX_EPOCH };
        assert_eq!(transition(step.chat, bot).chat.memory.name_misses, 0);
    }

    #[test]
    fn the_right_name_grants_the_wish_and_is_remembered() {
        let confirm = Wish::Confirm { appointment: appointment() };
        let find = Effect::FindAppointments { intent: Intent::Cancel, wanted: None };
        for (wish, effect) in
            [(CANCEL, find), (confirm, Effect::ConfirmAppointment { appointment: appointment() })]
        {
            let mut chat = chat(State::VerifyName { wish: wish.clone() }, 2);
            chat.previous.push(State::MainMenu);
            let name = Some("Maria Silva".to_owned());
            let right = Event::NameChecked { wish, confirmed: true, patient_name: name.clone() };
            let step = transition(chat, right);
            assert_eq!(outcome(&step), (vec![], Some(&effect)));
            assert_eq!((&step.chat.state, step.chat.memory.name_misses), (&State::MainMenu, 0));
            assert_eq!(step.chat.memory.patient_name, name);
        }
    }

    #[test]
    fn a_reply_to_the_reminder_of_another_record_waits_for_the_name_and_during_silence_for_nothing() {
        let reply = |chat: Chat, text: &str| {
            let (message, appointment) = (message(text), appointment());
            transition(chat, Event::AnothersReminderFound { message, appointment, has_name: true })
        };
        let id = appointment().id;
        for (text, wish) in [
            ("OK", Wish::Confirm { appointment: appointment() }),
            ("não posso", Wish::Change { intent: Intent::Reschedule, wanted: Some(id) }),
            ("cancelar", Wish::Change { intent: Intent::Cancel, wanted: Some(id) }),
        ] {
            let step = reply(chat(State::Welcome, 0), text);
            assert_eq!(step.chat.state, State::VerifyName { wish }, "{text}");
            assert_eq!(outcome(&step), (vec!["VERIFY_NAME"], None));
            assert_eq!(step.chat.memory.patient_name, None);
        }
        let mut silent = chat(State::HumanHandoff, 0);
        silent.memory.silent_until = Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1));
        let step = reply(silent, "OK");
        assert_eq!(outcome(&step), (vec![], None));
        assert_eq!(step.chat.state, State::HumanHandoff);
    }
}
