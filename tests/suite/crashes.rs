//! The process crashes during a confirmation, or PostgreSQL is unavailable when a message arrives: nothing is
//! lost and nothing is done twice (`docs/rules/reliability.md#crashes`).

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_tests::{Protocol, Proxy, ProxyMode, TestApp, TestConfig, database, text, wait_until};

const MARIA: &str = "5511999990000";

/// The failpoints of a message in the order in which a confirmation hits them
/// (`docs/rules/data.md#failpoints`).
const FAILPOINTS: [&str; 6] = [
    "message_stored",
    "visit_committed",
    "session_committed",
    "reply_accepted",
    "reply_marked",
    "replies_cleared",
];

/// The number of replies to a confirmation without a crash.
async fn replies_without_crash() -> usize {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.goes_to("book_").await;
    maria.says("sim").await.len()
}

async fn crash_at(failpoint: &str, expected_replies: usize) {
    let mut app = TestApp::start().await;
    // The first offered time must still be ahead when the Reconciler runs.
    app.advance_clock(TimeDelta::minutes(5)).await;
    app.patient(MARIA, "Maria Silva").goes_to("book_").await;
    assert_eq!(app.state(MARIA).await, "CONFIRM_BOOKING");
    let before = app.zapi.outbox(Some(MARIA)).len();

    app.restart(Some(failpoint)).await;
    let yes = app.patient(MARIA, "Maria Silva").webhook(text("sim"));
    let response = app.try_webhook(&yes).await;
    assert!(response.is_err(), "{failpoint}: the connection must fail: {response:?}");
    wait_until("the process has exited", Duration::from_secs(10), async || app.server().has_exited()).await;

    app.restart(None).await;
    app.advance_clock(TimeDelta::minutes(1)).await;
    let summary = app.reconcile().await;
    let chat = app.chat(MARIA).await;
    assert!(chat["session"]["dueAt"].is_null(), "{failpoint}: one run must finish all work: {chat:#}");

    let appointments = app.appointments().await;
    let replies: Vec<String> =
        app.zapi.outbox(Some(MARIA)).into_iter().skip(before).map(|reply| reply.message).collect();
    let mut distinct = replies.clone();
    distinct.dedup();
    let repeated = replies.len() - distinct.len();
    let events = app.events(MARIA).await;
    let inbound = events
        .iter()
        .filter(|event| event["direction"] == "INBOUND" && event["messageId"] == yes["messageId"])
        .count();
    let state = app.state(MARIA).await;
    println!(
        "crash at {failpoint}: {} appointment, {} replies, {repeated} of them repeated, {inbound} inbound event, \
         {state}, {summary}",
        appointments.len(),
        replies.len(),
    );
    assert_eq!(appointments.len(), 1, "{failpoint}: {appointments:?}");
    assert_eq!(appointments[0]["status"], "CONFIRMED", "{failpoint}");
    assert_eq!(distinct.len(), expected_replies, "{failpoint}: {replies:?}");
    assert!(repeated <= 1, "{failpoint}: {replies:?}");
    assert_eq!(inbound, 1, "{failpoint}: {events:#?}");
    assert_eq!(state, "BOOKED", "{failpoint}");
}

#[tokio::test]
async fn a_confirmation_survives_a_crash_at_every_failpoint() {
    let expected_replies = replies_without_crash().await;
    assert!((1..=2).contains(&expected_replies), "{expected_replies}");
    for failpoint in FAILPOINTS {
        crash_at(failpoint, expected_replies).await;
    }
}

#[tokio::test]
async fn a_message_that_arrives_while_postgres_is_unavailable_is_answered_later() {
    let database = database().await;
    let proxy = Proxy::start(database.address(), Protocol::Postgres).await;
    let config =
        TestConfig { database_url: Some(database.url_via(proxy.address())), ..TestConfig::default() };
    // The clinic is not in memory, because this is the first message.
    let mut app = TestApp::on(database, config).await;
    proxy.set_mode(ProxyMode::Refuse);
    proxy.reset_connections();
    let mut maria = app.patient(MARIA, "Maria Silva");
    let replies = maria.says("Olá").await;
    assert_eq!(replies, [], "without its clinic the message cannot be answered");

    proxy.set_mode(ProxyMode::Forward);
    app.advance_clock(TimeDelta::minutes(1)).await;
    let summary = app.reconcile().await;
    assert_eq!(app.zapi.outbox(Some(MARIA)).len(), 2, "the greeting and the menu: {summary}");
    println!("PostgreSQL is available again: 2 replies, {summary}");
    assert_eq!(app.state(MARIA).await, "MAIN_MENU");
}
