//! The process crashes at each failpoint that a reminder passes (docs/rules/reliability.md#crashes).

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp, TestConfig, wait_until};
use serde_json::json;

use super::{MARIA, book, move_clock_to, run, sent, stored};

/// The clock runs, because a starting server creates missing reminders before a test can set its clock.
async fn app() -> TestApp {
    TestApp::with(TestConfig { frozen_clock: false, ..TestConfig::default() }).await
}

async fn wait_for_crash(app: &mut TestApp, failpoint: &str) {
    wait_until(failpoint, Duration::from_secs(20), async || app.server().has_exited()).await;
}

/// The date ten days from now.
fn date_in_ten_days(app: &TestApp) -> String {
    (app.now().date_naive() + TimeDelta::days(10)).to_string()
}

/// Moves the clock to the reminder's time, runs the processor, and returns how many messages were sent.
async fn send_when_due(app: &mut TestApp) -> usize {
    let due = stored(app, MARIA).await[0].0.parse().expect("an instant");
    move_clock_to(app, due).await;
    run(app).await;
    sent(app, MARIA)
}

#[tokio::test]
async fn a_crash_during_a_booking_leaves_one_reminder() {
    for failpoint in ["visit_committed", "reminder_projected"] {
        let mut app = app().await;
        let booking = json!({
            "clinicId": CLINIC, "phone": MARIA, "serviceId": app.service_id().await,
            "date": date_in_ten_days(&app), "time": "09:00",
        });
        app.restart(Some(failpoint)).await;
        let answered = app.try_ask(Method::POST, "/appointments", Some(&booking)).await;
        assert!(answered.is_err(), "{failpoint}: {answered:?}");
        wait_for_crash(&mut app, failpoint).await;
        app.restart(None).await;
        app.reconcile().await;
        wait_until("the reminder is there", Duration::from_secs(15), async || {
            stored(&app, MARIA).await.len() == 1
        })
        .await;
        let times = send_when_due(&mut app).await;
        println!("crash at {failpoint}: 1 reminder, sent {times} time(s)");
        assert_eq!(times, 1, "{failpoint}");
    }
}

#[tokio::test]
async fn a_crash_during_a_run_repeats_at_most_the_accepted_reminder() {
    for (failpoint, most) in [("reminder_claimed", 1), ("reminder_accepted", 2), ("reminder_marked", 1)] {
        let mut app = app().await;
        book(&app, MARIA, &date_in_ten_days(&app), "09:00").await;
        let due = stored(&app, MARIA).await[0].0.parse().expect("an instant");
        move_clock_to(&mut app, due).await;
        app.restart(Some(failpoint)).await;
        let ran = app.try_ask(Method::POST, "/_local/jobs/reminder-processor", None).await;
        assert!(ran.is_err(), "{failpoint}: {ran:?}");
        wait_for_crash(&mut app, failpoint).await;
        app.restart(None).await;
        app.advance_clock(TimeDelta::minutes(15)).await;
        let summary = run(&app).await;
        let (times, status) = (sent(&app, MARIA), stored(&app, MARIA).await[0].1.clone());
        println!("crash at {failpoint}: sent {times} time(s) (at most {most}), {status}, {summary}");
        assert!((1..=most).contains(&times), "{failpoint}: {times}");
        assert_eq!(status, "SENT", "{failpoint}");
    }
}
