//! The jobs under load: due chats while one clinic's z-api hangs, the reports of an evening, the reminders of an
//! hour, and what an item costs with few and with many clinics (`docs/rules/reliability.md#job-load`). Fails if a
//! figure breaks its rule.
//!
//! A tenth of the load: `cargo bench -p scheduler-tests --bench jobs`. All of it: the same with `-- full`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

mod chats;
mod figures;
mod growth;
mod reminders;
mod reports;
mod setup;

use std::time::Duration;

/// How long z-api takes for an answer, unless it hangs.
const ANSWER_TIME: Duration = Duration::from_millis(300);

/// How much there is to do.
struct Size {
    chats: usize,
    chat_clinics: usize,
    /// The runs that send the other clinics' chats may take this long together.
    chat_time: Duration,
    report_clinics: usize,
    reminder_clinics: usize,
    /// The numbers of clinics that the growth compares.
    growth: [usize; 2],
    /// Chats and reminders of each clinic in the growth.
    growth_items: usize,
}

const FULL: Size = Size {
    chats: 10_000,
    chat_clinics: 300,
    chat_time: Duration::from_secs(600),
    report_clinics: 2_000,
    reminder_clinics: 2_000,
    growth: [100, 2_000],
    growth_items: 5,
};
const TENTH: Size = Size {
    chats: 1_000,
    chat_clinics: 30,
    chat_time: Duration::from_secs(60),
    report_clinics: 200,
    reminder_clinics: 200,
    growth: [100, 1_000],
    growth_items: 1,
};
/// Of each clinic, in the hour.
const REMINDERS: usize = 10;

#[tokio::main]
async fn main() {
    let is_full = std::env::args().any(|argument| argument == "full");
    let size = if is_full { FULL } else { TENTH };
    figures::print_heading("z-api answers after 300 ms");
    chats::with_one_hanging_clinic(size.chat_clinics, size.chats, ANSWER_TIME, size.chat_time).await;
    reports::of_one_evening(size.report_clinics, ANSWER_TIME).await.print("nightly reports");
    let reminders = reminders::due_within_an_hour(size.reminder_clinics, REMINDERS, ANSWER_TIME).await;
    reminders.print("reminders due within an hour");
    growth::compare(size.growth, size.growth_items).await;
}
