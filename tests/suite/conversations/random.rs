//! Random input in any reachable state gets a reply, and changes the agenda only after a confirmation.

use proptest::prelude::*;
use scheduler_core::conversation::machine::state::State;
use scheduler_core::conversation::say::render::{DefaultWording, render_all};
use scheduler_core::conversation::understand::phrases;
use scheduler_core::domain::message::{Content, MAX_ROWS};
use scheduler_core::domain::time::Slot;

use super::fake_clinic::{FakeClinic, at};

/// What a patient does next.
#[derive(Debug, Clone)]
enum Action {
    /// Presses the option with this index among those shown.
    Presses(usize),
    /// Writes this number.
    Numbers(usize),
    /// Presses an id of [`OLD_IDS`], whether it is shown or not.
    PressesOld(usize),
    Writes(String),
    SendsAudio,
    /// Lets this many minutes pass.
    Waits(i64),
}

const OLD_IDS: [&str; 24] = [
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

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..10_usize).prop_map(Action::Presses),
        2 => (0..14_usize).prop_map(Action::Numbers),
        2 => (0..OLD_IDS.len()).prop_map(Action::PressesOld),
        3 => prop::sample::select(WORDS.to_vec()).prop_map(|word| Action::Writes(word.to_owned())),
        1 => "\\PC{0,40}".prop_map(Action::Writes),
        1 => Just(Action::SendsAudio),
        1 => prop_oneof![Just(1_i64), Just(31), Just(1441)].prop_map(Action::Waits),
    ]
}

fn clinic(services: usize) -> FakeClinic {
    let mut clinic = FakeClinic::new();
    for (name, minutes) in [("Axilas", 20), ("Pernas", 40), ("Perna inteira", 60)].into_iter().take(services)
    {
        clinic.add_service(name, minutes, None);
    }
    for index in 0..services * 5 {
        clinic.add_question(&format!("Q{index}"), &format!("Pergunta número {index}"), "Sim.");
    }
    clinic.add_question("HURTS", "A depilação a laser dói?", "Só um pouquinho.");
    clinic.profile_name = Some("Maria".to_owned());
    if services > 1 {
        clinic.patient_name = Some("Maria Silva".to_owned());
        let slot = |text: &str| Slot { date: at(text).date(), time: at(text).time() };
        clinic.add_appointment(slot("2026-02-16 10:00"), 45, "Depilação a laser");
        clinic.add_appointment(slot("2026-02-20 10:00"), 45, "Axilas");
        clinic.remind(slot("2026-02-16 10:00"));
    }
    if services == 3 {
        clinic.recycle();
    }
    clinic
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_in_any_state_is_answered_and_books_only_after_a_yes(
        services in 0..4_usize,
        actions in prop::collection::vec(action(), 1..40)
    ) {
        let mut clinic = clinic(services);
        let mut shown: Vec<String> = Vec::new();
        for action in actions {
            let before = (clinic.chat.clone(), clinic.booked.len(), clinic.cancelled, clinic.moved);
            let confirmed = clinic.confirmed.len();
            let content = match &action {
                Action::Presses(index) if shown.is_empty() => Content::Text { text: index.to_string() },
                Action::Presses(index) => {
                    Content::Pressed { id: shown[index % shown.len()].clone(), label: String::new() }
                }
                Action::Numbers(number) => Content::Text { text: number.to_string() },
                Action::PressesOld(index) => Content::Pressed { id: OLD_IDS[*index].to_owned(), label: String::new() },
                Action::Writes(text) => Content::Text { text: text.clone() },
                Action::SendsAudio => Content::Unreadable { what: "audio".to_owned() },
                Action::Waits(minutes) => {
                    clinic.now += chrono::TimeDelta::minutes(*minutes);
                    continue;
                }
            };
            let utterances = clinic.hear(content.clone());
            let messages = render_all(&utterances, &clinic.clinic, &DefaultWording);
            let silent = clinic.chat.memory.silent_until.is_some();
            prop_assert!(messages.len() <= 2);
            prop_assert!(!messages.is_empty() || silent, "no answer to {content:?} in {}", before.0.state.name());
            prop_assert_ne!(clinic.chat.state.name(), "WELCOME");
            prop_assert!(clinic.chat.previous.len() <= 23);
            for message in &messages {
                prop_assert!(!message.text.trim().is_empty());
                prop_assert!(message.choices.len() <= MAX_ROWS);
                let most = message.message_type().max_label();
                for choice in &message.choices {
                    prop_assert!((1..=most).contains(&choice.label.chars().count()), "{choice:?}");
                }
            }
            if let Some(message) = messages.last() {
                shown = message.choices.iter().map(|choice| choice.id.clone()).collect();
            }
            // A yes confirms an appointment only if no other question waits for a yes. The name on record
            // confirms what was agreed to before it was asked for.
            if clinic.confirmed.len() > confirmed {
                let asked = match &before.0.state {
                    State::Unrecognized { asked } => asked.as_ref(),
                    state => state,
                };
                let agrees = matches!(&content, Content::Text { text } if phrases::agrees_to_reminder(text));
                let names = matches!(asked, State::VerifyName { .. });
                prop_assert!(names || (agrees && !asked.awaits_confirmation()), "{content:?} confirmed");
            }
            // Only the yes of the current prompt changes the agenda.
            let agenda_changed = (before.1, before.2, before.3) != (clinic.booked.len(), clinic.cancelled, clinic.moved);
            if agenda_changed {
                prop_assert!(before.0.state.awaits_confirmation());
                // A prompt that the patient returned to keeps its number.
                let expected_id = match &before.0.state {
                    State::ConfirmBooking { prompt, .. } => format!("book_{prompt}"),
                    State::ConfirmReschedule { prompt, .. } => format!("move_{prompt}"),
                    State::ConfirmCancel { prompt, .. } => format!("cancel_{prompt}"),
                    _ => String::new(),
                };
                let is_yes = match &content {
                    Content::Text { text } => phrases::is_yes(text) || text == "1",
                    Content::Pressed { id, .. } => *id == expected_id,
                    Content::Unreadable { .. } => false,
                };
                prop_assert!(is_yes, "{content:?} changed the agenda");
            }
        }
    }
}
