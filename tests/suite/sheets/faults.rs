//! Google refuses, hangs, is slow, or knows nobody: what waits, how long, and what does not.

use std::time::Duration;

use chrono::TimeDelta;
use scheduler_api::jobs::{RECONCILER, REMINDER_PROCESSOR};
use scheduler_core::app::sheets::SheetWriter;
use scheduler_tests::google::Mood;
use scheduler_tests::{Product, until};
use serde_json::Value;

use super::{SHEET, TAB, book, change, connect, found_clinics, ids, run, start};

#[tokio::test]
async fn what_google_refuses_is_asked_again_once_a_day_and_a_mended_setting_at_once() {
    for status in [400, 403, 404] {
        let (function, google) = start().await;
        connect(function.database(), Some(SHEET)).await;
        let visit = book(function.database(), 1).await[0];
        change(function.database(), visit, "appointment_date = '2026-02-25'").await;
        google.is_with(SHEET, Mood::Answers(status));
        for _ in 0..48 {
            run(&function).await;
            function.clock.advance(TimeDelta::hours(1));
        }
        println!("{status} for two days, a run an hour: {} calls", google.calls());
        assert_eq!(google.calls(), 2, "{status}: two days");
        google.has("another", TAB, 1_000);
        connect(function.database(), Some("another")).await;
        assert_eq!(run(&function).await["rows_written"], 1, "{status}");
        function.stop().await;
    }
}

#[tokio::test]
async fn one_clinics_broken_sheet_holds_no_other_up() {
    let (function, google) = start().await;
    let broken = ["a-forbidden", "b-gone", "c-renamed"].map(str::to_owned);
    found_clinics(function.database(), &broken).await;
    google.is_with("a-forbidden", Mood::Answers(403));
    google.has("c-renamed", "Outra", 1_000);
    connect(function.database(), Some(SHEET)).await;
    let visits = book(function.database(), 1).await;
    for minute in 0..60 {
        change(function.database(), visits[0], "areas = 'Braços'").await;
        let summary = run(&function).await;
        assert_eq!(summary["rows_written"], 1, "minute {minute}: {summary}");
        function.clock.advance(TimeDelta::minutes(1));
    }
    println!("an hour beside three broken sheets: 60 rows written, {} calls", google.calls());
    // A new sheet's first read is one call; each of the broken ones is asked once.
    assert_eq!(google.calls(), 60 * 2 + 3);
    assert_eq!(ids(&google, SHEET), [visits[0].to_string()]);
    function.stop().await;
}

#[tokio::test]
async fn a_refused_token_is_replaced() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    let visits = book(function.database(), 1).await;
    assert_eq!(run(&function).await["rows_written"], 1);
    google.forgets_its_tokens();
    change(function.database(), visits[0], "areas = 'Braços'").await;
    assert_eq!(run(&function).await["rows_written"], 0);
    function.clock.advance(TimeDelta::minutes(1));
    assert_eq!(run(&function).await["rows_written"], 1);
    println!("401 once: {} tokens, {} row", google.tokens(), ids(&google, SHEET).len());
    assert_eq!(google.tokens(), 2);
    function.stop().await;
}

#[tokio::test]
async fn an_account_that_google_does_not_know_writes_nothing_and_breaks_nothing() {
    let (mut function, google) = start().await;
    let stranger = google.config_of_a_stranger();
    function.world.sheets = SheetWriter::open(Some(&stranger), function.world.chats().unwrap()).unwrap();
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    assert_eq!(run(&function).await["rows_written"], 0);
    assert_eq!((google.tokens(), google.calls()), (0, 0));
    assert!(google.refused() > 0, "its signature is not the account's");
    function.stop().await;
}

#[tokio::test]
async fn an_unwell_google_is_left_alone_for_a_while_and_then_gets_every_row_once() {
    for mood in [Mood::Answers(429), Mood::Answers(500), Mood::Answers(503), Mood::Hangs] {
        let (function, google) = start().await;
        connect(function.database(), Some(SHEET)).await;
        book(function.database(), 3).await;
        google.is(mood);
        assert_eq!(run(&function).await["rows_written"], 0, "{mood:?}");
        let calls = google.calls();
        run(&function).await;
        assert_eq!(google.calls(), calls, "{mood:?}: it rests");
        google.is(Mood::Well);
        function.clock.advance(TimeDelta::minutes(2));
        assert_eq!(run(&function).await["rows_written"], 3, "{mood:?}");
        println!("{mood:?}: {calls} call, then {} rows", ids(&google, SHEET).len());
        assert_eq!(ids(&google, SHEET).len(), 3, "{mood:?}");
        function.stop().await;
    }
}

#[tokio::test]
async fn a_slow_google_is_waited_for() {
    let (function, google) = start().await;
    connect(function.database(), Some(SHEET)).await;
    book(function.database(), 1).await;
    google.is(Mood::Slow(Duration::from_millis(500)));
    assert_eq!(run(&function).await["rows_written"], 1);
    function.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reminders_and_chats_do_not_wait_for_a_google_that_hangs() {
    let (function, google) = start().await;
    // As many as keep the Reconciler waiting to the end of its time.
    let clinics: Vec<String> = (0..16).map(|number| format!("clinic-{number:02}")).collect();
    found_clinics(function.database(), &clinics).await;
    book(function.database(), 1).await;
    google.is(Mood::Hangs);
    let world = function.world.clone();
    let reconciling = tokio::spawn(async move { RECONCILER.run(&world).await });
    until("Google is asked", Duration::from_secs(60), async || google.calls() > 0).await;
    let behind = "select count(*) from scheduler.appointments where reminder_version < version";
    let projected = async || function.database().number(behind).await == 0;
    until("the reminders are there", Duration::from_secs(60), projected).await;
    function.says("5511977770000", "Olá").await;
    let answered = function.zapi.outbox(Some("5511977770000")).len();
    let reminded = REMINDER_PROCESSOR.run(&function.world).await.expect("a run");
    let given_up = google.given_up();
    println!("while Google hangs: 17 reminders made, {answered} replies, {given_up} calls given up");
    // Four at once, four seconds each: after the twelfth the run would be near its end.
    assert!(answered > 0 && given_up < 12, "{answered}, {given_up}");
    assert_eq!(reminded["failed"], 0, "{reminded}");
    let summary = reconciling.await.unwrap().expect("a run");
    assert_eq!((&summary["rows_written"], &summary["reminders_left"]), (&Value::from(0), &Value::from(0)));
    assert!(google.given_up() >= 12, "it was in fact kept waiting: {}", google.given_up());
    function.stop().await;
}

#[tokio::test]
async fn a_server_without_a_service_account_says_so_once_and_runs() {
    let product = Product::start().await;
    connect(&product.database, Some(SHEET)).await;
    for _ in 0..3 {
        assert_eq!(product.reconcile().await["sheets_behind"], 0);
    }
    let said = product.log().matches("without GOOGLE_SHEETS_SERVICE_ACCOUNT no sheet is written").count();
    assert_eq!(said, 1, "{}", product.log());
}
