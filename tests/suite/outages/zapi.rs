//! z-api fails (docs/rules/reliability.md#zapi-outages): the webhook is answered in time, and the reply
//! is sent later or marked as failed, depending on the fault.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::{TestApp, text};
use serde_json::Value;

/// What finally happens to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReplyOutcome {
    SentLater,
    Failed,
}

fn faults() -> Vec<(&'static str, ScriptedAnswer, ReplyOutcome)> {
    let success = r#"{"zaapId":"3999","messageId":"D241","id":"D241"}"#;
    let expired = r#"{"error":"To continue sending a message, you must subscribe to this instance again"}"#;
    vec![
        ("500", ScriptedAnswer::respond(500, "oops"), ReplyOutcome::SentLater),
        ("429", ScriptedAnswer::respond(429, "{}"), ReplyOutcome::SentLater),
        ("garbage", ScriptedAnswer::respond(200, "<html>\u{fffd}"), ReplyOutcome::SentLater),
        ("{}", ScriptedAnswer::respond(200, "{}"), ReplyOutcome::Failed),
        (
            "200 with an error",
            ScriptedAnswer::respond(200, r#"{"error":"message is empty"}"#),
            ReplyOutcome::Failed,
        ),
        ("subscription expired", ScriptedAnswer::respond(400, expired), ReplyOutcome::SentLater),
        ("reset before the body", ScriptedAnswer::reset(), ReplyOutcome::SentLater),
        (
            "reset in the body",
            ScriptedAnswer::respond(200, success).reset_after(150),
            ReplyOutcome::SentLater,
        ),
        ("10 MB", ScriptedAnswer::huge(10 * 1024 * 1024), ReplyOutcome::SentLater),
        (
            "one byte a second",
            ScriptedAnswer::respond(200, success).byte_by_byte(Duration::from_secs(1)),
            ReplyOutcome::SentLater,
        ),
        ("a timeout", ScriptedAnswer::success().after(Duration::from_secs(30)), ReplyOutcome::SentLater),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zapi_fault_leaves_the_webhook_at_200_and_delays_or_fails_the_reply() {
    let mut app = TestApp::start().await;
    app.patient("5511988880000", "Maria Silva").says("Olá").await;
    let memory_before = app.server().peak_memory();
    for (number, (how, answer, outcome)) in faults().into_iter().enumerate() {
        let phone = format!("55119888811{number:02}");
        app.zapi.answer_phone(&phone, answer);
        let answered = app.patient(&phone, "Maria Silva").try_send(text("Olá")).await;
        app.zapi.clear_scripts();
        assert_eq!(answered.status, 200, "{how}: {}", answered.body);
        let immediately = app.zapi.outbox(Some(&phone)).len();
        let mut runs = 0;
        while !app.chat(&phone).await["session"]["dueAt"].is_null() {
            app.advance_clock(TimeDelta::minutes(1)).await;
            app.reconcile().await;
            runs += 1;
            assert!(runs < 10, "{how}: {:#}", app.chat(&phone).await);
        }
        let events = app.events(&phone).await;
        let outbound = |status: &str| {
            let matches = |event: &&Value| event["direction"] == "OUTBOUND" && event["status"] == status;
            events.iter().filter(matches).count()
        };
        let (sent, failed) = (outbound("SENT"), outbound("FAILED"));
        println!(
            "{how}: 200 after {:?}, {immediately} replies immediately, {sent} sent and {failed} failed after \
             {runs} runs of the Reconciler",
            answered.took
        );
        let expected = match outcome {
            ReplyOutcome::SentLater => (0, 2, 0),
            ReplyOutcome::Failed => (0, 0, 2),
        };
        assert_eq!((immediately, sent, failed), expected, "{how}: {events:#?}");
        assert!(answered.took < Duration::from_secs(8), "{how}: {:?}", answered.took);
    }
    let grown = app.server().peak_memory().saturating_sub(memory_before);
    println!("peak memory of the server: {} MiB more than before (limit 64)", grown / 1024 / 1024);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes");
}

/// One message every 48 s, from patients who wait for an answer while z-api takes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_150_patients_wait_for_is_sent_once_after_two_hours_without_zapi() {
    const PATIENTS: i64 = 150;
    const REPLIES: usize = 2;
    let outage = TimeDelta::hours(2);
    let mut app = TestApp::start().await;
    let began = app.now();
    app.zapi.answer_endpoint("send-", ScriptedAnswer::respond(503, "{}"));
    let mut waiting = Vec::new();
    for number in 0..PATIENTS {
        let since = began + outage * i32::try_from(number).expect("few") / 150;
        if app.now() < since {
            app.advance_clock(since - app.now()).await;
        }
        let phone = format!("5511970000{number:03}");
        assert_eq!(app.patient(&phone, "Maria Silva").try_send(text("Olá")).await.status, 200);
        waiting.push((phone, app.now()));
        if number % 10 == 9 {
            app.reconcile().await;
        }
    }
    app.zapi.clear_scripts();
    let ended = app.now();
    for _ in 0..4 {
        app.advance_clock(TimeDelta::minutes(1)).await;
        app.reconcile().await;
    }
    for (phone, since) in waiting {
        let sent = app.zapi.outbox(Some(&phone));
        // A greeting that is two hours old would only confuse.
        let expected = if ended - since < outage - TimeDelta::minutes(10) { REPLIES } else { sent.len() };
        assert_eq!(sent.len(), expected, "{phone} waited {}: {sent:?}", ended - since);
        let texts: BTreeSet<&str> = sent.iter().map(|sent| sent.message.as_str()).collect();
        assert_eq!(texts.len(), sent.len(), "{phone}: nothing is sent twice");
        let failed = app.events(&phone).await.iter().filter(|event| event["status"] == "FAILED").count();
        assert_eq!(sent.len() + failed, REPLIES, "{phone}: each reply is sent or marked as failed");
        assert!(app.chat(&phone).await["session"]["dueAt"].is_null(), "{phone}: nothing is left to do");
    }
}
