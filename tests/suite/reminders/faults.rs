//! What is away, and what it costs.

use chrono::TimeDelta;
use scheduler_local::dynamodb::Embedded;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::{Manner, Product, Proxy, Setting, Speaks};
use serde_json::json;

use super::load::book_many;
use super::{MARIA, at, at_once, book, change, run, sent, stored};

#[tokio::test]
async fn one_poisoned_reminder_does_not_delay_the_others() {
    let mut product = Product::start().await;
    let phones = book_many(&product, 100, "2026-02-23", "America/Sao_Paulo").await;
    product.zapi.answer_phone(&phones[50], Answer::says(400, r#"{"error":"message is empty"}"#));
    at_once(&mut product, at("2026-02-22T23:30")).await;
    let summary = run(&product).await;
    println!("one poison among 100: {summary}");
    assert_eq!((&summary["sent"], &summary["failed"]), (&json!(99), &json!(1)), "{summary}");
    let chat = product.chat(&phones[50]).await;
    assert_eq!(chat["reminders"][0]["status"], "FAILED");
    assert_eq!(chat["reminders"][0]["errorDetails"], "HTTP 400: message is empty");
    assert_eq!(chat["events"][1]["status"], "FAILED", "{chat:#}");
}

#[tokio::test]
async fn what_may_work_later_is_tried_five_times() {
    let mut product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    product.zapi.answer_phone(MARIA, Answer::says(500, "{}"));
    at_once(&mut product, at("2026-02-22T12:00")).await;
    let mut failed = 0;
    for _ in 0..24 {
        let summary = run(&product).await;
        failed += summary["failed"].as_u64().expect("a number");
        product.passes(TimeDelta::minutes(15)).await;
    }
    let tries = product.zapi.calls().iter().filter(|call| call.endpoint == "send-text").count();
    println!("{tries} tries, {failed} failed");
    assert_eq!((tries, failed), (5, 1));
    let chat = product.chat(MARIA).await;
    assert_eq!(chat["reminders"][0]["status"], "FAILED", "{chat:#}");
    assert_eq!(chat["reminders"][0]["errorDetails"], "HTTP 500");
}

#[tokio::test]
async fn a_disconnected_phone_costs_no_attempt() {
    let mut product = Product::start().await;
    product.set("STAGE", "test".to_owned());
    product.restart(None).await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    let expires = "5511999990001";
    book(&product, expires, "2026-02-22", "21:00").await;
    at_once(&mut product, at("2026-02-22T01:00")).await;
    let away = r#"{"connected":false,"error":"You are not connected","smartphoneConnected":false}"#;
    product.zapi.answer_endpoint("status", Answer::says(200, away));
    let mut runs = 0;
    // From an hour before the day ends, for three hours: one of the two becomes untrue.
    for _ in 0..12 {
        let summary = run(&product).await;
        assert_eq!(summary["sent"], 0, "{summary}");
        runs += u64::from(summary["held"].as_u64().expect("a number") > 0);
        product.passes(TimeDelta::minutes(15)).await;
    }
    let held = stored(&product, MARIA).await;
    let chat = product.chat(MARIA).await;
    assert_eq!((&held[0].1, &chat["reminders"][0]["attempts"]), (&"PENDING".to_owned(), &json!(0)));
    let asked = product.zapi.calls().iter().filter(|call| call.endpoint == "status").count();
    assert_eq!(asked as u64, runs, "once for the clinic and run");
    let metrics = product.log().lines().filter(|line| line.contains("\"InstanceFaults\":1")).count();
    assert_eq!(metrics as u64, runs, "one metric a run: {}", product.log());
    let hours_late =
        product.log().lines().filter(|line| line.contains("\"OldestReminderDueAge\":9900")).count();
    assert_eq!(
        hours_late,
        1,
        "the last run met one from eleven quarters of an hour before: {}",
        product.log()
    );

    at_once(&mut product, at("2026-02-22T12:00")).await;
    let held = run(&product).await;
    assert_eq!(held["held"], 1, "{held}");
    product.zapi.behave();
    let summary = run(&product).await;
    println!("held in {runs} runs, then {summary}");
    assert_eq!((sent(&product, MARIA), sent(&product, expires)), (1, 0));
    let chat = product.chat(MARIA).await;
    assert_eq!(chat["reminders"][0]["attempts"], 1, "{chat:#}");
}

#[tokio::test]
async fn a_wrong_token_costs_no_attempt() {
    let mut product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    at_once(&mut product, at("2026-02-22T12:00")).await;
    product.zapi.answer_endpoint("send-", Answer::says(403, r#"{"error":"Client-Token not allowed"}"#));
    let summary = run(&product).await;
    assert_eq!(summary["held"], 1, "{summary}");
    let chat = product.chat(MARIA).await;
    assert_eq!(chat["reminders"][0]["attempts"], 0, "{chat:#}");
    product.zapi.behave();
    let summary = run(&product).await;
    assert_eq!((&summary["sent"], sent(&product, MARIA)), (&json!(1), 1), "{summary}");
}

#[tokio::test]
async fn a_visit_is_booked_though_dynamodb_is_away_and_its_reminder_comes_after() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let target = embedded.endpoint().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::start(target, Speaks::DynamoDb).await;
    let dynamodb = Some(format!("http://{}", proxy.address()));
    let mut product = Product::with(Setting { dynamodb, ..Setting::default() }).await;
    proxy.treats(Manner::Refuse);
    proxy.cut();
    book(&product, MARIA, "2026-02-23", "09:00").await;
    let behind = "select count(*) from scheduler.appointments where reminder_version < version";
    assert_eq!(product.database.number(behind).await, 1);

    proxy.treats(Manner::Carry);
    proxy.cut();
    let summary = product.reconcile().await;
    println!("DynamoDB was away: {summary}");
    assert_eq!(product.database.number(behind).await, 0);
    at_once(&mut product, at("2026-02-22T12:00")).await;
    run(&product).await;
    assert_eq!(sent(&product, MARIA), 1);
    drop(product);
    embedded.stop().await;
}

#[tokio::test]
async fn dynamodb_away_across_the_last_day_costs_no_reminder_and_makes_none_for_who_came_late() {
    let embedded = Embedded::start(None, 0).await.expect("DynamoDB starts");
    let target = embedded.endpoint().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::start(target, Speaks::DynamoDb).await;
    let dynamodb = Some(format!("http://{}", proxy.address()));
    let mut product = Product::with(Setting { dynamodb, ..Setting::default() }).await;
    let (early, changed, moved, late) = (MARIA, "5511999990001", "5511999990002", "5511999990003");
    let known = book(&product, moved, "2026-02-27", "12:00").await;
    // Half an hour more than a day before nine o'clock.
    at_once(&mut product, at("2026-02-22T11:30")).await;
    proxy.treats(Manner::Refuse);
    proxy.cut();
    book(&product, early, "2026-02-23", "09:00").await;
    let visit = book(&product, changed, "2026-02-23", "10:00").await;
    at_once(&mut product, at("2026-02-22T14:30")).await;
    // Less than a day before eleven.
    book(&product, late, "2026-02-23", "11:00").await;
    change(&product, &known, json!({ "date": "2026-02-23", "time": "08:00" })).await;
    proxy.treats(Manner::Carry);
    proxy.cut();
    // A change whose own request brings the reminder up knows no more of the booking's hour.
    change(&product, &visit, json!({ "notes": "traz exames" })).await;
    let summary = product.reconcile().await;
    run(&product).await;
    let times = [early, changed, moved, late].map(|phone| sent(&product, phone));
    println!("DynamoDB was away across the last day: {times:?} reminders, {summary}");
    assert_eq!(times, [1, 1, 0, 0], "booked before, booked before and changed, moved late, booked late");

    change(&product, &visit, json!({ "notes": "não traz exames" })).await;
    product.reconcile().await;
    run(&product).await;
    assert_eq!(sent(&product, changed), 1, "what went out is not made again");
    drop(product);
    embedded.stop().await;
}
