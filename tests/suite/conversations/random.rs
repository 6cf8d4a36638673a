//! Any input in any state that can be reached is answered, and books nothing by accident.

use proptest::prelude::*;
use scheduler_core::conversation::copy::{
    BUTTON_LABEL, MOST_BUTTONS, MOST_ROWS, NoWordings, ROW_LABEL, render_turn,
};
use scheduler_core::conversation::state::State;
use scheduler_core::conversation::words;
use scheduler_core::domain::message::Content;
use scheduler_core::domain::time::Slot;

use super::world::{World, at};

/// Something a patient does.
#[derive(Debug, Clone)]
enum Doing {
    /// Presses one of the options shown, this one of them.
    Presses(usize),
    /// Writes the number of one.
    Numbers(usize),
    /// Presses any button there ever was.
    PressesOld(usize),
    Writes(String),
    Sends,
    /// Lets so many minutes go by.
    Waits(i64),
}

const OLD: [&str; 24] = [
    "schedule",
    "reschedule",
    "faq",
    "menu",
    "human",
    "price_table",
    "available_days",
    "back",
    "skip_areas",
    "use_profile_name",
    "more",
    "cancel_visit",
    "keep",
    "day_2026-02-16",
    "day_2020-01-01",
    "time_2026-02-17_09:00",
    "time_2026-02-17_03:33",
    "newday_2026-02-18",
    "newtime_2026-02-18_09:55",
    "faq_HURTS",
    "book_999",
    "move_999",
    "cancel_999",
    "nonsense",
];

const WORDS: [&str; 43] = [
    "voltar",
    "0",
    "menu",
    "cancelar",
    "oi",
    "obrigada",
    "sexta",
    "amanhã",
    "16/02",
    "dia 20",
    "16h",
    "16h20",
    "9",
    "10",
    "31/12",
    "quero agendar",
    "remarcar",
    "quero cancelar minha sessão",
    "não quero cancelar",
    "não, prefiro terça",
    "não",
    "laser",
    "Maria",
    "Maria Silva",
    "pernas e axilas",
    "👍",
    "mais datas",
    "99",
    "",
    " ",
    "sessão",
    "dói?",
    "{{clinic_name}}",
    "segunda ou terça",
    "depois de amanhã",
    "às 9",
    "9h ou 10h",
    "agora não",
    "VOLTAR A RECEBER",
    "parar",
    "ok",
    "não posso",
    "cancelar por favor",
];

fn doing() -> impl Strategy<Value = Doing> {
    prop_oneof![
        6 => (0..10_usize).prop_map(Doing::Presses),
        2 => (0..14_usize).prop_map(Doing::Numbers),
        2 => (0..OLD.len()).prop_map(Doing::PressesOld),
        3 => prop::sample::select(WORDS.to_vec()).prop_map(|word| Doing::Writes(word.to_owned())),
        1 => "\\PC{0,40}".prop_map(Doing::Writes),
        1 => Just(Doing::Sends),
        1 => prop_oneof![Just(1_i64), Just(31), Just(1441)].prop_map(Doing::Waits),
    ]
}

fn clinic(services: usize) -> World {
    let mut world = World::new();
    for (name, minutes) in [("Axilas", 20), ("Pernas", 40), ("Perna inteira", 60)].into_iter().take(services)
    {
        world.add_service(name, minutes, None);
    }
    for index in 0..services * 5 {
        world.add_question(&format!("Q{index}"), &format!("Pergunta número {index}"), "Sim.");
    }
    world.add_question("HURTS", "A depilação a laser dói?", "Só um pouquinho.");
    world.profile_name = Some("Maria".to_owned());
    if services > 1 {
        world.patient_name = Some("Maria Silva".to_owned());
        let visit = |text: &str| Slot { date: at(text).date(), time: at(text).time() };
        world.add_visit(visit("2026-02-16 10:00"), 45, "Depilação a laser");
        world.add_visit(visit("2026-02-20 10:00"), 45, "Axilas");
        world.remind(visit("2026-02-16 10:00"));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_in_any_state_is_answered(services in 0..4_usize, doings in prop::collection::vec(doing(), 1..40)) {
        let mut world = clinic(services);
        let mut shown: Vec<String> = Vec::new();
        for doing in doings {
            let before = (world.chat.clone(), world.booked.len(), world.cancelled, world.moved);
            let confirmed = world.confirmed.len();
            let content = match &doing {
                Doing::Presses(index) if shown.is_empty() => Content::Text { text: index.to_string() },
                Doing::Presses(index) => {
                    Content::Pressed { id: shown[index % shown.len()].clone(), label: String::new() }
                }
                Doing::Numbers(number) => Content::Text { text: number.to_string() },
                Doing::PressesOld(index) => Content::Pressed { id: OLD[*index].to_owned(), label: String::new() },
                Doing::Writes(text) => Content::Text { text: text.clone() },
                Doing::Sends => Content::Unreadable { what: "audio".to_owned() },
                Doing::Waits(minutes) => {
                    world.now += chrono::TimeDelta::minutes(*minutes);
                    continue;
                }
            };
            let sayings = world.hear(content.clone());
            let messages = render_turn(&sayings, &world.clinic, &NoWordings);
            let silent = world.chat.memory.silent_until.is_some();
            prop_assert!(messages.len() <= 2);
            prop_assert!(!messages.is_empty() || silent, "no answer to {content:?} in {}", before.0.state.name());
            prop_assert_ne!(world.chat.state.name(), "WELCOME");
            prop_assert!(world.chat.previous.len() <= 22);
            for message in &messages {
                prop_assert!(!message.text.trim().is_empty());
                prop_assert!(message.choices.len() <= MOST_ROWS);
                let most = if message.choices.len() <= MOST_BUTTONS { BUTTON_LABEL } else { ROW_LABEL };
                for choice in &message.choices {
                    prop_assert!((1..=most).contains(&choice.label.chars().count()), "{choice:?}");
                }
            }
            if let Some(message) = messages.last() {
                shown = message.choices.iter().map(|choice| choice.id.clone()).collect();
            }
            // Only a yes that answers no other question confirms a visit.
            if world.confirmed.len() > confirmed {
                let agrees = matches!(&content, Content::Text { text } if words::agrees(text));
                prop_assert!(agrees && !before.0.state.awaits_yes(), "{content:?} confirmed");
            }
            // Only the yes of this very prompt does anything to the agenda.
            let done = (before.1, before.2, before.3) != (world.booked.len(), world.cancelled, world.moved);
            if done {
                prop_assert!(before.0.state.awaits_yes());
                // One that was gone back to keeps its number, whatever was asked since.
                let asked = match &before.0.state {
                    State::ConfirmBooking { prompt, .. } => format!("book_{prompt}"),
                    State::ConfirmReschedule { prompt, .. } => format!("move_{prompt}"),
                    State::ConfirmCancel { prompt, .. } => format!("cancel_{prompt}"),
                    _ => String::new(),
                };
                let plain = match &content {
                    Content::Text { text } => words::is_yes(text) || text == "1",
                    Content::Pressed { id, .. } => *id == asked,
                    Content::Unreadable { .. } => false,
                };
                prop_assert!(plain, "{content:?} did it");
            }
        }
    }
}
