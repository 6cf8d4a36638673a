//! Turns a second of the local server, of its first thousand messages and of its last:
//! `cargo bench -p scheduler-tests --bench ageing -- 50000` (docs/rules/speed.md#local-server).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use reqwest::Method;
use scheduler_local::server::Server;
use scheduler_local::settings::Settings;
use scheduler_tests::http::{ask, client};
use serde_json::json;
use tempfile::TempDir;

/// Messages without an argument.
const MESSAGES: usize = 5_000;
const WINDOW: usize = 1_000;
/// So many that nobody writes more than twenty messages a minute, which would not be answered.
const PATIENTS: usize = 2_000;
const CLIENTS: usize = 8;

#[tokio::main]
async fn main() {
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let messages: usize = given.unwrap_or(MESSAGES).max(2 * WINDOW);
    let folder = TempDir::new().expect("a folder");
    let settings = Settings {
        folder: folder.path().join(".local"),
        port: 0,
        dynamodb_port: 0,
        ..Settings::read(&|_| None).expect("settings")
    };
    let server = Server::start(settings).await.expect("the server starts");
    let webhook = Arc::new(format!("{}/webhook/whatsapp", server.url));
    let data = folder.path().join(".local/dynamodb.sqlite");

    println!("{:>9} {:>14} {:>9}", "messages", "turns a second", "data");
    // New chats cost more than others, so they are made before.
    play(&webhook, 0..PATIENTS).await;
    let mut rates = Vec::new();
    for start in (0..messages).step_by(WINDOW) {
        let end = (start + WINDOW).min(messages);
        let started = Instant::now();
        play(&webhook, PATIENTS + start..PATIENTS + end).await;
        let rate = (end - start) as f64 / started.elapsed().as_secs_f64();
        println!("{end:>9} {rate:>14.1} {:>6} MB", megabytes(&data));
        rates.push(rate);
    }
    let (first, last) = (rates[0], rates[rates.len() - 1]);
    println!(
        "first thousand {first:.1}, last thousand {last:.1} turns a second: {:.0} % (at least 90 %)",
        100.0 * last / first
    );
    server.stop().await;
}

/// Sends the messages with these numbers, [`CLIENTS`] at a time.
async fn play(webhook: &Arc<String>, numbers: Range<usize>) {
    let (next, end) = (Arc::new(AtomicUsize::new(numbers.start)), numbers.end);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (next, webhook) = (Arc::clone(&next), Arc::clone(webhook));
        clients.spawn(async move {
            let client = client();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    break;
                }
                let body = message(number);
                let answer = ask(&client, Method::POST, &webhook, Some(&body)).await.expect("an answer");
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.expect("a client");
    }
}

/// Patients greet the bot in turn. Then one half asks for the questions, which are read from PostgreSQL, while
/// the other half goes back to the menu, and so on.
fn message(number: usize) -> serde_json::Value {
    let (round, patient) = (number / PATIENTS, number % PATIENTS);
    let text = match (round, (round + patient) % 2) {
        (0, _) => "Olá",
        (_, 0) => "dúvidas",
        _ => "menu",
    };
    json!({
        "type": "ReceivedCallback", "instanceId": "instance-123", "messageId": format!("3EB0{number:016X}"),
        "phone": format!("55119{:08}", 90_000_000 + patient), "fromMe": false, "senderName": "Maria Silva",
        "text": { "message": text },
    })
}

fn megabytes(file: &Path) -> u64 {
    std::fs::metadata(file).map(|file| file.len() / 1_000_000).unwrap_or_default()
}
