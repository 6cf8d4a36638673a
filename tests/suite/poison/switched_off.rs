//! Many due chats of a clinic that was switched off: they hold up nobody, and their replies are dropped.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::CLINIC;
use scheduler_tests::messages::INSTANCE;
use serde_json::json;

use super::{Item, Stored, insert_clinics, make_chats_due, not_served, phones, run, text_of};
use crate::arrival::pass;

/// More than the first page of every shard of the index holds.
const CHATS: usize = 260;

/// The replies of each chat of the example clinic that have this status.
fn replies_with(events: &[Item], status: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut replies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events.iter().filter(|event| text_of(event, "status") == status) {
        let (pk, id) = (text_of(event, "pk"), text_of(event, "messageId"));
        if pk.starts_with(&format!("CLINIC#{CLINIC}#")) {
            replies.entry(pk.to_owned()).or_default().insert(id.to_owned());
        }
    }
    replies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_of_a_clinic_that_was_switched_off_hold_up_nobody_and_their_replies_end_as_failed() {
    let mut stored = Stored::start().await;
    let joana = phones(900, 1);
    insert_clinics(&stored.app.database, &["open".to_owned()], &phones(901, 1), "2026-02-20").await;
    make_chats_due(&stored.app, INSTANCE, &phones(0, CHATS)).await;
    // Joana's chat is the last one that becomes due.
    pass(&stored.app, TimeDelta::minutes(1)).await;
    make_chats_due(&stored.app, "open", &joana).await;
    let path = format!("/clinics/{CLINIC}");
    stored.app.ask_expecting(Method::PUT, &path, Some(&json!({ "active": false })), 200).await;
    // No clinic is in memory after this.
    stored.app.restart(None).await;
    let app = &stored.app;
    pass(app, TimeDelta::minutes(2)).await;
    let summary = run(app, "reconciler").await;
    let missing = not_served(app, &joana, 2);
    assert!(missing.is_empty(), "{missing:?}\n{summary}\n{}", app.log());

    for _ in 0..10 {
        pass(app, TimeDelta::minutes(1)).await;
        run(app, "reconciler").await;
    }
    assert_eq!(app.zapi.outbox(None).len(), 2, "the clinic that was switched off sends nothing");
    let events = stored.items(stored.events()).await;
    let failed = replies_with(&events, "FAILED");
    let complete = failed.values().filter(|replies| replies.len() == 2).count();
    assert_eq!((failed.len(), complete), (CHATS, CHATS), "both replies of each chat");
    assert_eq!(replies_with(&events, "RECEIVED").len(), CHATS, "the history stays");
    let sessions = stored.items(stored.sessions()).await;
    let due = sessions.iter().filter(|session| session.contains_key("dueAt")).count();
    assert_eq!(due, 0, "nothing is left to do");
    stored.stop().await;
}
