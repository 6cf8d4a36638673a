//! Many sheets and several SheetWriters share the quota of one service account
//! (docs/rules/sheet.md#sheet-quota).

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_core::app::sheets::SheetSync;
use scheduler_tests::TestDatabase;
use tokio::task::JoinSet;

use super::{TAB, ids, insert_clinics, sheets, start};

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
async fn four_sheet_writers_stay_within_60_calls_per_minute_and_write_every_sheet() {
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
    let most = google.max_calls_per_minute();
    println!(
        "{CLINICS} sheets, four SheetWriters every 15 s: {written} rows after {} s, {} calls, at most {most} per minute",
        rounds * 15,
        google.calls()
    );
    assert!((2..=60).contains(&most), "{most}");
    assert_eq!((written, google.calls()), (CLINICS, 2 * CLINICS), "each sheet is written by one SheetWriter");
    for clinic in &clinics {
        assert_eq!(ids(&google, clinic).len(), 1, "{clinic}");
    }
    function.stop().await;
}
