//! More stale replies than a transaction of DynamoDB can drop: all are dropped, and the chat goes on.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use scheduler_tests::TestApp;
use scheduler_tests::messages::INSTANCE;
use uuid::Uuid;

use super::{Stored, make_chats_due, run, set, words};
use crate::arrival::pass;

const MARIA: &str = "5511999990000";

/// With the event of each, more than the 100 items that a transaction holds.
const STALE: usize = 117;

/// An app in which so many replies to Maria wait for three hours. Returns their ids.
async fn with_stale_replies() -> (Stored, Vec<String>) {
    let stored = Stored::start().await;
    make_chats_due(&stored.app, INSTANCE, &[MARIA.to_owned()]).await;
    let mut ids: Vec<String> = (0..STALE).map(|_| Uuid::new_v4().to_string()).collect();
    ids.sort();
    stored
        .change_session(MARIA, |session| {
            let replies = session.get("pendingReplies").and_then(|replies| replies.as_l().ok());
            let reply = replies.and_then(|replies| replies.first()).expect("a reply waits");
            let reply = reply.as_m().expect("a reply").clone();
            let with_id = |id: &String| {
                let mut reply = reply.clone();
                set(&mut reply, "id", words(id));
                AttributeValue::M(reply)
            };
            let replies = ids.iter().map(with_id).collect();
            set(session, "pendingReplies", AttributeValue::L(replies));
        })
        .await;
    pass(&stored.app, TimeDelta::hours(3)).await;
    (stored, ids)
}

/// Checks that every stale reply was recorded as failed and that nothing is left to do.
async fn assert_dropped(app: &TestApp, ids: &[String]) {
    let chat = app.chat(MARIA).await;
    let session = &chat["session"];
    assert!(session["dueAt"].is_null(), "{session:#}");
    assert!(session["pendingReplies"].as_array().is_none_or(Vec::is_empty), "{session:#}");
    let events = chat["events"].as_array().expect("events");
    let failed = events.iter().filter(|event| event["status"] == "FAILED");
    let mut failed: Vec<String> =
        failed.map(|event| event["messageId"].as_str().unwrap_or_default().to_owned()).collect();
    failed.sort();
    assert_eq!(failed, ids);
}

async fn run_minutes(app: &TestApp, minutes: usize) {
    for _ in 0..minutes {
        run(app, "reconciler").await;
        pass(app, TimeDelta::minutes(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_with_117_stale_replies_drops_them_all_and_goes_on() {
    let (stored, ids) = with_stale_replies().await;
    let app = &stored.app;
    run_minutes(app, 3).await;
    assert_dropped(app, &ids).await;
    assert!(app.zapi.outbox(None).is_empty(), "nothing stale is sent");
    let replies = app.patient(MARIA, "Maria Silva").says("menu").await;
    assert!((1..=2).contains(&replies.len()), "{replies:?}");
    stored.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_a_chat_with_117_stale_replies_is_answered() {
    let (stored, ids) = with_stale_replies().await;
    let app = &stored.app;
    // Panics unless the webhook is answered 200.
    app.patient(MARIA, "Maria Silva").says("Oi").await;
    run_minutes(app, 3).await;
    assert_dropped(app, &ids).await;
    let outbox = app.zapi.outbox(None);
    assert!((1..=2).contains(&outbox.len()), "a greeting, and nothing stale: {outbox:?}");
    stored.stop().await;
}
