//! z-api fails (quality 3, row 15): the webhook is answered in time, and a reply is sent later or
//! marked as failed, as the class of the fault says.

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::{Product, text};

/// What becomes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It goes out later.
    Later,
    /// It is marked as failed.
    Failed,
}

fn faults() -> Vec<(&'static str, Answer, Fate)> {
    let success = r#"{"zaapId":"3999","messageId":"D241","id":"D241"}"#;
    let expired = r#"{"error":"To continue sending a message, you must subscribe to this instance again"}"#;
    vec![
        ("500", Answer::says(500, "oops"), Fate::Later),
        ("429", Answer::says(429, "{}"), Fate::Later),
        ("garbage", Answer::says(200, "<html>\u{fffd}"), Fate::Later),
        ("{}", Answer::says(200, "{}"), Fate::Failed),
        ("200 with an error", Answer::says(200, r#"{"error":"message is empty"}"#), Fate::Failed),
        ("subscription expired", Answer::says(400, expired), Fate::Later),
        ("reset before the body", Answer::reset(), Fate::Later),
        ("reset in the body", Answer::says(200, success).reset_after(150), Fate::Later),
        ("10 MB", Answer::huge(10 * 1024 * 1024), Fate::Later),
        ("one byte a second", Answer::says(200, success).byte_by_byte(Duration::from_secs(1)), Fate::Later),
        ("a timeout", Answer::usual().after(Duration::from_secs(30)), Fate::Later),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_z_api_answers_the_webhook_is_answered_and_the_reply_has_its_fate() {
    let mut product = Product::start().await;
    product.patient("5511988880000", "Maria Silva").says("Olá").await;
    let memory_before = product.server().most_memory();
    for (number, (how, answer, fate)) in faults().into_iter().enumerate() {
        let phone = format!("55119888811{number:02}");
        product.zapi.answer_phone(&phone, answer);
        let answered = product.patient(&phone, "Maria Silva").tries(text("Olá")).await;
        product.zapi.behave();
        assert_eq!(answered.status, 200, "{how}: {}", answered.body);
        let at_once = product.zapi.outbox(Some(&phone)).len();
        let mut rounds = 0;
        while !product.chat(&phone).await["session"]["dueAt"].is_null() {
            product.passes(TimeDelta::minutes(1)).await;
            product.reconcile().await;
            rounds += 1;
            assert!(rounds < 10, "{how}: {:#}", product.chat(&phone).await);
        }
        let events = product.events(&phone).await;
        let with = |status: &str| {
            let of =
                |event: &&serde_json::Value| event["direction"] == "OUTBOUND" && event["status"] == status;
            events.iter().filter(of).count()
        };
        let (sent, failed) = (with("SENT"), with("FAILED"));
        println!(
            "{how}: 200 after {:?}, {at_once} replies at once, {sent} sent and {failed} failed in the end, taken up {rounds} times",
            answered.took
        );
        let expected = match fate {
            Fate::Later => (0, 2, 0),
            Fate::Failed => (0, 0, 2),
        };
        assert_eq!((at_once, sent, failed), expected, "{how}: {events:#?}");
        assert!(answered.took < Duration::from_secs(8), "{how}: {:?}", answered.took);
    }
    let grown = product.server().most_memory().saturating_sub(memory_before);
    println!("most memory of the server: {} MiB more than before (bar 64)", grown / 1024 / 1024);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes");
}
