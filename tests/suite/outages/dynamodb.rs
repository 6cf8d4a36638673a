//! DynamoDB fails (docs/rules/reliability.md#dynamodb-outages): retries are bounded, the webhook answers
//! inside its deadline, and no state is stored without its event.

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_tests::{Fault, ProxyMode, TestApp, text, wait_until};
use serde_json::Value;

use super::{MARIA, app_with_faulty_dynamodb, app_with_proxied_dynamodb, switch_to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_dynamodb_is_a_503_inside_the_webhooks_deadline() {
    let (app, proxy, embedded) = app_with_proxied_dynamodb().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    for (how, mode) in [("refuses", ProxyMode::Refuse), ("hangs", ProxyMode::Hang)] {
        switch_to(&proxy, mode);
        let webhook = maria.webhook(text("dúvidas"));
        let answer = app.webhook(&webhook).await;
        println!("DynamoDB {how}: {} after {:?} (deadline 12 s)", answer.status, answer.took);
        assert_eq!(answer.status, 503, "{how}: the message is stored nowhere: {}", answer.body);
        assert!(answer.took < Duration::from_secs(12), "{how}: {:?}", answer.took);

        switch_to(&proxy, ProxyMode::Forward);
        maria.replies();
        // z-api may or may not send the webhook again; the patient can write again in any case.
        let accepted = async || app.webhook(&webhook).await.status == 200;
        wait_until("the webhook is accepted", Duration::from_secs(15), accepted).await;
        let replied = async || !maria.replies().is_empty();
        wait_until("the patient gets a reply", Duration::from_secs(15), replied).await;
    }
    drop(app);
    embedded.stop().await;
}

/// Checks that the stored state is the one after the last inbound event of the history.
async fn state_has_its_event(app: &TestApp, how: &str) {
    let chat = app.chat(MARIA).await;
    let events = chat["events"].as_array().expect("a history");
    let last_inbound = events
        .iter()
        .rev()
        .find(|event| event["direction"] == "INBOUND" && event["metadata"]["stateAfter"].is_string());
    let expected = last_inbound.map(|event| event["metadata"]["stateAfter"].clone());
    assert_eq!(Some(chat["session"]["currentState"].clone()), expected, "{how}: {chat:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_a_few_times_is_retried() {
    let (app, faulty, embedded) = app_with_faulty_dynamodb().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    let slow = Fault::Slow(Duration::from_secs(5));
    for (operation, fault, times) in [
        ("UpdateItem", Fault::Throttled, 2),
        ("UpdateItem", Fault::Conflict, 3),
        ("UpdateItem", Fault::InternalError, 2),
        ("UpdateItem", slow, 1),
        ("TransactWriteItems", Fault::Throttled, 2),
        ("TransactWriteItems", Fault::Conflict, 3),
        ("TransactWriteItems", Fault::InternalError, 2),
        ("TransactWriteItems", slow, 1),
    ] {
        let how = format!("{operation} {fault:?} × {times}");
        let inbound =
            |events: &[Value]| events.iter().filter(|event| event["direction"] == "INBOUND").count();
        let before = inbound(&app.events(MARIA).await);
        faulty.take_call_counts();
        faulty.inject(operation, fault, times);
        let answered = maria.try_send(text("menu")).await;
        faulty.clear_faults();
        let calls = faulty.take_call_counts();
        let replies = maria.replies().len();
        let recorded = inbound(&app.events(MARIA).await) - before;
        println!(
            "{how}: {} after {:?}, {replies} reply, {recorded} inbound event, {calls:?}",
            answered.status, answered.took
        );
        assert_eq!(answered.status, 200, "{how}: {}", answered.body);
        assert!(answered.took < Duration::from_secs(12), "{how}: {:?}", answered.took);
        assert_eq!((replies, recorded), (1, 1), "{how}");
        state_has_its_event(&app, &how).await;
    }
    drop(app);
    embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_keeps_failing_is_given_up_in_time_and_the_message_is_answered_later() {
    let (mut app, faulty, embedded) = app_with_faulty_dynamodb().await;
    app.patient(MARIA, "Maria Silva").says("Olá").await;
    let slow = Fault::Slow(Duration::from_secs(5));
    for fault in [Fault::Throttled, Fault::Conflict, Fault::InternalError, slow] {
        let sent = app.zapi.outbox(Some(MARIA)).len();
        app.reconcile().await;
        faulty.take_call_counts();
        faulty.inject("TransactWriteItems", fault, usize::MAX);
        let answered = app.patient(MARIA, "Maria Silva").try_send(text("menu")).await;
        let attempts = faulty.take_call_counts().remove("TransactWriteItems").unwrap_or_default();
        println!(
            "TransactWriteItems keeps failing ({fault:?}): {} after {:?}, {attempts} attempts",
            answered.status, answered.took
        );
        // The message is stored, so the webhook is accepted.
        assert_eq!(answered.status, 200, "{fault:?}: {}", answered.body);
        assert!(answered.took < Duration::from_secs(12), "{fault:?}: {:?}", answered.took);
        assert_eq!(app.zapi.outbox(Some(MARIA)).len(), sent, "{fault:?}: no reply before the commit");
        if !matches!(fault, Fault::Slow(_)) {
            state_has_its_event(&app, &format!("{fault:?}")).await;
        }

        // The index does not show the chat yet: the Reconciler cannot find it, and nothing breaks.
        faulty.clear_faults();
        faulty.inject("Query", Fault::Stale, usize::MAX);
        app.advance_clock(TimeDelta::minutes(1)).await;
        app.reconcile().await;
        faulty.clear_faults();
        let replied = async || {
            app.reconcile().await;
            app.zapi.outbox(Some(MARIA)).len() > sent
        };
        wait_until("the patient gets a reply", Duration::from_secs(30), replied).await;
        // Then the index still shows the chat although nothing is left to do.
        faulty.inject("Query", Fault::Stale, usize::MAX);
        app.reconcile().await;
        faulty.clear_faults();
        assert_eq!(app.zapi.outbox(Some(MARIA)).len(), sent + 1, "{fault:?}: answered once");
        state_has_its_event(&app, &format!("{fault:?}, after recovery")).await;
    }
    drop(app);
    embedded.stop().await;
}
