//! Transcripts of conversations. Each is replayed on the pure transition and compared word by word.
//!
//! A transcript is a file in `tests/conversations/`:
//!
//! ```text
//! # what it shows
//! @ visit 2026-02-16 10:00 45 Depilação a laser     sets up or checks the clinic (see `set`)
//! > quero remarcar                                  the patient sends a text
//! > [newday_2026-02-17]                             the patient presses an option
//! > <audio>                                         the patient sends something other than text
//! < Encontramos seu agendamento:                    the bot's message
//! |   1 [newday_2026-02-16] segunda, 16/02          an option with its number
//! | and                                             another line of the same message
//! = SHOW_CURRENT_APPOINTMENT                        the state of the chat afterwards
//! ```
//!
//! The lines after a `>` are the bot's answer. To add a transcript, write only its lines that start with `#`,
//! `@` and `>`, run `cargo test -p scheduler-tests write_the_transcripts -- --ignored`, and read the result
//! before you commit it.

mod every_state;
mod fake_clinic;
mod random;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use fake_clinic::{FakeClinic, at};
use scheduler_core::conversation::machine::event::{Event, Utterance};
use scheduler_core::conversation::machine::state::Chat;
use scheduler_core::conversation::say::render::{DefaultWording, render_all};
use scheduler_core::domain::message::{Content, OutgoingMessage};
use scheduler_core::domain::time::Slot;

/// The names of all stored states (`docs/rules/conversation.md#stored-states`).
const STORED: [&str; 23] = [
    "MAIN_MENU",
    "SCHEDULE_MENU",
    "PRICE_TABLE",
    "SELECT_SERVICE",
    "INPUT_AREAS",
    "SELECT_DATE",
    "SELECT_TIME",
    "ASK_NAME",
    "CONFIRM_BOOKING",
    "BOOKED",
    "VERIFY_NAME",
    "SELECT_APPOINTMENT",
    "SHOW_CURRENT_APPOINTMENT",
    "SELECT_NEW_DATE",
    "SELECT_NEW_TIME",
    "CONFIRM_RESCHEDULE",
    "RESCHEDULED",
    "CONFIRM_CANCEL",
    "CANCELLED",
    "FAQ_MENU",
    "FAQ_ANSWER",
    "HUMAN_HANDOFF",
    "UNRECOGNIZED",
];

#[test]
fn the_bot_answers_as_every_transcript_says() {
    let mut wrong = Vec::new();
    for path in transcripts() {
        let transcript = std::fs::read_to_string(&path).unwrap();
        let (replayed, _) = replay(&transcript);
        if replayed != transcript {
            let line = replayed
                .lines()
                .zip(transcript.lines())
                .position(|(replayed, transcript)| replayed != transcript);
            let line = line.unwrap_or_else(|| replayed.lines().count().min(transcript.lines().count()));
            wrong.push(format!(
                "{} line {}:\n  transcript {:?}\n  bot        {:?}",
                path.display(),
                line + 1,
                transcript.lines().nth(line).unwrap_or_default(),
                replayed.lines().nth(line).unwrap_or_default(),
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stored_state_occurs_in_a_transcript() {
    let visited: BTreeSet<&str> =
        transcripts().iter().flat_map(|path| replay(&std::fs::read_to_string(path).unwrap()).1).collect();
    let stored: BTreeSet<&str> = STORED.into_iter().collect();
    let never: Vec<_> = stored.difference(&visited).collect();
    assert!(never.is_empty(), "states without a transcript: {never:?}");
    let unknown: Vec<_> = visited.difference(&stored).collect();
    assert!(unknown.is_empty(), "unknown stored states: {unknown:?}");
}

/// Not a test: rewrites the transcripts with the bot's current answers, to be reviewed by a person.
#[test]
#[ignore = "rewrites the transcripts"]
fn write_the_transcripts() {
    for path in transcripts() {
        let (replayed, _) = replay(&std::fs::read_to_string(&path).unwrap());
        std::fs::write(path, replayed).unwrap();
    }
}

fn transcripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// The transcript with the bot's current answers, and the states that occurred.
fn replay(transcript: &str) -> (String, BTreeSet<&'static str>) {
    replay_with(transcript, |_| ())
}

/// Like [`replay`]; calls `look` with the clinic after each turn.
fn replay_with(transcript: &str, mut look: impl FnMut(&FakeClinic)) -> (String, BTreeSet<&'static str>) {
    let (mut clinic, mut replayed, mut visited) = (FakeClinic::new(), String::new(), BTreeSet::new());
    for line in transcript.lines() {
        if line.starts_with(['<', '|', '=']) {
            continue;
        }
        replayed.push_str(line);
        replayed.push('\n');
        let utterances = if let Some(message) = line.strip_prefix("> ") {
            clinic.hear(content(message))
        } else if let Some(staff) = line.strip_prefix("@ staff ") {
            clinic.happen(Event::StaffWrote { text: Some(staff.to_owned()), now: clinic.now })
        } else {
            if let Some(directive) = line.strip_prefix("@ ") {
                set(&mut clinic, directive);
            }
            continue;
        };
        // A stored chat is read back unchanged.
        let stored = serde_json::to_value(&clinic.chat).unwrap();
        assert_eq!(serde_json::from_value::<Chat>(stored.clone()).unwrap(), clinic.chat);
        assert_eq!(stored["state"]["state"], clinic.chat.state.name());
        visited.insert(clinic.chat.state.name());
        write_messages(&mut replayed, &clinic, &utterances);
        writeln!(replayed, "= {}", clinic.chat.state.name()).unwrap();
        look(&clinic);
    }
    (replayed, visited)
}

fn content(message: &str) -> Content {
    if let Some(id) = message.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Content::Pressed { id: id.to_owned(), label: "?".to_owned() };
    }
    match message.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(what) => Content::Unreadable { what: what.to_owned() },
        None => Content::Text { text: message.to_owned() },
    }
}

/// Applies a line that starts with `@`: it sets up the clinic, moves its clock or checks a count.
fn set(clinic: &mut FakeClinic, directive: &str) {
    let (what, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    let slot = |date: &str, time: &str| {
        let at = at(&format!("{date} {time}"));
        Slot { date: at.date(), time: at.time() }
    };
    let words: Vec<&str> = rest.split(' ').collect();
    match (what, words.as_slice()) {
        ("now", _) => {
            clinic.now =
                chrono::TimeZone::from_local_datetime(&clinic.clinic.timezone, &at(rest)).unwrap().to_utc()
        }
        ("minutes", [minutes]) => clinic.now += TimeDelta::minutes(minutes.parse().unwrap()),
        ("service", [minutes, price, name @ ..]) => {
            clinic.add_service(&name.join(" "), minutes.parse().unwrap(), price.parse().ok());
        }
        ("no-services", _) => clinic.services.clear(),
        ("question", [key, ..]) => {
            let (label, answer) = rest[key.len()..].split_once('|').unwrap();
            clinic.add_question(key, label.trim(), answer.trim());
        }
        ("visit", [date, time, minutes, service @ ..]) => {
            clinic.add_appointment(slot(date, time), minutes.parse().unwrap(), &service.join(" "));
        }
        ("reminded", [date, time]) => clinic.remind(slot(date, time)),
        ("confirmed", [count]) => {
            assert_eq!(clinic.confirmed.len(), count.parse::<usize>().unwrap(), "confirmed")
        }
        ("taken", [date, time, minutes]) => clinic.take(slot(date, time).at(), minutes.parse().unwrap()),
        ("closed", [from, until]) => {
            let (from, until) = (at(&format!("{from} 00:00")), at(&format!("{until} 23:59")));
            clinic.take(from, i32::try_from((until - from).num_minutes()).unwrap());
        }
        ("gone", _) => clinic.appointments.clear(),
        ("patient", _) => clinic.patient_name = Some(rest.to_owned()),
        ("recycled", _) => clinic.recycle(),
        ("profile", _) => clinic.profile_name = Some(rest.to_owned()),
        ("no-address", _) => clinic.clinic.address = None,
        ("no-instructions", _) => clinic.clinic.pre_session_instructions = None,
        ("days-ahead", [days]) => clinic.clinic.max_days_ahead = days.parse().unwrap(),
        ("booked", [count]) => assert_eq!(clinic.booked.len(), count.parse::<usize>().unwrap(), "booked"),
        ("cancelled", [count]) => assert_eq!(clinic.cancelled, count.parse::<usize>().unwrap(), "cancelled"),
        ("moved", [count]) => assert_eq!(clinic.moved, count.parse::<usize>().unwrap(), "moved"),
        ("minutes-booked", [minutes]) => {
            assert_eq!(clinic.booked.last().unwrap().1.minutes, minutes.parse::<i32>().unwrap(), "minutes");
        }
        ("name-booked", _) => assert_eq!(clinic.booked.last().unwrap().2.as_deref(), Some(rest), "name"),
        ("opted-out", [yes]) => assert_eq!(clinic.opted_out, *yes == "yes", "opted out"),
        _ => panic!("unknown line: @ {directive}"),
    }
}

fn write_messages(replayed: &mut String, clinic: &FakeClinic, utterances: &[Utterance]) {
    let messages = render_all(utterances, &clinic.clinic, &DefaultWording);
    assert!(messages.len() <= 2, "a turn has {} messages", messages.len());
    for OutgoingMessage { text, choices, first_number } in messages {
        let options = choices
            .iter()
            .zip(first_number..)
            .map(|(choice, number)| format!("  {number} [{}] {}", choice.id, choice.label));
        let lines: Vec<String> = text.lines().map(str::to_owned).chain(options).collect();
        for (index, line) in lines.iter().enumerate() {
            let mark = if index == 0 { "<" } else { "|" };
            writeln!(replayed, "{}", format!("{mark} {line}").trim_end()).unwrap();
        }
    }
}
