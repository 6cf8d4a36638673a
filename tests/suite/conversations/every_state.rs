//! What comes before any question works wherever a transcript leads, so in every stored state.

use std::collections::BTreeSet;

use scheduler_core::conversation::copy::{NoWordings, render_turn};
use scheduler_core::domain::message::Content;

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
