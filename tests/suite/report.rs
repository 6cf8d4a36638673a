//! The nightly report: each clinic gets tomorrow's appointments in its local evening
//! (`docs/rules/sheet.md#nightly-report`).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_api::jobs::DAILY_REPORT_SENDER;
use scheduler_core::adapters::dynamodb::session::ChatKey;
use scheduler_core::domain::allowed_phones::AllowedPhones;
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::phone::MatchKey;
use scheduler_core::ports::Clock;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::function::InProcessFunction;
use scheduler_tests::{TestApp, TestConfig, TestDatabase, wait_until};
use serde_json::Value;

/// 16 February, 20:00 in Noronha, the easternmost time zone of Brazil.
const FIRST_EVENING: &str = "2026-02-16T22:00:00Z";
const TEXT: &str = "📋 Agenda de amanhã (17/02/2026):\n\n\
    ✔ 09:00 - Maria Silva | Depilação a laser | Pernas\n\
    10:00 - Maria Silva | Depilação a laser | –\n\
    11:00 - Maria Silva | Depilação a laser | –\n\n\
    Total: 3 sessões agendadas";

/// Creates a clinic with a phone, a service and a patient.
async fn create_clinic(database: &TestDatabase, id: &str, phone: &str, timezone: &str) {
    for statement in [
        "insert into scheduler.clinics (clinic_id, name, phone, timezone, zapi_instance_id, zapi_instance_token)
            values ($1, $1, $2, $3, $1, 'token')",
        "insert into scheduler.services (clinic_id, name, duration_minutes)
            select $1, 'Depilação a laser', 5 where $2 <> $3",
        "insert into scheduler.patients (clinic_id, match_key, phone, name)
            select $1, '5511999990000', '5511999990000', 'Maria Silva' where $2 <> $3",
    ] {
        let insert = sqlx::query(statement).bind(id).bind(phone).bind(timezone);
        insert.execute(&database.pool).await.expect("a clinic");
    }
}

/// Books `count` appointments on 17 February, the first at `from`, one every `minutes`.
async fn book(database: &TestDatabase, id: &str, from: &str, minutes: i32, count: i32) {
    sqlx::query(
        "insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes
        )
        select $1, p.id, s.id, '2026-02-17', $2::time + make_interval(mins => $3 * n),
            $2::time + make_interval(mins => $3 * n + 5), 0
        from scheduler.patients p, scheduler.services s, generate_series(0, $4 - 1) n
        where p.clinic_id = $1 and s.clinic_id = $1",
    )
    .bind(id)
    .bind(from)
    .bind(minutes)
    .bind(count)
    .execute(&database.pool)
    .await
    .expect("appointments");
}

/// Books three appointments; the patient has confirmed the first one.
async fn book_three(database: &TestDatabase, id: &str) {
    book(database, id, "09:00", 60, 3).await;
    sqlx::query(
        "update scheduler.appointments set areas = 'Pernas', patient_confirmed_at = now(), version = 2
        where clinic_id = $1 and start_time = '09:00'",
    )
    .bind(id)
    .execute(&database.pool)
    .await
    .expect("a confirmed appointment");
}

async fn run(function: &InProcessFunction) -> Value {
    DAILY_REPORT_SENDER.run(&function.contexts.job).await.expect("a run")
}

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().expect("an instant")
}

#[tokio::test]
async fn each_clinic_gets_one_report_in_its_local_evening() {
    let function = InProcessFunction::start().await;
    let places = [
        ("noronha", "558199990001", "America/Noronha", "2026-02-16T22:00:00Z"),
        ("sao-paulo", "5511999990002", "America/Sao_Paulo", "2026-02-16T23:00:00Z"),
        ("manaus", "5592999990003", "America/Manaus", "2026-02-17T00:00:00Z"),
        ("rio-branco", "5568999990004", "America/Rio_Branco", "2026-02-17T01:00:00Z"),
    ];
    for (id, phone, timezone, _) in places {
        create_clinic(function.database(), id, phone, timezone).await;
        book_three(function.database(), id).await;
    }
    let mut sent_reports = Vec::new();
    function.clock.set(at(FIRST_EVENING) - TimeDelta::hours(4));
    for _ in 0..10 {
        function.zapi.clear();
        // The job runs twice in parallel and once more afterwards.
        tokio::join!(run(&function), run(&function));
        run(&function).await;
        let now = function.clock.now();
        function.clock.advance(TimeDelta::hours(1));
        sent_reports
            .extend(function.zapi.outbox(None).into_iter().map(|sent| (now, sent.phone, sent.message)));
    }
    let expected: Vec<(DateTime<Utc>, String, String)> = places
        .map(|(_, phone, _, evening)| {
            let phone = if phone.len() == 12 { "5581999990001" } else { phone };
            (at(evening), phone.to_owned(), TEXT.to_owned())
        })
        .into();
    assert_eq!(sent_reports, expected);
    println!("4 clinics, 30 runs of the report: {} messages", sent_reports.len());
    let key = ChatKey { clinic: ClinicId("manaus".into()), person: MatchKey("5592999990003".into()) };
    let tables = &function.contexts.job.chats.tables;
    let events = tables.list_events(&key, false, 10, None).await.unwrap().events;
    let statuses: Vec<&str> = events.iter().map(|event| event.status.as_str()).collect();
    assert_eq!(statuses, ["QUEUED", "SENT"]);
    assert_eq!(events[1].content, TEXT);
    function.stop().await;
}

#[tokio::test]
async fn a_report_that_fails_at_20_00_is_sent_at_21_00() {
    let function = InProcessFunction::start().await;
    create_clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    book_three(function.database(), "sp").await;
    function.clock.set(at("2026-02-16T23:00:00Z"));
    function.zapi.answer_endpoint("send-text", ScriptedAnswer::respond(500, "oops"));
    assert_eq!(run(&function).await["failed"], 1);
    function.zapi.clear_scripts();
    assert!(function.zapi.outbox(None).is_empty());

    function.clock.advance(TimeDelta::hours(1));
    assert_eq!(run(&function).await["sent"], 1);
    assert_eq!(function.zapi.outbox(None).len(), 1);
    function.stop().await;
}

#[tokio::test]
async fn without_appointments_no_report_is_sent_until_a_late_booking() {
    let function = InProcessFunction::start().await;
    create_clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    function.clock.set(at("2026-02-16T23:00:00Z"));
    // The example clinic has no appointments either.
    assert_eq!(run(&function).await["empty"], 2);
    assert!(function.zapi.outbox(None).is_empty());

    book(function.database(), "sp", "09:00", 60, 1).await;
    function.clock.advance(TimeDelta::hours(1));
    run(&function).await;
    let outbox = function.zapi.outbox(None);
    assert_eq!(outbox.len(), 1);
    assert!(outbox[0].message.ends_with("Total: 1 sessão agendada"), "{}", outbox[0].message);
    function.stop().await;
}

#[tokio::test]
async fn a_long_report_is_split_and_a_failed_run_continues_with_the_first_unsent_message() {
    let function = InProcessFunction::start().await;
    create_clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    book(function.database(), "sp", "00:00", 7, 200).await;
    function.clock.set(at("2026-02-16T23:00:00Z"));
    function.zapi.answer_next(ScriptedAnswer::success());
    function.zapi.answer_next(ScriptedAnswer::success());
    function.zapi.answer_next(ScriptedAnswer::respond(500, "oops"));
    assert_eq!(run(&function).await["failed"], 1, "{:?}", function.zapi.calls());
    function.clock.advance(TimeDelta::hours(1));
    assert_eq!(run(&function).await["sent"], 1);

    let messages: Vec<String> = function.zapi.outbox(None).into_iter().map(|sent| sent.message).collect();
    assert!(messages.iter().all(|message| message.chars().count() <= 4_000));
    let lines: Vec<&str> = messages.iter().flat_map(|message| message.lines()).collect();
    let listed = lines.iter().filter(|line| line.contains("Maria Silva")).count();
    println!("200 appointments: {} messages with {listed} lines; one message failed once", messages.len());
    assert_eq!(listed, 200);
    assert_eq!(lines.last(), Some(&"Total: 200 sessões agendadas"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("📋")).count(), 1);
    function.stop().await;
}

#[tokio::test]
async fn a_clinic_whose_phone_is_not_allowed_gets_no_report_and_this_is_recorded_once() {
    let mut function = InProcessFunction::start().await;
    create_clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    book_three(function.database(), "sp").await;
    function.contexts.job.chats.allowed = AllowedPhones::parse("");
    function.clock.set(at("2026-02-16T23:00:00Z"));
    assert_eq!(run(&function).await["blocked"], 1);
    function.clock.advance(TimeDelta::hours(1));
    assert_eq!(run(&function).await["blocked"], 0, "recorded once per evening");
    assert!(function.zapi.calls().is_empty());
    let key = ChatKey { clinic: ClinicId("sp".into()), person: MatchKey("5511999990002".into()) };
    let tables = &function.contexts.job.chats.tables;
    let events = tables.list_events(&key, false, 10, None).await.unwrap().events;
    let statuses: Vec<&str> = events.iter().map(|event| event.status.as_str()).collect();
    assert_eq!(statuses, ["BLOCKED"]);
    function.stop().await;
}

#[tokio::test]
async fn a_report_survives_a_crash_right_after_its_claim() {
    let mut app = TestApp::with(TestConfig::default()).await;
    create_clinic(&app.database, "sp", "5511999990002", "America/Sao_Paulo").await;
    book_three(&app.database, "sp").await;
    app.restart(Some("report_claimed")).await;
    // These calls may fail, because the process exits at the failpoint.
    app.clock.set(at("2026-02-16T23:00:00Z"));
    let now = serde_json::json!({ "now": app.now() });
    let _ = app.try_ask(Method::PUT, "/_local/clock", Some(&now)).await;
    let _ = app.try_ask(Method::POST, "/_local/jobs/daily-report-sender", None).await;
    wait_until("the process has exited", Duration::from_secs(30), async || app.server().has_exited()).await;
    assert!(app.zapi.outbox(Some("5511999990002")).is_empty());

    app.restart(None).await;
    app.advance_clock(TimeDelta::hours(1)).await;
    app.ask_expecting(Method::POST, "/_local/jobs/daily-report-sender", None, 200).await;
    let sent = async || !app.zapi.outbox(Some("5511999990002")).is_empty();
    wait_until("the report is sent", Duration::from_secs(30), sent).await;
    app.ask(Method::POST, "/_local/jobs/daily-report-sender", None).await;
    let outbox = app.zapi.outbox(Some("5511999990002"));
    println!("crash at report_claimed: {} report after the next run", outbox.len());
    assert_eq!(outbox.len(), 1);
    assert_eq!(outbox[0].message, TEXT);
}
