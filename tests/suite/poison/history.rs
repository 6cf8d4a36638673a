//! Message events that cannot be read: the chat that they belong to goes on as if they were not there.

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::messages::INSTANCE;
use scheduler_tests::{CLINIC, TestApp, text};
use serde_json::{Value, json};

use super::{END_OF_TIME, Item, Poison, Stored, number, phones, set, text_of, words};
use crate::arrival::pass;

/// What is wrong with the newest event of a chat.
const UNREADABLE: &[Poison] = &[
    ("an unknown status", |event| set(event, "status", words("GREEN"))),
    ("no status", |event| drop(event.remove("status"))),
    ("no message id", |event| drop(event.remove("messageId"))),
    ("no direction", |event| drop(event.remove("direction"))),
    ("an unknown direction", |event| set(event, "direction", words("SIDEWAYS"))),
    ("no time", |event| drop(event.remove("statusTimestamp"))),
    ("a time that is none", |event| set(event, "statusTimestamp", words("soon"))),
    ("the end of time", |event| set(event, "statusTimestamp", words(END_OF_TIME))),
    ("no clinic", |event| drop(event.remove("clinicId"))),
    ("no content", |event| drop(event.remove("content"))),
    ("a number as its content", |event| set(event, "content", number("5"))),
    ("a text as its metadata", |event| set(event, "metadata", words("poison"))),
    ("no conversation's id", |event| set(event, "conversationId", words("poison"))),
];

/// Adds a copy of the newest event of a chat, with something wrong, right after it.
async fn add_unreadable(stored: &Stored, events: &[Item], phone: &str, poison: fn(&mut Item)) {
    let pk = format!("CLINIC#{CLINIC}#PHONE#{phone}");
    let of_chat = events.iter().filter(|event| text_of(event, "pk") == pk);
    let newest = of_chat.max_by_key(|event| text_of(event, "sk").to_owned()).expect("an event");
    let mut copy = newest.clone();
    poison(&mut copy);
    set(&mut copy, "sk", words(&format!("{}#POISON", text_of(newest, "sk"))));
    stored.put(stored.events(), copy).await;
}

/// z-api's report that the first message to this phone was read.
fn read_callback(app: &TestApp, phone: &str) -> Value {
    let first = app.zapi.outbox(Some(phone)).remove(0);
    json!({
        "instanceId": INSTANCE, "status": "READ", "ids": [first.message_id], "phone": phone, "phoneDevice": 0,
        "momment": app.now().timestamp_millis(), "type": "MessageStatusCallback", "isGroup": false,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_read_stops_no_message_no_callback_and_no_send() {
    let stored = Stored::start().await;
    let app = &stored.app;
    let phones = phones(0, UNREADABLE.len());
    for phone in &phones {
        app.patient(phone, "Maria Silva").says("Olá").await;
    }
    let events = stored.items(stored.events()).await;
    for (phone, (_, poison)) in phones.iter().zip(UNREADABLE) {
        add_unreadable(&stored, &events, phone, *poison).await;
    }
    pass(app, TimeDelta::minutes(1)).await;

    let mut broken = Vec::new();
    for (phone, (name, _)) in phones.iter().zip(UNREADABLE) {
        let called_back = app.webhook(&read_callback(app, phone)).await.status;
        let events = app.events(phone).await;
        let was_read = events.iter().any(|event| event["status"] == "READ");
        let mut patient = app.patient(phone, "Maria Silva");
        patient.replies();
        let written = patient.try_send(text("menu")).await.status;
        let replies = patient.replies().len();
        let message = json!({ "clinicId": CLINIC, "phone": phone, "type": "text", "content": "Até já!" });
        let sent = app.ask(Method::POST, "/send", Some(&message)).await.status;
        let outcome = (called_back, was_read, written, replies, sent);
        if outcome != (200, true, 200, 1, 200) {
            broken.push((*name, outcome));
        }
    }
    assert!(broken.is_empty(), "callback, read, message, replies, send: {broken:#?}\n{}", app.log());
    stored.stop().await;
}
