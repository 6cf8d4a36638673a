//! What comes before any question works wherever a transcript leads, so in every stored state.

use std::collections::BTreeSet;

use scheduler_core::conversation::copy::{NoWordings, render_turn};
use scheduler_core::conversation::state::State;
use scheduler_core::domain::message::Content;
use scheduler_core::domain::time::Slot;

use super::world::World;
use super::{STORED, replay_with, transcripts};

/// Goes to every place of every transcript; all stored states are among them.
fn in_every_state(mut check: impl FnMut(&World)) {
    let (mut places, mut states) = (0, BTreeSet::new());
    for path in transcripts() {
        replay_with(&std::fs::read_to_string(path).unwrap(), |world| {
            places += 1;
            states.insert(world.chat.state.name());
            check(world);
        });
    }
    assert_eq!(states, BTreeSet::from(STORED));
    println!("{places} places in {} states", states.len());
}

/// Writes something here and reads the answer; the transcript goes on without it.
fn says(here: &World, text: &str) -> (World, Vec<String>) {
    let mut world = here.clone();
    let sayings = world.hear(Content::Text { text: text.to_owned() });
    let messages = render_turn(&sayings, &world.clinic, &NoWordings);
    (world, messages.into_iter().map(|message| message.text).collect())
}

#[test]
fn opting_out_and_back_in_works_in_every_state_and_leaves_it() {
    in_every_state(|here| {
        let before = &here.chat;
        for word in ["SAIR", "parar.", " Stop "] {
            let (out, said) = says(here, word);
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

/// Tomorrow's visit, reminded of.
fn reminded(here: &World) -> World {
    let mut world = here.clone();
    let tomorrow = world.now.date_naive().succ_opt().unwrap();
    let slot = Slot { date: tomorrow, time: chrono::NaiveTime::from_hms_opt(3, 30, 0).unwrap() };
    world.visits.clear();
    world.reminded.clear();
    world.confirmed.clear();
    world.add_visit(slot, 15, "Axilas");
    world.remind(slot);
    world
}

#[test]
fn ok_answers_a_reminder_in_every_state_that_asks_no_other_yes() {
    in_every_state(|here| {
        let (before, world) = (&here.chat.state, reminded(here));
        let asked = match before {
            State::Unrecognized { asked } => asked,
            state => state,
        };
        let silent = here.chat.memory.silent_until.is_some_and(|until| world.now < until);
        let (after, said) = says(&world, "OK");
        let name = before.name();
        if asked.awaits_yes() {
            assert!(after.confirmed.is_empty(), "an open question of {name} comes first");
            return;
        }
        assert_eq!(after.confirmed.len(), 1, "OK in {name}");
        assert_eq!((after.booked.len(), after.moved), (world.booked.len(), world.moved));
        if silent {
            assert!(said.is_empty(), "{said:?} in silence");
            return;
        }
        assert_eq!(said.len(), 1, "neither greeting nor menu in {name}: {said:?}");
        assert!(said[0].starts_with("Presença confirmada"), "{said:?}");
        if !matches!(before, State::HumanHandoff) {
            assert_eq!(&after.chat.state, before, "nobody is taken out of what they were doing");
        }
        let (again, said_again) = says(&after, "ok!");
        assert_eq!((again.confirmed.len(), said_again), (1, said), "again in {name}");
    });
}

#[test]
fn somebody_who_cannot_come_is_shown_that_visit_in_every_state_that_asks_no_other_yes() {
    in_every_state(|here| {
        let world = reminded(here);
        let asked = match &here.chat.state {
            State::Unrecognized { asked } => asked,
            state => state,
        };
        let silent = here.chat.memory.silent_until.is_some_and(|until| world.now < until);
        let (after, said) = says(&world, "não posso");
        let name = here.chat.state.name();
        if silent || asked.awaits_yes() {
            assert_eq!(said.is_empty(), silent, "{said:?} in {name}");
            return;
        }
        assert!(!said.is_empty(), "{name}");
        let State::ShowCurrentAppointment { visit, .. } = &after.chat.state else {
            // Without a free day there is nothing to move to, and that is said.
            assert!(said[0].contains("não temos horários livres"), "{said:?} in {name}");
            return;
        };
        assert_eq!(visit.id, after.reminded[0]);
        assert!(!said[0].contains("Bem-vinda"), "{said:?}");
    });
}
