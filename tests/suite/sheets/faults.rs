//! Google refuses, hangs, is slow, or does not know the account: what waits, how long, and what does not
//! wait (docs/rules/reliability.md#google-outages).

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_api::jobs::{RECONCILER, REMINDER_PROCESSOR, SHEET_WRITER};
use scheduler_core::app::chats::Chats;
use scheduler_core::app::sheets::SheetSync;
use scheduler_core::config::SheetsConfig;
use scheduler_core::ports::Clock;
use scheduler_tests::google::{FakeGoogle, GoogleMode};
use scheduler_tests::{TestApp, TestConfig, wait_until};
use serde_json::json;

use super::{SHEET, TAB, book, change, connect, ids, insert_clinics, run, sheets, start, writer};

#[tokio::test]
async fn a_refused_sheet_is_retried_once_a_day_and_a_changed_spreadsheet_immediately() {
    for status in [400, 403, 404] {
        let (function, google) = start().await;
        connect(function.database(), Some(SHEET)).await;
        let appointment = book(function.database(), 1).await[0];
        change(function.database(), appointment, "appointment_date = '2026-02-25'").await;
        google.set_spreadsheet_mode(SHEET, GoogleMode::Status(status));
        for _ in 0..48 {
            run(&function).await;
            function.clock.advance(TimeDelta::hours(1));
        }
        println!("{status} for two days with a run every hour: {} calls", google.calls());
        assert_eq!(google.calls(), 2, "{status}: one call a day");
        google.add_tab("another", TAB, 1_000);
        connect(function.database(), Some("another")).await;
        assert_eq!(run(&function).await["rows_written"], 1, "{status}");
        function.stop().await;
    }
}

#[tokio::test]
async fn broken_sheets_do_not_delay_the_sheets_of_other_clinics() {
    let (function, google) = start().await;
    let broken = ["a-forbidden", "b-gone", "c-renamed"].map(str::to_owned);
    insert_clinics(function.database(), &broken).await;
    google.set_spreadsheet_mode("a-forbidden", GoogleMode::Status(403));
    google.add_tab("c-renamed", "Outra", 1_000);
    connect(function.database(), Some(SHEET)).await;
    let appointments = book(function.database(), 1).await;
    for minute in 0..60 {
        change(function.database(), appointments[0], &format!("areas = 'Braços {minute}'")).await;
        let summary = run(&function).await;
        assert_eq!(summary["rows_written"], 1, "minute {minute}: {summary}");
        function.clock.advance(TimeDelta::minutes(1));
    }
    println!("an hour with three broken sheets: 60 rows written, {} calls", google.calls());
    // Each minute one read and one write; one call for each broken sheet; and once the ids of the tabs, and
    // the sheet's log with a second read.
    assert_eq!(google.calls(), 60 * 2 + 3 + 3);
    assert_eq!(ids(&google, SHEET), [appointments[0].to_string()]);
    function.stop().await;
}

#[tokio::test]
async fn a_refused_token_is_replaced() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let appointments = book(function.database(), 1).await;
    assert_eq!(run(&function).await["rows_written"], 1);
    google.revoke_tokens();
    change(function.database(), appointments[0], "areas = 'Braços'").await;
    assert_eq!(run(&function).await["rows_written"], 0);
    function.clock.advance(TimeDelta::minutes(1));
    assert_eq!(run(&function).await["rows_written"], 1);
    println!("401 once: {} tokens, {} row", google.tokens_issued(), ids(&google, SHEET).len());
    assert_eq!(google.tokens_issued(), 2);
    function.stop().await;
}

#[tokio::test]
async fn an_unknown_service_account_writes_nothing_and_breaks_nothing() {
    let (mut function, google) = start().await;
    let unknown = google.config_with_unknown_key();
    function.contexts.sheet_writer.sheets = sheets(&function, &unknown);
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    assert_eq!(run(&function).await["rows_written"], 0);
    assert_eq!((google.tokens_issued(), google.calls()), (0, 0));
    assert!(google.assertions_refused() > 0, "the signature is not made with the account's key");
    function.stop().await;
}

#[tokio::test]
async fn a_private_key_that_is_none_is_refused_at_the_start() {
    let (function, google) = start().await;
    let Chats { db, tables, clock, .. } = &function.contexts.job.chats;
    let open = |config: SheetsConfig| SheetSync::open(Some(&config), db, tables, clock);
    assert!(open(google.config()).is_ok());
    let refused = open(google.config_with_broken_key()).err().expect("an error");
    assert!(refused.to_string().starts_with("GOOGLE_SHEETS_SERVICE_ACCOUNT"), "{refused}");
    function.stop().await;
}

#[tokio::test]
async fn a_clinic_that_cannot_be_read_does_not_stop_the_sheets_of_others() {
    let (function, google) = start().await;
    let clinics = ["a-broken", "b-whole"].map(str::to_owned);
    insert_clinics(function.database(), &clinics).await;
    let broken = "update scheduler.clinics set timezone = 'Mars/Base' where clinic_id = 'a-broken'";
    sqlx::query(broken).execute(&function.database().pool).await.unwrap();
    for clinic in &clinics {
        google.add_tab(clinic, TAB, 1_000);
    }
    let summary = writer(&function).write_sheets(Duration::from_secs(14)).await.expect("a run");
    assert_eq!((summary.sheets_failed, summary.rows_written), (1, 1));
    assert_eq!(ids(&google, "b-whole").len(), 1);
    function.stop().await;
}

#[tokio::test]
async fn a_tab_that_google_does_not_let_us_change_is_tried_again_and_then_once_a_day() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let appointment = book(function.database(), 1).await[0];
    run(&function).await;
    change(function.database(), appointment, "areas = 'Braços'").await;
    run(&function).await;
    change(function.database(), appointment, "areas = 'Costas'").await;
    google.set_mode(GoogleMode::RefusedWrites);
    let writes = google.writes();
    for _ in 0..60 {
        run(&function).await;
        function.clock.advance(TimeDelta::minutes(1));
    }
    let tried = google.writes() - writes;
    println!("an hour in which every write is refused: {tried} writes");
    assert_eq!(tried, 4 * 2, "four runs, in each a second try after another read");
    google.set_mode(GoogleMode::Normal);
    function.clock.advance(TimeDelta::days(1));
    assert_eq!(run(&function).await["rows_written"], 1);
    function.stop().await;
}

#[tokio::test]
async fn a_failing_google_is_not_called_for_a_while_and_then_gets_every_row_once() {
    for mode in [GoogleMode::Status(429), GoogleMode::Status(500), GoogleMode::Status(503), GoogleMode::Hang]
    {
        let (function, google) = start().await;
        connect(function.database(), Some(SHEET)).await;
        book(function.database(), 3).await;
        google.set_mode(mode);
        assert_eq!(run(&function).await["rows_written"], 0, "{mode:?}");
        let calls = google.calls();
        run(&function).await;
        assert_eq!(google.calls(), calls, "{mode:?}: no call during the pause");
        google.set_mode(GoogleMode::Normal);
        function.clock.advance(TimeDelta::minutes(2));
        assert_eq!(run(&function).await["rows_written"], 3, "{mode:?}");
        println!("{mode:?}: {calls} call, then {} rows", ids(&google, SHEET).len());
        assert_eq!(ids(&google, SHEET).len(), 3, "{mode:?}");
        function.stop().await;
    }
}

#[tokio::test]
async fn a_slow_google_still_gets_its_rows() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    google.set_mode(GoogleMode::Slow(Duration::from_millis(500)));
    assert_eq!(run(&function).await["rows_written"], 1);
    function.stop().await;
}

#[tokio::test]
async fn a_claimed_spreadsheet_waits_until_the_function_that_claimed_it_must_have_ended() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    let (tables, now) = (&function.contexts.job.chats.tables, function.clock.now());
    tables.claim_sheet(SHEET, TAB, "a run that crashes", now).await.unwrap().expect("a claim");
    // The timeout of the SheetWriter's function.
    function.clock.advance(TimeDelta::seconds(75));
    assert_eq!((run(&function).await["rows_written"].clone(), google.calls()), (json!(0), 0));
    function.clock.advance(TimeDelta::seconds(30));
    assert_eq!(run(&function).await["rows_written"], 1);
    function.stop().await;
}

/// Enough clinics to keep the SheetWriter waiting for a Google that hangs for 16 seconds.
fn sixteen_clinics() -> Vec<String> {
    (0..16).map(|number| format!("clinic-{number:02}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reminders_and_chats_do_not_wait_for_a_google_that_hangs() {
    let (function, google) = start().await;
    insert_clinics(function.database(), &sixteen_clinics()).await;
    book(function.database(), 1).await;
    google.set_mode(GoogleMode::Hang);
    let writer = function.contexts.sheet_writer.clone();
    let writing = tokio::spawn(async move { SHEET_WRITER.run(&writer).await });
    wait_until("Google is called", Duration::from_secs(60), async || google.calls() > 0).await;
    let reconciled = RECONCILER.run(&function.contexts.job).await.expect("a run");
    assert_eq!((&reconciled["reminders_projected"], &reconciled["reminders_left"]), (&json!(17), &json!(0)));
    function.says("5511977770000", "Olá").await;
    let answered = function.zapi.outbox(Some("5511977770000")).len();
    let reminded = REMINDER_PROCESSOR.run(&function.contexts.job).await.expect("a run");
    let given_up = google.abandoned_calls();
    println!("while Google hangs: 17 reminders created, {answered} replies, {given_up} calls given up");
    assert!(answered > 0 && !writing.is_finished(), "{answered}, {given_up}");
    assert_eq!(reminded["failed"], 0, "{reminded}");
    let summary = writing.await.unwrap().expect("a run");
    assert_eq!(summary["rows_written"], 0, "{summary}");
    let count = |name: &str| summary[name].as_u64().unwrap() as usize;
    assert!(count("sheets_failed") >= 4, "the run really waited for Google: {summary}");
    assert_eq!(count("sheets_failed") + count("sheets_left"), sixteen_clinics().len(), "{summary}");
    let given_up = async || google.abandoned_calls() == count("sheets_failed");
    wait_until("Google has noticed", Duration::from_secs(60), given_up).await;
    function.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_local_server_too_no_other_job_waits_for_a_google_that_hangs() {
    let mut app = TestApp::with(TestConfig { frozen_clock: false, ..TestConfig::default() }).await;
    let google = FakeGoogle::start(app.clock.clone()).await;
    google.set_mode(GoogleMode::Hang);
    insert_clinics(&app.database, &sixteen_clinics()).await;
    let later = "update scheduler.appointments set appointment_date = current_date + 3";
    sqlx::query(later).execute(&app.database.pool).await.unwrap();
    app.set_env("GOOGLE_SHEETS_SERVICE_ACCOUNT", google.service_account());
    app.set_env("GOOGLE_SHEETS_BASE_URL", google.base_url());
    app.set_env("LOCAL_JOBS", "on".to_owned());
    app.restart(None).await;
    wait_until("Google is called", Duration::from_secs(60), async || google.calls() > 0).await;
    // The first run of the Reconciler may be over, so a later one projects this reminder.
    insert_clinics(&app.database, &["late".to_owned()]).await;
    let behind = "select count(*) from scheduler.appointments where reminder_version < version";
    let projected = async || app.database.number(behind).await == 0;
    wait_until("the reminders are created", Duration::from_secs(60), projected).await;
    let given_up = google.abandoned_calls();
    println!("while Google hangs: {given_up} calls given up before the Reconciler ran again");
    assert!(given_up < 12, "the Reconciler waited for the sheets: {given_up}");
}

#[tokio::test]
async fn a_server_without_a_service_account_logs_it_once_and_runs() {
    let app = TestApp::start().await;
    connect(&app.database, Some(SHEET)).await;
    for _ in 0..3 {
        assert_eq!(app.write_sheets().await["sheets_behind"], 0);
    }
    let logged = app.log().matches("without GOOGLE_SHEETS_SERVICE_ACCOUNT no sheet is written").count();
    assert_eq!(logged, 1, "{}", app.log());
}
