//! Many sheets and many Reconcilers share one service account's quota.

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_core::app::sheets::SheetWriter;
use scheduler_tests::TestDatabase;
use tokio::task::JoinSet;

use super::{TAB, found_clinics, ids, start};

const CLINICS: usize = 60;

/// Four Reconcilers at the same time; how many rows they wrote.
async fn four_at_once(writers: &[SheetWriter]) -> usize {
    let mut runs = JoinSet::new();
    for writer in writers {
        let writer = writer.clone();
        runs.spawn(async move { writer.write_sheets(Duration::from_secs(60)).await.expect("a run") });
    }
    runs.join_all().await.iter().map(|summary| summary.rows_written).sum()
}

async fn behind(database: &TestDatabase) -> i64 {
    database.number("select count(*) from scheduler.appointments where sheet_version < version").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_reconcilers_stay_under_sixty_calls_a_minute_and_forget_no_sheet() {
    let (function, google) = start().await;
    let clinics: Vec<String> = (0..CLINICS).map(|number| format!("clinic-{number:02}")).collect();
    found_clinics(function.database(), &clinics).await;
    for clinic in &clinics {
        google.has(clinic, TAB, 1_000);
    }
    let chats = function.world.chats().unwrap();
    let writer = || SheetWriter::open(Some(&google.config()), chats).unwrap().unwrap();
    let writers: Vec<SheetWriter> = (0..4).map(|_| writer()).collect();
    let mut written = 0;
    let mut quarters = 0;
    while behind(function.database()).await > 0 {
        written += four_at_once(&writers).await;
        function.clock.advance(TimeDelta::seconds(15));
        quarters += 1;
        assert!(quarters < 60, "{written} rows in a quarter of an hour");
    }
    let most = google.most_calls_a_minute();
    println!(
        "{CLINICS} sheets, four Reconcilers every 15 s: {written} rows after {} s, {} calls, at most {most} a minute",
        quarters * 15,
        google.calls()
    );
    assert!((2..=60).contains(&most), "{most}");
    assert_eq!((written, google.calls()), (CLINICS, 2 * CLINICS), "each sheet by one of them");
    for clinic in &clinics {
        assert_eq!(ids(&google, clinic).len(), 1, "{clinic}");
    }
    function.stop().await;
}
