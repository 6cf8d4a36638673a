//! Opting out and answers to a reminder work in every stored state: checked after every step of every
//! transcript.

use std::collections::BTreeSet;

use scheduler_core::conversation::machine::state::State;
use scheduler_core::conversation::say::render::{DefaultWording, render_all};
use scheduler_core::domain::message::Content;
use scheduler_core::domain::time::Slot;

use super::fake_clinic::FakeClinic;
use super::{STORED, replay_with, transcripts};

/// Calls `check` after every step of every transcript; together they reach every stored state.
fn in_every_state(mut check: impl FnMut(&FakeClinic)) {
    let (mut steps, mut states) = (0, BTreeSet::new());
    for path in transcripts() {
        replay_with(&std::fs::read_to_string(path).unwrap(), |clinic| {
            steps += 1;
            states.insert(clinic.chat.state.name());
            check(clinic);
        });
    }
    assert_eq!(states, BTreeSet::from(STORED));
    println!("{steps} steps in {} states", states.len());
}

/// Writes `text` in a copy of the clinic. Returns the copy and the replies.
fn says(before: &FakeClinic, text: &str) -> (FakeClinic, Vec<String>) {
    let mut clinic = before.clone();
    let utterances = clinic.hear(Content::Text { text: text.to_owned() });
    let messages = render_all(&utterances, &clinic.clinic, &DefaultWording);
    (clinic, messages.into_iter().map(|message| message.text).collect())
}

#[test]
fn opting_out_and_back_in_works_in_every_state_and_does_not_change_it() {
    in_every_state(|clinic| {
        let before = &clinic.chat;
        for word in ["SAIR", "parar.", " Stop "] {
            let (out, said) = says(clinic, word);
            assert!(out.opted_out, "{word} in {}", before.state.name());
            assert_eq!(said.len(), 1);
            assert!(said[0].contains("VOLTAR A RECEBER"), "{said:?}");
            assert_eq!((&out.chat.state, &out.chat.previous), (&before.state, &before.previous));
            let (back, said) = says(&out, "Voltar a receber");
            assert!(!back.opted_out, "back in {}", before.state.name());
            assert_eq!(said.len(), 1);
            assert_eq!((&back.chat.state, &back.chat.previous), (&before.state, &before.previous));
        }
    });
}

/// A copy of the clinic with one appointment, tomorrow, whose reminder was sent.
fn with_reminder(before: &FakeClinic) -> FakeClinic {
    let mut clinic = before.clone();
    let tomorrow = clinic.now.date_naive().succ_opt().unwrap();
    let slot = Slot { date: tomorrow, time: chrono::NaiveTime::from_hms_opt(3, 30, 0).unwrap() };
    clinic.other_owner = None;
    clinic.appointments.clear();
    clinic.reminded.clear();
    clinic.confirmed.clear();
    clinic.add_appointment(slot, 15, "Axilas");
    clinic.remind(slot);
    clinic
}

#[test]
fn ok_confirms_a_reminded_appointment_in_every_state_that_awaits_no_other_yes() {
    in_every_state(|current| {
        let (before, clinic) = (&current.chat.state, with_reminder(current));
        let asked = match before {
            State::Unrecognized { asked } => asked,
            state => state,
        };
        let silent = current.chat.memory.silent_until.is_some_and(|until| clinic.now < until);
        let (after, said) = says(&clinic, "OK");
        let name = before.name();
        if asked.awaits_confirmation() {
            assert!(after.confirmed.is_empty(), "{name} asks for a yes that comes first");
            return;
        }
        assert_eq!(after.confirmed.len(), 1, "OK in {name}");
        assert_eq!((after.booked.len(), after.moved), (clinic.booked.len(), clinic.moved));
        if silent {
            assert!(said.is_empty(), "{said:?} during the silence");
            return;
        }
        assert_eq!(said.len(), 1, "neither greeting nor menu in {name}: {said:?}");
        assert!(said[0].starts_with("Presença confirmada"), "{said:?}");
        if !matches!(before, State::HumanHandoff) {
            assert_eq!(&after.chat.state, before, "the chat stays in its state");
        }
        let (again, said_again) = says(&after, "ok!");
        assert_eq!((again.confirmed.len(), said_again), (1, said), "again in {name}");
    });
}

#[test]
fn a_patient_who_cannot_come_is_shown_that_appointment_in_every_state_that_awaits_no_other_yes() {
    in_every_state(|current| {
        let clinic = with_reminder(current);
        let asked = match &current.chat.state {
            State::Unrecognized { asked } => asked,
            state => state,
        };
        let silent = current.chat.memory.silent_until.is_some_and(|until| clinic.now < until);
        let (after, said) = says(&clinic, "não posso");
        let name = current.chat.state.name();
        if silent || asked.awaits_confirmation() {
            assert_eq!(said.is_empty(), silent, "{said:?} in {name}");
            return;
        }
        assert!(!said.is_empty(), "{name}");
        let State::ShowCurrentAppointment { appointment, .. } = &after.chat.state else {
            // Without a free day the bot says so instead.
            assert!(said[0].contains("não temos horários livres"), "{said:?} in {name}");
            return;
        };
        assert_eq!(appointment.id, after.reminded[0]);
        assert!(!said[0].contains("Bem-vinda"), "{said:?}");
    });
}
