//! Transcripts of conversations, replayed on the pure transition and compared word by word.
//!
//! A transcript is a file of `tests/conversations/`:
//!
//! ```text
//! # what it shows
//! @ visit 2026-02-16 10:00 45 Depilação a laser     something about the world (see `set`)
//! > quero remarcar                                  the patient writes
//! > [newday_2026-02-17]                             … presses
//! > <audio>                                         … sends what cannot be read
//! < Encontramos seu agendamento:                    the bot says
//! |   1 [newday_2026-02-16] segunda, 16/02          … an option under its number
//! | and                                             … another line of the same message
//! = SHOW_CURRENT_APPOINTMENT                        where the chat stands then
//! ```
//!
//! What follows a `>` is what the bot answers. To write a new transcript put down the lines of `#`,
//! `@` and `>` alone, run `cargo test -p scheduler-tests write_the_transcripts -- --ignored`, and
//! read what came out before it is committed.

mod every_state;
mod random;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use scheduler_core::conversation::copy::{NoWordings, render_turn};
use scheduler_core::conversation::event::{Event, Saying};
use scheduler_core::conversation::state::Chat;
use scheduler_core::domain::message::{Content, OutgoingMessage};
use scheduler_core::domain::time::Slot;
use world::{World, at};

/// Contract 6.
const STORED: [&str; 22] = [
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
fn every_transcript_is_what_the_bot_says() {
    let mut wrong = Vec::new();
    for path in transcripts() {
        let written = std::fs::read_to_string(&path).unwrap();
        let (said, _) = replay(&written);
        if said != written {
            let line = said.lines().zip(written.lines()).position(|(said, written)| said != written);
            let line = line.unwrap_or_else(|| said.lines().count().min(written.lines().count()));
            wrong.push(format!(
                "{} line {}:\n  written {:?}\n  said    {:?}",
                path.display(),
                line + 1,
                written.lines().nth(line).unwrap_or_default(),
                said.lines().nth(line).unwrap_or_default(),
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stored_state_is_visited_by_a_transcript() {
    let visited: BTreeSet<&str> =
        transcripts().iter().flat_map(|path| replay(&std::fs::read_to_string(path).unwrap()).1).collect();
    let stored: BTreeSet<&str> = STORED.into_iter().collect();
    let never: Vec<_> = stored.difference(&visited).collect();
    assert!(never.is_empty(), "visited by no transcript: {never:?}");
    let unknown: Vec<_> = visited.difference(&stored).collect();
    assert!(unknown.is_empty(), "stored, and not in the contract: {unknown:?}");
}

/// Not a test: writes down what the bot says now, for a person to read.
#[test]
#[ignore = "rewrites the transcripts"]
fn write_the_transcripts() {
    for path in transcripts() {
        let (said, _) = replay(&std::fs::read_to_string(&path).unwrap());
        std::fs::write(path, said).unwrap();
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

/// The transcript as it is said now, and the states it was stored in.
fn replay(written: &str) -> (String, BTreeSet<&'static str>) {
    replay_with(written, |_| ())
}

/// Replays a transcript, and shows the world after each of its turns.
fn replay_with(written: &str, mut look: impl FnMut(&World)) -> (String, BTreeSet<&'static str>) {
    let (mut world, mut said, mut visited) = (World::new(), String::new(), BTreeSet::new());
    for line in written.lines() {
        if line.starts_with(['<', '|', '=']) {
            continue;
        }
        said.push_str(line);
        said.push('\n');
        let sayings = if let Some(heard) = line.strip_prefix("> ") {
            world.hear(content(heard))
        } else if let Some(staff) = line.strip_prefix("@ staff ") {
            world.happen(Event::StaffWrote { text: Some(staff.to_owned()), now: world.now })
        } else {
            if let Some(setting) = line.strip_prefix("@ ") {
                set(&mut world, setting);
            }
            continue;
        };
        // What is stored must be read again as it was.
        let stored = serde_json::to_value(&world.chat).unwrap();
        assert_eq!(serde_json::from_value::<Chat>(stored.clone()).unwrap(), world.chat);
        assert_eq!(stored["state"]["state"], world.chat.state.name());
        visited.insert(world.chat.state.name());
        write_messages(&mut said, &world, &sayings);
        writeln!(said, "= {}", world.chat.state.name()).unwrap();
        look(&world);
    }
    (said, visited)
}

fn content(heard: &str) -> Content {
    if let Some(id) = heard.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Content::Pressed { id: id.to_owned(), label: "?".to_owned() };
    }
    match heard.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(what) => Content::Unreadable { what: what.to_owned() },
        None => Content::Text { text: heard.to_owned() },
    }
}

/// Something about the world.
fn set(world: &mut World, setting: &str) {
    let (what, rest) = setting.split_once(' ').unwrap_or((setting, ""));
    let slot = |date: &str, time: &str| {
        let at = at(&format!("{date} {time}"));
        Slot { date: at.date(), time: at.time() }
    };
    let words: Vec<&str> = rest.split(' ').collect();
    match (what, words.as_slice()) {
        ("now", _) => {
            world.now =
                chrono::TimeZone::from_local_datetime(&world.clinic.timezone, &at(rest)).unwrap().to_utc()
        }
        ("minutes", [minutes]) => world.now += TimeDelta::minutes(minutes.parse().unwrap()),
        ("service", [minutes, price, name @ ..]) => {
            world.add_service(&name.join(" "), minutes.parse().unwrap(), price.parse().ok());
        }
        ("no-services", _) => world.services.clear(),
        ("question", [key, ..]) => {
            let (label, answer) = rest[key.len()..].split_once('|').unwrap();
            world.add_question(key, label.trim(), answer.trim());
        }
        ("visit", [date, time, minutes, service @ ..]) => {
            world.add_visit(slot(date, time), minutes.parse().unwrap(), &service.join(" "));
        }
        ("reminded", [date, time]) => world.remind(slot(date, time)),
        ("confirmed", [count]) => {
            assert_eq!(world.confirmed.len(), count.parse::<usize>().unwrap(), "confirmed")
        }
        ("taken", [date, time, minutes]) => world.take(slot(date, time).at(), minutes.parse().unwrap()),
        ("closed", [from, until]) => {
            let (from, until) = (at(&format!("{from} 00:00")), at(&format!("{until} 23:59")));
            world.take(from, i32::try_from((until - from).num_minutes()).unwrap());
        }
        ("gone", _) => world.visits.clear(),
        ("patient", _) => world.patient_name = Some(rest.to_owned()),
        ("profile", _) => world.profile_name = Some(rest.to_owned()),
        ("no-address", _) => world.clinic.address = None,
        ("no-instructions", _) => world.clinic.pre_session_instructions = None,
        ("days-ahead", [days]) => world.clinic.max_days_ahead = days.parse().unwrap(),
        ("booked", [count]) => assert_eq!(world.booked.len(), count.parse::<usize>().unwrap(), "booked"),
        ("cancelled", [count]) => assert_eq!(world.cancelled, count.parse::<usize>().unwrap(), "cancelled"),
        ("moved", [count]) => assert_eq!(world.moved, count.parse::<usize>().unwrap(), "moved"),
        ("minutes-booked", [minutes]) => {
            assert_eq!(world.booked.last().unwrap().1.minutes, minutes.parse::<i32>().unwrap(), "minutes");
        }
        ("name-booked", _) => assert_eq!(world.booked.last().unwrap().2.as_deref(), Some(rest), "name"),
        ("opted-out", [yes]) => assert_eq!(world.opted_out, *yes == "yes", "opted out"),
        _ => panic!("what is {setting:?}?"),
    }
}

fn write_messages(said: &mut String, world: &World, sayings: &[Saying]) {
    let messages = render_turn(sayings, &world.clinic, &NoWordings);
    assert!(messages.len() <= 2, "a turn of {} messages", messages.len());
    for OutgoingMessage { text, choices, first_number } in messages {
        let options = choices
            .iter()
            .zip(first_number..)
            .map(|(choice, number)| format!("  {number} [{}] {}", choice.id, choice.label));
        let lines: Vec<String> = text.lines().map(str::to_owned).chain(options).collect();
        for (index, line) in lines.iter().enumerate() {
            let mark = if index == 0 { "<" } else { "|" };
            writeln!(said, "{}", format!("{mark} {line}").trim_end()).unwrap();
        }
    }
}
