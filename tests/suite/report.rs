//! The nightly report: who comes tomorrow, told to each clinic in its own evening.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scheduler_api::jobs::DAILY_REPORT_SENDER;
use scheduler_core::adapters::dynamodb::session::ChatKey;
use scheduler_core::app::converse::AllowedPhones;
use scheduler_core::domain::ids::ClinicId;
use scheduler_core::domain::phone::MatchKey;
use scheduler_core::ports::Clock;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::function::Function;
use scheduler_tests::{Product, Setting, TestDatabase, until};
use serde_json::Value;

/// Noronha's 20 h of 16 February, the first in Brazil.
const FIRST_EVENING: &str = "2026-02-16T22:00:00Z";
const TEXT: &str = "📋 Agenda de amanhã (17/02/2026):\n\n\
    ✔ 09:00 - Maria Silva | Depilação a laser | Pernas\n\
    10:00 - Maria Silva | Depilação a laser | –\n\
    11:00 - Maria Silva | Depilação a laser | –\n\n\
    Total: 3 sessões agendadas";

/// A clinic with its phone, a patient and nothing booked.
async fn clinic(database: &TestDatabase, id: &str, phone: &str, timezone: &str) {
    for statement in [
        "insert into scheduler.clinics (clinic_id, name, phone, timezone, zapi_instance_id, zapi_instance_token)
            values ($1, $1, $2, $3, $1, 'token')",
        "insert into scheduler.services (clinic_id, name, duration_minutes)
            select $1, 'Depilação a laser', 5 where $2 <> $3",
        "insert into scheduler.patients (clinic_id, match_key, phone, name)
            select $1, '5511999990000', '5511999990000', 'Maria Silva' where $2 <> $3",
    ] {
        let made = sqlx::query(statement).bind(id).bind(phone).bind(timezone);
        made.execute(&database.pool).await.expect("a clinic");
    }
}

/// `count` visits on 17 February, the first at `from`, one every `minutes`.
async fn visits(database: &TestDatabase, id: &str, from: &str, minutes: i32, count: i32) {
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
    .expect("visits");
}

async fn three_visits(database: &TestDatabase, id: &str) {
    visits(database, id, "09:00", 60, 3).await;
    sqlx::query(
        "update scheduler.appointments set areas = 'Pernas', patient_confirmed_at = now(), version = 2
        where clinic_id = $1 and start_time = '09:00'",
    )
    .bind(id)
    .execute(&database.pool)
    .await
    .expect("a confirmed visit");
}

async fn run(function: &Function) -> Value {
    DAILY_REPORT_SENDER.run(&function.world).await.expect("a run")
}

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().expect("an instant")
}

#[tokio::test]
async fn each_clinic_is_told_once_in_its_own_evening() {
    let function = Function::start().await;
    let places = [
        ("noronha", "558199990001", "America/Noronha", "2026-02-16T22:00:00Z"),
        ("sao-paulo", "5511999990002", "America/Sao_Paulo", "2026-02-16T23:00:00Z"),
        ("manaus", "5592999990003", "America/Manaus", "2026-02-17T00:00:00Z"),
        ("rio-branco", "5568999990004", "America/Rio_Branco", "2026-02-17T01:00:00Z"),
    ];
    for (id, phone, timezone, _) in places {
        clinic(function.database(), id, phone, timezone).await;
        three_visits(function.database(), id).await;
    }
    let mut told = Vec::new();
    function.clock.set(at(FIRST_EVENING) - TimeDelta::hours(4));
    for _ in 0..10 {
        function.zapi.clear();
        // A doubled cron, at once and one after the other.
        tokio::join!(run(&function), run(&function));
        run(&function).await;
        let now = function.clock.now();
        function.clock.advance(TimeDelta::hours(1));
        told.extend(function.zapi.outbox(None).into_iter().map(|sent| (now, sent.phone, sent.message)));
    }
    let expected: Vec<(DateTime<Utc>, String, String)> = places
        .map(|(_, phone, _, evening)| {
            let phone = if phone.len() == 12 { "5581999990001" } else { phone };
            (at(evening), phone.to_owned(), TEXT.to_owned())
        })
        .into();
    assert_eq!(told, expected);
    println!("4 clinics, 30 runs of the report: {} messages", told.len());
    let key = ChatKey { clinic: ClinicId("manaus".into()), person: MatchKey("5592999990003".into()) };
    let tables = &function.world.chats().unwrap().tables;
    let events = tables.list_events(&key, false, 10, None).await.unwrap().events;
    let statuses: Vec<&str> = events.iter().map(|event| event.status.as_str()).collect();
    assert_eq!(statuses, ["QUEUED", "SENT"]);
    assert_eq!(events[1].content, TEXT);
    function.stop().await;
}

#[tokio::test]
async fn what_failed_at_eight_goes_out_at_nine() {
    let function = Function::start().await;
    clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    three_visits(function.database(), "sp").await;
    function.clock.set(at("2026-02-16T23:00:00Z"));
    function.zapi.answer_endpoint("send-text", Answer::says(500, "oops"));
    assert_eq!(run(&function).await["failed"], 1);
    function.zapi.behave();
    assert!(function.zapi.outbox(None).is_empty());

    function.clock.advance(TimeDelta::hours(1));
    assert_eq!(run(&function).await["sent"], 1);
    assert_eq!(function.zapi.outbox(None).len(), 1);
    function.stop().await;
}

#[tokio::test]
async fn nobody_tomorrow_is_no_report_and_a_late_booking_still_is_one() {
    let function = Function::start().await;
    clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    function.clock.set(at("2026-02-16T23:00:00Z"));
    // The example clinic has nobody either.
    assert_eq!(run(&function).await["empty"], 2);
    assert!(function.zapi.outbox(None).is_empty());

    visits(function.database(), "sp", "09:00", 60, 1).await;
    function.clock.advance(TimeDelta::hours(1));
    run(&function).await;
    let outbox = function.zapi.outbox(None);
    assert_eq!(outbox.len(), 1);
    assert!(outbox[0].message.ends_with("Total: 1 sessão agendada"), "{}", outbox[0].message);
    function.stop().await;
}

#[tokio::test]
async fn two_hundred_visits_are_several_messages_and_a_broken_run_goes_on_where_it_stopped() {
    let function = Function::start().await;
    clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    visits(function.database(), "sp", "00:00", 7, 200).await;
    function.clock.set(at("2026-02-16T23:00:00Z"));
    function.zapi.answer_next(Answer::usual());
    function.zapi.answer_next(Answer::usual());
    function.zapi.answer_next(Answer::says(500, "oops"));
    assert_eq!(run(&function).await["failed"], 1, "{:?}", function.zapi.calls());
    function.clock.advance(TimeDelta::hours(1));
    assert_eq!(run(&function).await["sent"], 1);

    let messages: Vec<String> = function.zapi.outbox(None).into_iter().map(|sent| sent.message).collect();
    assert!(messages.iter().all(|message| message.chars().count() <= 4_000));
    let lines: Vec<&str> = messages.iter().flat_map(|message| message.lines()).collect();
    let told = lines.iter().filter(|line| line.contains("Maria Silva")).count();
    println!("200 visits: {} messages, {told} lines, the second one failed once", messages.len());
    assert_eq!(told, 200);
    assert_eq!(lines.last(), Some(&"Total: 200 sessões agendadas"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("📋")).count(), 1);
    function.stop().await;
}

#[tokio::test]
async fn a_clinic_that_must_not_be_written_to_is_not_and_that_is_recorded() {
    let mut function = Function::start().await;
    clinic(function.database(), "sp", "5511999990002", "America/Sao_Paulo").await;
    three_visits(function.database(), "sp").await;
    let chats = function.world.chats.as_mut().unwrap();
    chats.allowed = AllowedPhones::parse("");
    function.clock.set(at("2026-02-16T23:00:00Z"));
    assert_eq!(run(&function).await["blocked"], 1);
    function.clock.advance(TimeDelta::hours(1));
    assert_eq!(run(&function).await["blocked"], 0, "once a day");
    assert!(function.zapi.calls().is_empty());
    let key = ChatKey { clinic: ClinicId("sp".into()), person: MatchKey("5511999990002".into()) };
    let tables = &function.world.chats().unwrap().tables;
    let events = tables.list_events(&key, false, 10, None).await.unwrap().events;
    let statuses: Vec<&str> = events.iter().map(|event| event.status.as_str()).collect();
    assert_eq!(statuses, ["BLOCKED"]);
    function.stop().await;
}

#[tokio::test]
async fn a_report_survives_a_death_right_after_its_claim() {
    let mut product = Product::with(Setting::default()).await;
    clinic(&product.database, "sp", "5511999990002", "America/Sao_Paulo").await;
    three_visits(&product.database, "sp").await;
    product.restart(Some("report_claimed")).await;
    // The server's own schedule may run the job before it is asked to: either way it dies of it.
    product.clock.set(at("2026-02-16T23:00:00Z"));
    let now = serde_json::json!({ "now": product.now() });
    let _ = product.try_ask(Method::PUT, "/_local/clock", Some(&now)).await;
    let _ = product.try_ask(Method::POST, "/_local/jobs/daily-report-sender", None).await;
    until("the process has ended", Duration::from_secs(30), async || product.server().has_ended()).await;
    assert!(product.zapi.outbox(Some("5511999990002")).is_empty());

    product.restart(None).await;
    product.passes(TimeDelta::hours(1)).await;
    let answered = product.ask(Method::POST, "/_local/jobs/daily-report-sender", None).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let told = async || !product.zapi.outbox(Some("5511999990002")).is_empty();
    until("the report is out", Duration::from_secs(30), told).await;
    product.ask(Method::POST, "/_local/jobs/daily-report-sender", None).await;
    let outbox = product.zapi.outbox(Some("5511999990002"));
    println!("died at report_claimed: {} report after the next run", outbox.len());
    assert_eq!(outbox.len(), 1);
    assert_eq!(outbox[0].message, TEXT);
}
