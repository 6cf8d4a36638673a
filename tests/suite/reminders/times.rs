//! When a reminder goes out, and when none does.

use scheduler_tests::{Product, Setting};
use serde_json::json;

use super::{MARIA, at, at_once, book, change, run, sent, stored};

/// What the reminders that are stored come to: each with its time and where it stands.
#[track_caller]
fn check(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = found.iter().map(|(at, status)| (at.as_str(), status.as_str())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_reminder_goes_out_at_its_minute_and_once() {
    let mut product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    at_once(&mut product, at("2026-02-22T11:59")).await;
    let early = run(&product).await;
    assert_eq!((&early["processed"], sent(&product, MARIA)), (&json!(0), 0), "a minute before: {early}");

    at_once(&mut product, at("2026-02-22T12:00")).await;
    run(&product).await;
    let outbox = product.zapi.outbox(Some(MARIA));
    assert_eq!(outbox.len(), 1, "{outbox:?}");
    assert!(outbox[0].message.contains("Amanhã às 09:00"), "{outbox:?}");
    assert!(outbox[0].message.contains("SAIR"), "{outbox:?}");

    let again = run(&product).await;
    assert_eq!(again["processed"], 0, "{again}");
    let (a, b, c, d) = tokio::join!(run(&product), run(&product), run(&product), run(&product));
    println!("sent 1; again: {again}; four at once: {a} {b} {c} {d}");
    assert_eq!(sent(&product, MARIA), 1);
    check(&stored(&product, MARIA).await, &[("2026-02-22T12:00:00.000Z", "SENT")]);
    assert!(product.log().contains("Processed 1 reminders: 1 sent, 0 failed"), "{}", product.log());

    let events = product.events(MARIA).await;
    let statuses: Vec<&str> = events.iter().filter_map(|event| event["status"].as_str()).collect();
    assert_eq!(statuses, ["QUEUED", "SENT"], "{events:#?}");
}

#[tokio::test]
async fn eight_runs_at_once_send_one() {
    let mut product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    at_once(&mut product, at("2026-02-22T12:00")).await;
    let product = &product;
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        run(product),
        run(product),
        run(product),
        run(product),
        run(product),
        run(product),
        run(product),
        run(product)
    );
    let runs = [a, b, c, d, e, f, g, h];
    let in_all: u64 = runs.iter().filter_map(|summary| summary["sent"].as_u64()).sum();
    println!("eight at once: {in_all} sent, {} in the outbox", sent(product, MARIA));
    assert_eq!((in_all, sent(product, MARIA)), (1, 1), "{runs:?}");
}

#[tokio::test]
async fn a_moved_visit_is_reminded_of_at_its_new_time_only() {
    let mut product = Product::start().await;
    let visit = book(&product, MARIA, "2026-02-23", "09:00").await;
    change(&product, &visit, json!({ "date": "2026-02-24", "time": "10:00" })).await;
    check(
        &stored(&product, MARIA).await,
        &[("2026-02-22T12:00:00.000Z", "CANCELLED"), ("2026-02-23T13:00:00.000Z", "PENDING")],
    );
    at_once(&mut product, at("2026-02-22T12:00")).await;
    run(&product).await;
    assert_eq!(sent(&product, MARIA), 0, "nothing for the old time");
    at_once(&mut product, at("2026-02-23T13:00")).await;
    run(&product).await;
    assert_eq!(sent(&product, MARIA), 1, "one for the new");
}

#[tokio::test]
async fn moved_away_and_back_there_is_one() {
    let mut product = Product::start().await;
    let visit = book(&product, MARIA, "2026-02-23", "09:00").await;
    change(&product, &visit, json!({ "date": "2026-02-24", "time": "10:00" })).await;
    change(&product, &visit, json!({ "date": "2026-02-23", "time": "09:00" })).await;
    check(
        &stored(&product, MARIA).await,
        &[("2026-02-22T12:00:00.000Z", "PENDING"), ("2026-02-23T13:00:00.000Z", "CANCELLED")],
    );
    for when in ["2026-02-22T12:00", "2026-02-23T13:00"] {
        at_once(&mut product, at(when)).await;
        run(&product).await;
    }
    assert_eq!(sent(&product, MARIA), 1);
}

#[tokio::test]
async fn whoever_cancels_books_late_or_opted_out_gets_none() {
    let mut product = Product::start().await;
    let visit = book(&product, MARIA, "2026-02-23", "09:00").await;
    change(&product, &visit, json!({ "status": "CANCELLED" })).await;
    check(&stored(&product, MARIA).await, &[("2026-02-22T12:00:00.000Z", "CANCELLED")]);

    let opted_out = "5511999990001";
    book(&product, opted_out, "2026-02-23", "10:00").await;
    product.patient(opted_out, "Ana Souza").says("SAIR").await;
    let answers = sent(&product, opted_out);

    at_once(&mut product, at("2026-02-22T14:00")).await;
    let late = "5511999990002";
    // At 11:00, for 07:00 of the next day.
    book(&product, late, "2026-02-23", "07:00").await;
    check(&stored(&product, late).await, &[]);
    let summary = run(&product).await;
    println!("{summary}");
    assert_eq!((&summary["sent"], &summary["cancelled"]), (&json!(0), &json!(1)), "{summary}");
    assert_eq!((sent(&product, MARIA), sent(&product, late)), (0, 0));
    assert_eq!(sent(&product, opted_out), answers);
}

#[tokio::test]
async fn a_visit_that_vanishes_between_query_and_send_is_not_reminded_of() {
    let mut product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    // As if the process had ended before the reminder could follow.
    let moved = "update scheduler.appointments set start_time = '11:00', end_time = '11:45'";
    sqlx::query(moved).execute(&product.database.pool).await.expect("a move");
    at_once(&mut product, at("2026-02-22T12:00")).await;
    let summary = run(&product).await;
    assert_eq!((&summary["sent"], &summary["cancelled"]), (&json!(0), &json!(1)), "{summary}");
    assert_eq!(sent(&product, MARIA), 0);
}

#[tokio::test]
async fn early_and_late_visits_are_reminded_of_in_decent_hours() {
    let product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "07:00").await;
    book(&product, MARIA, "2026-02-23", "21:00").await;
    check(
        &stored(&product, MARIA).await,
        &[("2026-02-22T11:00:00.000Z", "PENDING"), ("2026-02-22T23:00:00.000Z", "PENDING")],
    );
}

#[tokio::test]
async fn after_an_outage_a_reminder_is_sent_if_tomorrow_is_still_true() {
    let mut product = Product::start().await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    let too_late = "5511999990001";
    book(&product, too_late, "2026-02-22", "09:00").await;
    // Nothing ran for hours; the second one's "Amanhã" ended at midnight of São Paulo, 03:00 UTC.
    at_once(&mut product, at("2026-02-23T02:59")).await;
    let summary = run(&product).await;
    println!("{summary}");
    assert_eq!((&summary["sent"], &summary["expired"]), (&json!(1), &json!(1)), "{summary}");
    assert_eq!((sent(&product, MARIA), sent(&product, too_late)), (1, 0));
    let again = run(&product).await;
    assert_eq!(again["processed"], 0, "{again}");
}

#[tokio::test]
async fn nobody_is_written_to_who_may_not_be() {
    let mut product = Product::with(Setting { allowed: "", ..Setting::default() }).await;
    book(&product, MARIA, "2026-02-23", "09:00").await;
    at_once(&mut product, at("2026-02-22T12:00")).await;
    let summary = run(&product).await;
    assert_eq!((&summary["sent"], sent(&product, MARIA)), (&json!(0), 0), "{summary}");
    let events = product.events(MARIA).await;
    assert_eq!((events.len(), &events[0]["status"]), (1, &json!("BLOCKED")), "{events:#?}");
}

#[tokio::test]
async fn a_visit_booked_in_the_chat_is_reminded_of_too() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.goes_to("day_").await;
    // The last of the days that are offered: today's is less than a day ahead.
    let days = maria.prompt().options;
    let day = days.iter().rev().find(|option| option.id.starts_with("day_")).expect("a day").id.clone();
    maria.presses(&day).await;
    maria.books().await;
    let reminders = stored(&product, MARIA).await;
    assert_eq!(reminders.len(), 1, "{reminders:?}");
    assert_eq!(reminders[0].1, "PENDING");
    let behind = "select count(*) from scheduler.appointments where reminder_version < version";
    assert_eq!(product.database.number(behind).await, 0, "the request brought it up");
}
