//! The nightly reports of many clinics, each with one appointment tomorrow.

use std::time::Duration;

use scheduler_api::jobs::DAILY_REPORT_SENDER;

use crate::figures::{Figures, timed};
use crate::setup::{Delivered, Setup, clinic_phone};

/// Monday, 20:00 in São Paulo.
const EVENING: &str = "2026-02-16T23:00:00Z";
/// Timeout of the function (`sls/functions/report/interface.yml`).
const TIMEOUT: Duration = Duration::from_secs(300);

/// Measures the first run of the evening, which sends every report.
pub async fn of_one_evening(clinics: usize, answer_time: Duration) -> Figures {
    let setup = Setup::start(clinics, answer_time).await;
    setup.book(setup.people(clinics)).await;
    setup.clock.set(EVENING.parse().expect("an instant"));
    let (summary, took) = timed(setup.chats.send_reports(DAILY_REPORT_SENDER.budget)).await;
    let (second, _) = timed(setup.chats.send_reports(DAILY_REPORT_SENDER.budget)).await;
    let figures = Figures { clinics, items: clinics, runs: vec![took] };
    figures.check_timeout(TIMEOUT);
    assert_eq!((summary.sent, summary.left), (clinics, 0), "the evening's first run: {summary:?}");
    assert_eq!(second.sent, 0, "the evening's second run: {second:?}");
    let phones: Vec<String> = (0..clinics).map(clinic_phone).collect();
    let delivered = setup.delivered(phones.iter().map(String::as_str));
    assert_eq!(delivered, Delivered::default(), "each clinic gets exactly one report");
    setup.stop().await;
    figures
}
