//! A process that dies at every point of contract 7 on a reminder's way.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::{CLINIC, Product, Setting, until};
use serde_json::json;

use super::{MARIA, at_once, book, run, sent, stored};

/// With the clock running: a server that starts brings reminders up before a test can set its clock.
async fn product() -> Product {
    Product::with(Setting { clock_stands: false, ..Setting::default() }).await
}

async fn has_died(product: &mut Product, point: &str) {
    until(point, Duration::from_secs(20), async || product.server().has_ended()).await;
}

/// Ten days from now, 09:00 in São Paulo.
fn next_visit(product: &Product) -> String {
    (product.now().date_naive() + TimeDelta::days(10)).to_string()
}

/// Moves on to the reminder's time and looks how often it goes out.
async fn goes_out(product: &mut Product) -> usize {
    let due = stored(product, MARIA).await[0].0.parse().expect("an instant");
    at_once(product, due).await;
    run(product).await;
    sent(product, MARIA)
}

#[tokio::test]
async fn a_booking_that_dies_has_its_reminder_all_the_same() {
    for point in ["visit_committed", "reminder_projected"] {
        let mut product = product().await;
        let wish = json!({
            "clinicId": CLINIC, "phone": MARIA, "serviceId": product.service_id().await,
            "date": next_visit(&product), "time": "09:00",
        });
        product.restart(Some(point)).await;
        let answered = product.try_ask(Method::POST, "/appointments", Some(&wish)).await;
        assert!(answered.is_err(), "{point}: {answered:?}");
        has_died(&mut product, point).await;
        product.restart(None).await;
        product.reconcile().await;
        until("the reminder is there", Duration::from_secs(15), async || {
            stored(&product, MARIA).await.len() == 1
        })
        .await;
        let times = goes_out(&mut product).await;
        println!("died at {point}: 1 reminder, sent {times} time(s)");
        assert_eq!(times, 1, "{point}");
    }
}

#[tokio::test]
async fn a_run_that_dies_repeats_at_most_what_was_accepted() {
    for (point, most) in [("reminder_claimed", 1), ("reminder_accepted", 2), ("reminder_marked", 1)] {
        let mut product = product().await;
        book(&product, MARIA, &next_visit(&product), "09:00").await;
        let due = stored(&product, MARIA).await[0].0.parse().expect("an instant");
        at_once(&mut product, due).await;
        product.restart(Some(point)).await;
        let ran = product.try_ask(Method::POST, "/_local/jobs/reminder-processor", None).await;
        assert!(ran.is_err(), "{point}: {ran:?}");
        has_died(&mut product, point).await;
        product.restart(None).await;
        product.passes(TimeDelta::minutes(15)).await;
        let summary = run(&product).await;
        let (times, status) = (sent(&product, MARIA), stored(&product, MARIA).await[0].1.clone());
        println!("died at {point}: sent {times} time(s) (at most {most}), {status}, {summary}");
        assert!((1..=most).contains(&times), "{point}: {times}");
        assert_eq!(status, "SENT", "{point}");
    }
}
