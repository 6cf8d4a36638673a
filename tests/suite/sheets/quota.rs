//! Many sheets and several SheetWriters share the quota of one service account
//! (docs/rules/sheet.md#sheet-quota).

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_core::adapters::dynamodb::sheets::GoogleCalls;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::ports::Clock;
use scheduler_tests::TestDatabase;
use scheduler_tests::google::GoogleMode;
use tokio::task::JoinSet;

use super::{SHEET, TAB, book, connect, ids, insert_clinics, run, sheets, start, writer};

const CLINICS: usize = 60;

/// Runs all writers at the same time. Returns how many rows they wrote.
async fn write_concurrently(writers: &[SheetSync]) -> usize {
    let mut runs = JoinSet::new();
    for writer in writers {
        let writer = writer.clone();
        runs.spawn(async move { writer.write_sheets(Duration::from_secs(60)).await.expect("a run") });
    }
    runs.join_all().await.iter().map(|summary| summary.rows_written).sum()
}

async fn rows_behind(database: &TestDatabase) -> i64 {
    database.number("select count(*) from scheduler.appointments where sheet_version < version").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_sheet_writers_stay_within_60_reads_and_60_writes_per_minute_and_write_every_sheet() {
    let (function, google) = start().await;
    let clinics: Vec<String> = (0..CLINICS).map(|number| format!("clinic-{number:02}")).collect();
    insert_clinics(function.database(), &clinics).await;
    for clinic in &clinics {
        google.add_tab(clinic, TAB, 1_000);
    }
    let writers: Vec<SheetSync> = (0..4).map(|_| sheets(&function, &google.config())).collect();
    let mut written = 0;
    let mut rounds = 0;
    while rows_behind(function.database()).await > 0 {
        written += write_concurrently(&writers).await;
        function.clock.advance(TimeDelta::seconds(15));
        rounds += 1;
        assert!(rounds < 60, "only {written} rows in 15 minutes");
    }
    let (reads, writes) = google.max_calls_per_minute();
    println!(
        "{CLINICS} sheets, four SheetWriters every 15 s: {written} rows after {} s, {} reads, {} writes, at most \
         {reads} and {writes} per minute",
        rounds * 15,
        google.reads(),
        google.writes(),
    );
    assert!((2..=60).contains(&reads) && (2..=60).contains(&writes), "{reads}, {writes}");
    assert_eq!((written, google.writes()), (CLINICS, CLINICS), "each sheet is written by one SheetWriter");
    assert!(google.reads() >= 2 * CLINICS, "the ids of the tabs, and the tab");
    for clinic in &clinics {
        assert_eq!(ids(&google, clinic).len(), 1, "{clinic}");
    }
    function.stop().await;
}

#[tokio::test]
async fn reads_and_writes_have_a_quota_each() {
    let (function, _google) = start().await;
    let tables = &function.contexts.job.chats.tables;
    let acquire =
        async |kind, calls| tables.try_acquire_google_calls(kind, calls, function.clock.now()).await.unwrap();
    assert!(acquire(GoogleCalls::Reads, 50).await);
    assert!(!acquire(GoogleCalls::Reads, 1).await);
    assert!(acquire(GoogleCalls::Writes, 50).await, "reads do not use up the writes");
    assert!(!acquire(GoogleCalls::Writes, 1).await);
    function.clock.advance(TimeDelta::seconds(75));
    assert!(acquire(GoogleCalls::Reads, 50).await && acquire(GoogleCalls::Writes, 50).await);
    function.stop().await;
}

#[tokio::test]
async fn a_sheet_without_quota_keeps_its_pause_and_is_written_by_the_next_run() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    // Two failures in a row: the next pause is two minutes.
    google.set_mode(GoogleMode::Status(503));
    for _ in 0..2 {
        run(&function).await;
        function.clock.advance(TimeDelta::minutes(1));
    }
    let tables = &function.contexts.job.chats.tables;
    assert!(tables.try_acquire_google_calls(GoogleCalls::Reads, 48, function.clock.now()).await.unwrap());
    let calls = google.calls();
    assert_eq!(run(&function).await["sheets_left"], 1);
    assert_eq!(google.calls(), calls, "the quota is used up");
    function.clock.advance(TimeDelta::seconds(75));
    run(&function).await;
    assert_eq!(google.calls(), calls + 1, "the third failure");
    function.clock.advance(TimeDelta::seconds(90));
    run(&function).await;
    assert_eq!(
        google.calls(),
        calls + 1,
        "the pause is two minutes, because the failures were not forgotten"
    );
    google.set_mode(GoogleMode::Normal);
    function.clock.advance(TimeDelta::seconds(30));
    assert_eq!(run(&function).await["rows_written"], 1);
    function.stop().await;
}

#[tokio::test]
async fn a_run_starts_no_call_that_may_end_after_its_time() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    let writer = writer(&function);
    // A new sheet needs two reads of four seconds each.
    let summary = writer.write_sheets(Duration::from_secs(8)).await.expect("a run");
    assert_eq!((summary.sheets_left, google.calls()), (1, 0));
    let summary = writer.write_sheets(Duration::from_secs(14)).await.expect("a run");
    assert_eq!((summary.sheets_left, summary.rows_written), (0, 1));
    function.stop().await;
}
