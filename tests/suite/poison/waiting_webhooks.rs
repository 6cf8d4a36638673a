//! Webhooks in an instance's inbox that cannot be read: all others are answered by the same run.

use chrono::TimeDelta;
use scheduler_tests::messages::INSTANCE;
use scheduler_tests::{Protocol, Proxy, ProxyMode, TestApp, database};
use serde_json::{Value, json};

use super::{
    END_OF_TIME, Item, Poison, Stored, assert_counted, greetings, not_served, number, phones, post_all, run,
    set, text_of, words,
};
use crate::arrival::{pass, wait_for_postgres};
use crate::outages::switch_to;

const UNREADABLE: &[Poison] = &[
    ("no body", |item| drop(item.remove("body"))),
    ("the body is a number", |item| set(item, "body", number("5"))),
    ("the body is a list", |item| set(item, "body", words("[]"))),
    ("the body is empty", |item| set(item, "body", words(""))),
    ("the body has no message", |item| set(item, "body", words(r#"{"instanceId":"instance-123"}"#))),
    ("it was sent at the end of time", |item| {
        let mut body = body_of(item);
        body["momment"] = json!(i64::MAX);
        set(item, "body", words(&body.to_string()));
    }),
    ("no time of arrival", |item| drop(item.remove("receivedAt"))),
    ("it arrived at no instant", |item| set(item, "receivedAt", words("yesterday"))),
    ("it arrived at a number", |item| set(item, "receivedAt", number("5"))),
    ("it arrived at the end of time", |item| set(item, "receivedAt", words(END_OF_TIME))),
];

/// Webhooks whose body was cut off: more than a page of the index holds.
const CUT_OFF: usize = 60;

fn body_of(item: &Item) -> Value {
    serde_json::from_str(text_of(item, "body")).expect("a body")
}

/// A copy of a waiting webhook, with another message of another person, that is due before all others.
fn copy_of(webhook: &Item, place: usize) -> Item {
    let mut copy = webhook.clone();
    let mut body = body_of(webhook);
    body["messageId"] = json!(format!("3EB0POISON{place}"));
    body["phone"] = json!(phones(900 + place, 1)[0]);
    set(&mut copy, "body", words(&body.to_string()));
    set(&mut copy, "sk", words(&format!("3EB0POISON{place}#message")));
    set(&mut copy, "dueAt", words("2026-02-16T11:00:00.000Z"));
    copy
}

/// Lets each phone write while PostgreSQL is away and the clinic is not in memory.
async fn write_during_an_outage(app: &TestApp, proxy: &Proxy, phones: &[String]) {
    switch_to(proxy, ProxyMode::Refuse);
    post_all(app, greetings(app, INSTANCE, phones)).await;
    switch_to(proxy, ProxyMode::Forward);
    wait_for_postgres(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_webhooks_that_cannot_be_read_hold_up_no_other_webhook() {
    let database = database().await;
    let proxy = Proxy::start(database.address(), Protocol::Postgres).await;
    let url = database.url_via(proxy.address());
    let mut stored = Stored::with(database, Some(url)).await;
    let good = phones(0, 50);
    write_during_an_outage(&stored.app, &proxy, &good).await;
    let mut waiting = stored.items(stored.sessions()).await;
    waiting.retain(|item| text_of(item, "pk") == format!("INBOX#{INSTANCE}"));
    assert_eq!(waiting.len(), good.len(), "each message waits outside its chat");

    let cut_off: Poison = ("the body is cut off", |item| set(item, "body", words("{")));
    let poisons = UNREADABLE.iter().chain(std::iter::repeat_n(&cut_off, CUT_OFF));
    for (place, (_, poison)) in poisons.enumerate() {
        let mut copy = copy_of(&waiting[0], place);
        poison(&mut copy);
        stored.put(stored.sessions(), copy).await;
    }
    pass(&stored.app, TimeDelta::minutes(1)).await;
    let summary = run(&stored.app, "reconciler").await;
    let missing = not_served(&stored.app, &good, 2);
    assert!(missing.is_empty(), "{missing:?}\n{summary}\n{}", stored.app.log());
    assert_counted(&summary);

    let later = phones(200, 3);
    stored.app.restart(None).await;
    write_during_an_outage(&stored.app, &proxy, &later).await;
    pass(&stored.app, TimeDelta::minutes(1)).await;
    let summary = run(&stored.app, "reconciler").await;
    let missing = not_served(&stored.app, &[later, good].concat(), 2);
    assert!(missing.is_empty(), "{missing:?}\n{summary}");
    stored.stop().await;
}
