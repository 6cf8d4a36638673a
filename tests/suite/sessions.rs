//! Chats in DynamoDB: each message is stored once, and one worker at a time has a chat
//! (`docs/rules/conversation.md#one-chat-one-worker`).

mod embedded;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use scheduler_core::adapters::dynamodb::Tables;
use scheduler_core::adapters::dynamodb::lease::StoreOutcome;
use scheduler_core::adapters::dynamodb::save::{Commit, LeaseChange, MovedFrom, SaveOutcome};
use scheduler_core::adapters::dynamodb::session::{ChatKey, InboxEntry, InboxWork, Session};
use scheduler_core::conversation::machine::state::{Chat, Memory, State};
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::message::{Author, Content, IncomingMessage};
use scheduler_core::domain::phone::{Address, MatchKey};
use serde_json::json;
use tokio::sync::Barrier;

use embedded::tables;

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 2, 14, 12, 0, 0).unwrap()
}

fn chat_key(person: &str) -> ChatKey {
    ChatKey { clinic: ClinicId("laser-beauty-sp".into()), person: MatchKey(person.into()) }
}

fn waiting(id: &str) -> InboxEntry {
    let message = IncomingMessage {
        message_id: id.to_owned(),
        event_kind: "message".into(),
        author: Author::Patient,
        address: Address("5511999990000".into()),
        chat_lid: None,
        profile_name: None,
        content: Content::Text { text: "oi".into() },
        sent_at: None,
        received_at: noon(),
        reference_message_id: None,
    };
    InboxEntry { key: message.key(), work: Some(InboxWork::Message { message: Box::new(message) }) }
}

async fn store(tables: &Tables, key: &ChatKey, id: &str, owner: &str, now: DateTime<Utc>) -> StoreOutcome {
    tables.store_message(key, &waiting(id), owner, now).await.unwrap()
}

async fn leased(tables: &Tables, key: &ChatKey, id: &str, owner: &str, now: DateTime<Utc>) -> Session {
    match store(tables, key, id, owner, now).await {
        StoreOutcome::StoredAndLeased(session) => *session,
        other => panic!("not leased: {other:?}"),
    }
}

fn done(keys: &[String], lease: LeaseChange) -> Commit<'_> {
    Commit { finished_entries: keys, events: &[], lease, moved_from: None }
}

/// Works on a chat until its inbox is empty. Returns the keys of the messages.
async fn work(tables: &Tables, mut session: Session, owner: &str, now: DateTime<Utc>) -> Vec<String> {
    let mut worked = Vec::new();
    loop {
        let Some(head) = session.inbox.first().map(|head| head.key.clone()) else {
            match tables.save(&mut session, owner, done(&[], LeaseChange::Release), now).await.unwrap() {
                SaveOutcome::Done => return worked,
                SaveOutcome::InboxNotEmpty(inbox) => session.inbox = inbox,
                other => panic!("{other:?}"),
            }
            continue;
        };
        let saved = tables
            .save(&mut session, owner, done(std::slice::from_ref(&head), LeaseChange::Keep), now)
            .await
            .unwrap();
        assert!(matches!(saved, SaveOutcome::Done), "{saved:?}");
        session.inbox.remove(0);
        worked.push(head);
    }
}

#[tokio::test]
async fn a_message_is_stored_once_and_waits_while_the_chat_is_leased() {
    let tables = tables().await;
    let key = chat_key("5511999990000");
    let mut session = leased(&tables, &key, "a", "one", noon()).await;
    assert_eq!(session.inbox, [waiting("a")]);
    assert!(matches!(store(&tables, &key, "b", "two", noon()).await, StoreOutcome::Stored));
    assert!(matches!(store(&tables, &key, "b", "two", noon()).await, StoreOutcome::Duplicate));
    assert!(matches!(store(&tables, &key, "a", "two", noon()).await, StoreOutcome::Duplicate));

    let saved = tables
        .save(&mut session, "one", done(&["a#message".to_owned()], LeaseChange::Release), noon())
        .await
        .unwrap();
    assert!(matches!(saved, SaveOutcome::InboxNotEmpty(inbox) if inbox == [waiting("a"), waiting("b")]));
    assert_eq!(work(&tables, session, "one", noon()).await, ["a#message", "b#message"]);

    let next_day = noon() + TimeDelta::days(1);
    assert!(matches!(store(&tables, &key, "a", "two", next_day).await, StoreOutcome::Duplicate));
    assert!(matches!(store(&tables, &key, "c", "two", next_day).await, StoreOutcome::StoredAndLeased(_)));
}

#[tokio::test]
async fn a_repeated_message_is_recognised_by_its_chat_or_by_the_item_that_it_left() {
    let tables = tables().await;
    let key = chat_key("5511999990000");
    for number in 0..20 {
        let now = noon() + TimeDelta::minutes(number);
        let session = leased(&tables, &key, &number.to_string(), "one", now).await;
        work(&tables, session, "one", now).await;
    }
    let next_day = noon() + TimeDelta::days(1);
    for id in ["19", "14"] {
        assert!(matches!(store(&tables, &key, id, "two", next_day).await, StoreOutcome::Duplicate), "{id}");
    }
    let seen = tables.find_seen(&[&key], &["13#message", "0#message", "new#message"]).await.unwrap();
    assert_eq!(seen, BTreeSet::from(["13#message".to_owned(), "0#message".to_owned()]));
    let elsewhere = chat_key("5511999990001");
    assert!(tables.find_seen(&[&elsewhere], &["3#message"]).await.unwrap().is_empty());
    let both = tables.find_seen(&[&elsewhere, &key], &["3#message"]).await.unwrap();
    assert_eq!(both.len(), 1, "a lid and a phone are looked up together");
    let many: Vec<String> = (0..120).map(|number| format!("{}#message", number / 2)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let seen = tables.find_seen(&[&elsewhere, &key], &many).await.unwrap();
    assert_eq!(seen.len(), 20, "more keys than one call takes, each twice");
}

#[tokio::test]
async fn of_two_simultaneous_messages_each_is_worked_on_once() {
    let tables = Arc::new(tables().await);
    for round in 0..200 {
        let now = noon() + TimeDelta::minutes(round);
        let barrier = Arc::new(Barrier::new(2));
        let both = ["sim", "voltar"].map(|word| {
            let (tables, barrier) = (tables.clone(), barrier.clone());
            tokio::spawn(async move {
                let (key, id, owner) =
                    (chat_key("5511999990000"), format!("{word}-{round}"), format!("{word}-{round}"));
                barrier.wait().await;
                match store(&tables, &key, &id, &owner, now).await {
                    StoreOutcome::StoredAndLeased(session) => work(&tables, *session, &owner, now).await,
                    StoreOutcome::Stored => Vec::new(),
                    other => panic!("{other:?}"),
                }
            })
        });
        let mut worked = Vec::new();
        for one in both {
            worked.extend(one.await.unwrap());
        }
        worked.sort();
        assert_eq!(worked, [format!("sim-{round}#message"), format!("voltar-{round}#message")]);
    }
}

#[tokio::test]
async fn a_chat_with_an_expired_lease_is_taken_over_by_one_reconciler() {
    let tables = tables().await;
    let key = chat_key("5511999990000");
    let mut lost = leased(&tables, &key, "a", "crashed", noon()).await;
    assert!(tables.list_due(noon(), 10, None).await.unwrap().chats.is_empty());
    assert!(tables.claim_due_chat(&key, "early", noon()).await.unwrap().is_none());

    let later = noon() + TimeDelta::seconds(31);
    assert_eq!(tables.list_due(later, 10, None).await.unwrap().chats.first(), Some(&key));
    let (one, two) =
        tokio::join!(tables.claim_due_chat(&key, "one", later), tables.claim_due_chat(&key, "two", later));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_some() != two.is_some());
    let (session, owner) = one.map(|s| (s, "one")).or(two.map(|s| (s, "two"))).unwrap();
    assert_eq!(session.inbox, [waiting("a")]);

    // A worker that lost the lease can no longer write.
    let saved = tables
        .save(&mut lost, "crashed", done(&["a#message".to_owned()], LeaseChange::Release), later)
        .await
        .unwrap();
    assert!(matches!(saved, SaveOutcome::LeaseLost));
    assert_eq!(work(&tables, session, owner, later).await, ["a#message"]);
    assert!(tables.list_due(later + TimeDelta::hours(1), 10, None).await.unwrap().chats.is_empty());
}

#[tokio::test]
async fn a_state_is_read_back_unchanged_and_an_unreadable_one_is_reported() {
    let tables = tables().await;
    let key = chat_key("5511999990000");
    let chat = Chat {
        state: State::MainMenu,
        previous: vec![State::Booked],
        memory: Memory {
            patient_name: Some("Maria".into()),
            silent_until: Some(noon()),
            ..Memory::default()
        },
    };
    let mut session = leased(&tables, &key, "a", "one", noon()).await;
    session.chat = Some(chat.clone());
    let saved = tables
        .save(&mut session, "one", done(&["a#message".to_owned()], LeaseChange::Release), noon())
        .await
        .unwrap();
    assert!(matches!(saved, SaveOutcome::Done), "{saved:?}");
    let read = tables.find_session(&key).await.unwrap().unwrap();
    assert_eq!((read.chat, read.unreadable, read.version), (Some(chat), false, 1));

    let view = tables.read_chat(&key.clinic, &key.person).await.unwrap().session.unwrap();
    assert_eq!(view["currentState"], json!("MAIN_MENU"));
    assert_eq!(view["pk"], json!("CLINIC#laser-beauty-sp#PHONE#5511999990000"));
    assert_eq!(view["silentUntil"], json!("2026-02-14T12:00:00.000Z"));
    assert!(view.get("dueAt").is_none() && view.get("leaseOwner").is_none());

    tables
        .client()
        .update_item()
        .table_name(tables.names()[0])
        .key("pk", AttributeValue::S(key.pk()))
        .key("sk", AttributeValue::S("SESSION".into()))
        .update_expression("SET stateData = :other")
        .expression_attribute_values(":other", AttributeValue::S("DREAMING".into()))
        .send()
        .await
        .unwrap();
    let read = tables.find_session(&key).await.unwrap().unwrap();
    assert_eq!((read.chat, read.unreadable), (None, true));
}

#[tokio::test]
async fn a_lid_points_to_the_phone_that_it_was_merged_into() {
    let tables = tables().await;
    let (lid, phone) = (chat_key("123456789@lid"), chat_key("5511999990000"));
    let session = leased(&tables, &lid, "a", "one", noon()).await;
    work(&tables, session, "one", noon()).await;
    let old = tables.find_session(&lid).await.unwrap().unwrap();

    let mut session = leased(&tables, &phone, "b", "two", noon()).await;
    let from = MovedFrom { key: lid.clone(), version: Some(old.version) };
    let save = Commit {
        finished_entries: &["b#message".to_owned()],
        events: &[],
        lease: LeaseChange::Release,
        moved_from: Some(&from),
    };
    assert!(matches!(tables.save(&mut session, "two", save, noon()).await.unwrap(), SaveOutcome::Done));
    let stored = store(&tables, &lid, "c", "three", noon()).await;
    assert!(matches!(stored, StoreOutcome::Moved(person) if person == phone.person));

    // The chat of a lid is not merged while it is leased or after it has changed since it was read.
    let busy = chat_key("987@lid");
    let held = leased(&tables, &busy, "d", "four", noon()).await;
    let mut session = leased(&tables, &phone, "e", "five", noon()).await;
    let from = MovedFrom { key: busy.clone(), version: Some(held.version) };
    let save = Commit {
        finished_entries: &["e#message".to_owned()],
        events: &[],
        lease: LeaseChange::Release,
        moved_from: Some(&from),
    };
    assert!(matches!(tables.save(&mut session, "five", save, noon()).await.unwrap(), SaveOutcome::LidBusy));
}

#[tokio::test]
async fn a_full_inbox_accepts_no_more_messages_and_loses_none() {
    let tables = tables().await;
    let key = chat_key("5511999990000");
    let session = leased(&tables, &key, "0", "one", noon()).await;
    let mut held = 0;
    for number in 1..80 {
        match store(&tables, &key, &number.to_string(), "two", noon()).await {
            StoreOutcome::Stored => held += 1,
            StoreOutcome::Full => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(held, 59);
    assert_eq!(work(&tables, session, "one", noon()).await.len(), 60);
}

#[tokio::test]
async fn a_webhook_whose_clinic_is_unknown_is_kept_and_claimed_once() {
    let tables = tables().await;
    let payload = json!({"instanceId": "instance-123", "messageId": "a"});
    tables.store_webhook("instance-123", "a#message", &payload, noon()).await.unwrap();
    let due = tables.list_due(noon(), 10, None).await.unwrap();
    assert_eq!(due.webhooks.len(), 1);
    let claimed = tables.claim_webhook(&due.webhooks[0], noon()).await.unwrap().expect("a claim");
    assert_eq!((claimed.payload, claimed.received_at), (payload, noon()));
    assert!(tables.claim_webhook(&due.webhooks[0], noon()).await.unwrap().is_none());
    tables.delete_webhook(&due.webhooks[0]).await.unwrap();
    assert!(tables.list_due(noon() + TimeDelta::hours(1), 10, None).await.unwrap().webhooks.is_empty());
}
