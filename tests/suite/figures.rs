//! The figures that alarms look at, as the product writes them.

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::Product;
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// A product of a stage: only those are watched.
async fn watched() -> Product {
    let mut product = Product::start().await;
    product.set("STAGE", "test".to_owned());
    product.restart(None).await;
    product
}

/// Every line that CloudWatch would read and that has this figure.
fn lines(product: &Product, figure: &str) -> Vec<Value> {
    let log = product.log();
    let figures = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    figures.filter(|line| line.get("_aws").is_some() && line.get(figure).is_some()).collect()
}

/// What was last written of a figure.
fn last(product: &Product, figure: &str) -> u64 {
    let line = lines(product, figure).pop().unwrap_or_else(|| panic!("no {figure}\n{}", product.log()));
    assert_eq!(line["stage"], "test");
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Scheduler");
    assert!(!line.to_string().contains(MARIA), "{line}");
    line[figure].as_u64().expect("a number")
}

#[tokio::test]
async fn every_turn_leaves_one_line_and_what_is_no_turn_none() {
    let product = watched().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    maria.says("1").await;
    let turns = lines(&product, "TurnMilliseconds");
    println!("{turns:?}");
    assert_eq!(turns.len(), 2, "{}", product.log());
    for turn in &turns {
        assert_eq!(turn["outcome"], "answered");
        let waits = turn["TurnWaits"].as_u64().expect("a number");
        // With PostgreSQL's connection and the clinic for the first of all.
        assert!((4..=8).contains(&waits), "{turn}");
    }
    let answered = product.webhook(&json!({ "type": "DeliveryCallback", "instanceId": "nobody" })).await;
    assert_eq!(answered.status, 200);
    product.ask(Method::GET, "/clinics", None).await;
    assert_eq!(lines(&product, "TurnMilliseconds").len(), 2);
}

#[tokio::test]
async fn how_long_the_oldest_chat_has_waited_is_told_by_every_run() {
    let mut product = watched().await;
    product.reconcile().await;
    assert_eq!(last(&product, "OldestChatDueAge"), 0);
    product.zapi.answer_phone(MARIA, Answer::says(500, "{}"));
    product.patient(MARIA, "Maria Silva").says("Olá").await;
    assert_eq!(lines(&product, "TurnMilliseconds").pop().expect("a turn")["outcome"], "left");
    product.passes(TimeDelta::minutes(10)).await;
    product.reconcile().await;
    let age = last(&product, "OldestChatDueAge");
    // Due after thirty seconds.
    assert!((540..=600).contains(&age), "{age} seconds");
}

#[tokio::test]
async fn messages_that_fail_are_counted_wherever_that_is_learnt() {
    let product = watched().await;
    product.zapi.answer_phone(MARIA, Answer::says(400, r#"{"error":"message is empty"}"#));
    product.patient(MARIA, "Maria Silva").says("Olá").await;
    let refused = last(&product, "FailedMessages");
    println!("{refused} replies refused");
    assert!(refused > 0);
    let wish = json!({ "clinicId": "laser-beauty-sp", "phone": MARIA, "type": "text", "content": "Oi" });
    let answered = product.ask(Method::POST, "/send", Some(&wish)).await;
    assert_eq!(answered.status, 502, "{}", answered.body);
    assert_eq!(lines(&product, "FailedMessages").len(), 2);
}
