//! Sessions that cannot be read: they hold up no other chat, and whoever writes in them is answered.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use scheduler_tests::messages::INSTANCE;
use scheduler_tests::text;

use super::{
    END_OF_TIME, Item, Poison, Stored, make_chats_due, not_served, number, phones, push, run, set, words,
};
use crate::arrival::pass;

/// What the chat worker keeps beside the conversation.
const BOOKKEEPING: &[Poison] = &[
    ("notes is a text", |item| set(item, "notes", words("poison"))),
    ("every field of notes is a text", |item| {
        if let Some(AttributeValue::M(notes)) = item.get_mut("notes") {
            notes.values_mut().for_each(|field| *field = words("poison"));
        }
    }),
    ("the last event was at the end of time", |item| {
        if let Some(AttributeValue::M(notes)) = item.get_mut("notes") {
            set(notes, "lastEventAt", words(END_OF_TIME));
        }
    }),
    ("an inbox entry is a number", |item| push(item, "inbox", number("5"))),
    ("an inbox entry has no key", |item| {
        push(item, "inbox", AttributeValue::M(Item::from([("work".to_owned(), words("poison"))])));
    }),
    ("pendingReplies is a text", |item| set(item, "pendingReplies", words("poison"))),
    ("a pending reply is a text", |item| push(item, "pendingReplies", words("poison"))),
    ("pending replies without a receiver", |item| change_replies(item, |reply| drop(reply.remove("to")))),
    ("pending replies from the end of time", |item| {
        change_replies(item, |reply| set(reply, "queuedAt", words(END_OF_TIME)));
    }),
];

/// Every other attribute of a chat's item that is no key.
const OTHER: &[Poison] = &[
    ("stateData is a text", |item| set(item, "stateData", words("DREAMING"))),
    ("previousStates is a text", |item| set(item, "previousStates", words("poison"))),
    ("conversationId is no id", |item| set(item, "conversationId", words("poison"))),
    ("version is a text", |item| set(item, "version", words("one"))),
    ("attempts is a text", |item| set(item, "attempts", words("many"))),
    ("expiresAt is no instant", |item| set(item, "expiresAt", words("soon"))),
    ("expiresAt is the end of time", |item| set(item, "expiresAt", words(END_OF_TIME))),
    ("inbox is a text", |item| set(item, "inbox", words("poison"))),
    ("seen is a text", |item| set(item, "seen", words("poison"))),
    ("movedTo is a number", |item| set(item, "movedTo", number("5"))),
];

fn change_replies(item: &mut Item, change: fn(&mut Item)) {
    if let Some(AttributeValue::L(replies)) = item.get_mut("pendingReplies") {
        for reply in replies {
            if let AttributeValue::M(reply) = reply {
                change(reply);
            }
        }
    }
}

async fn spoil(stored: &Stored, phones: &[String], poisons: &[Poison]) {
    for (phone, (_, poison)) in phones.iter().zip(poisons) {
        stored.change_session(phone, *poison).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_that_cannot_be_read_hold_up_no_other_chat() {
    let poisons = [BOOKKEEPING, OTHER].concat();
    let stored = Stored::start().await;
    let app = &stored.app;
    let (good, bad) = (phones(0, 50), phones(100, poisons.len()));
    make_chats_due(app, INSTANCE, &[bad.clone(), good.clone()].concat()).await;
    spoil(&stored, &bad, &poisons).await;
    pass(app, TimeDelta::minutes(2)).await;
    let summary = run(app, "reconciler").await;
    let missing = not_served(app, &good, 2);
    assert!(missing.is_empty(), "{missing:?}\n{summary}\n{}", app.log());
    assert_eq!(summary["chats_finished"], good.len() + bad.len(), "{summary}");

    let later = phones(200, 5);
    make_chats_due(app, INSTANCE, &later).await;
    pass(app, TimeDelta::minutes(2)).await;
    run(app, "reconciler").await;
    let missing = not_served(app, &[later, good].concat(), 2);
    assert!(missing.is_empty(), "{missing:?}");
    stored.stop().await;
}

/// Whoever writes in a chat that cannot be read is not refused, and is answered by the third run at the latest.
async fn are_answered(poisons: &[Poison]) {
    let stored = Stored::start().await;
    let app = &stored.app;
    let phones = phones(0, poisons.len());
    make_chats_due(app, INSTANCE, &phones).await;
    spoil(&stored, &phones, poisons).await;
    pass(app, TimeDelta::minutes(1)).await;
    let (mut refused, mut ids) = (Vec::new(), Vec::new());
    for (phone, (name, _)) in phones.iter().zip(poisons) {
        let webhook = app.patient(phone, "Maria Silva").webhook(text("menu"));
        let answered = app.webhook(&webhook).await;
        if answered.status != 200 {
            refused.push((*name, answered.status));
        }
        ids.push(webhook["messageId"].clone());
    }
    assert!(refused.is_empty(), "{refused:?}\n{}", app.log());
    for _ in 0..3 {
        pass(app, TimeDelta::minutes(1)).await;
        run(app, "reconciler").await;
    }
    let mut silent = Vec::new();
    for ((phone, id), (name, _)) in phones.iter().zip(&ids).zip(poisons) {
        let recorded = app.events(phone).await.iter().any(|event| event["messageId"] == *id);
        if !recorded || app.zapi.outbox(Some(phone)).is_empty() {
            silent.push(*name);
        }
    }
    assert!(silent.is_empty(), "{silent:?}\n{}", app.log());
    stored.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_whose_bookkeeping_cannot_be_read_is_answered() {
    are_answered(BOOKKEEPING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_whose_session_has_one_field_of_the_wrong_type_is_answered() {
    are_answered(OTHER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_a_full_inbox_is_refused_until_the_inbox_is_worked_off() {
    let stored = Stored::start().await;
    let app = &stored.app;
    let phones = phones(0, 1);
    make_chats_due(app, INSTANCE, &phones).await;
    let fill = |item: &mut Item| {
        for _ in 0..60 {
            push(item, "inbox", AttributeValue::M(Item::from([("work".to_owned(), words("poison"))])));
        }
    };
    stored.change_session(&phones[0], fill).await;
    let webhook = app.patient(&phones[0], "Maria Silva").webhook(text("menu"));
    let refused = app.webhook(&webhook).await;
    assert_eq!(refused.status, 503, "z-api sends it again: {}", refused.body);
    pass(app, TimeDelta::minutes(2)).await;
    run(app, "reconciler").await;
    assert_eq!(app.webhook(&webhook).await.status, 200);
    assert_eq!(app.zapi.outbox(Some(&phones[0])).len(), 3, "a greeting of two messages, and the menu");
    stored.stop().await;
}
