//! What must hold when many requests arrive at the same time (`docs/rules/reliability.md#races`).

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::http::HttpResponse;
use scheduler_tests::{CLINIC, TestApp, text};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const OVERLAPS: &str = "select count(*) from scheduler.appointments a join scheduler.appointments b \
    on a.clinic_id = b.clinic_id and a.id < b.id and a.appointment_date = b.appointment_date \
    where a.status in ('CONFIRMED', 'COMPLETED') and b.status in ('CONFIRMED', 'COMPLETED') \
    and a.start_time < b.end_time + make_interval(mins => b.buffer_minutes) \
    and b.start_time < a.end_time + make_interval(mins => a.buffer_minutes)";

const DEADLOCKS: &str = "select deadlocks from pg_stat_database where datname = current_database()";

fn appointment(service: &str, patient: usize, time: &str) -> Value {
    let phone = format!("55119{:08}", 90_000_000 + patient);
    json!({ "clinicId": CLINIC, "phone": phone, "serviceId": service, "date": "2026-02-18", "time": time })
}

/// Sends all requests in parallel and returns the responses in the order of the requests.
async fn send_in_parallel(app: &TestApp, requests: Vec<(Method, String, Value)>) -> Vec<HttpResponse> {
    let mut running = JoinSet::new();
    for (number, (method, path, body)) in requests.into_iter().enumerate() {
        let (client, url) = (app.client().clone(), app.url(&path));
        running.spawn(async move {
            let response = scheduler_tests::http::ask(&client, method, &url, Some(&body)).await;
            (number, response.expect("an answer"))
        });
    }
    let mut responses = running.join_all().await;
    responses.sort_by_key(|(number, _)| *number);
    responses.into_iter().map(|(_, response)| response).collect()
}

fn count(responses: &[HttpResponse], status: u16) -> usize {
    responses.iter().filter(|response| response.status == status).count()
}

fn slowest(responses: &[HttpResponse]) -> Duration {
    responses.iter().map(|response| response.took).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_200_parallel_bookings_of_one_slot_succeeds() {
    let app = TestApp::start().await;
    let service = app.service_id().await;
    let create = |n| (Method::POST, "/appointments".to_owned(), appointment(&service, n, "10:00"));
    let responses = send_in_parallel(&app, (0..200).map(create).collect()).await;
    let (won, lost, slowest) = (count(&responses, 201), count(&responses, 409), slowest(&responses));
    println!(
        "200 bookings of one slot: {won} × 201, {lost} × 409, slowest {slowest:?} (limit 1 s on an idle machine)"
    );
    assert_eq!((won, lost), (1, 199), "{:?}", responses.iter().find(|response| response.status >= 500));
    assert_eq!(app.database.number("select count(*) from scheduler.appointments").await, 1);
    assert_eq!(app.database.number(DEADLOCKS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_parallel_bookings_at_overlapping_times_no_two_overlap() {
    let app = TestApp::start().await;
    let service = app.service_id().await;
    let times = ["10:00", "10:11", "10:22", "10:33", "10:44"];
    let create =
        |n: usize| (Method::POST, "/appointments".to_owned(), appointment(&service, n, times[n % 5]));
    let responses = send_in_parallel(&app, (0..200).map(create).collect()).await;
    let (won, lost) = (count(&responses, 201), count(&responses, 409));
    println!(
        "200 bookings at five overlapping times: {won} × 201, {lost} × 409, slowest {:?}",
        slowest(&responses)
    );
    assert_eq!(
        won + lost,
        200,
        "{:?}",
        responses.iter().find(|response| ![201, 409].contains(&response.status))
    );
    assert!(won >= 1);
    assert_eq!(app.database.number(OVERLAPS).await, 0);
    assert_eq!(app.database.number(DEADLOCKS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_20_parallel_moves_to_overlapping_times_the_refused_ones_change_nothing() {
    let app = TestApp::start().await;
    let service = app.service_id().await;
    let mut moves = Vec::new();
    for n in 0..20_usize {
        let mut wanted = appointment(&service, n, ["09:00", "10:00", "11:00", "13:00", "14:00"][n % 5]);
        wanted["date"] = json!(format!("2026-02-{}", 23 + n / 5));
        let created = app.ask_expecting(Method::POST, "/appointments", Some(&wanted), 201).await;
        let time = ["15:00", "15:11", "15:22", "15:33", "15:44"][n % 5];
        let id = created["appointmentId"].as_str().expect("an id").to_owned();
        moves.push((id, wanted, time));
    }
    let requests = moves.iter().map(|(id, _, time)| {
        (Method::PUT, format!("/appointments/{id}"), json!({ "date": "2026-02-18", "time": time }))
    });
    let responses = send_in_parallel(&app, requests.collect()).await;
    let (won, lost) = (count(&responses, 200), count(&responses, 409));
    println!("20 moves to overlapping times: {won} × 200, {lost} × 409, slowest {:?}", slowest(&responses));
    assert_eq!(
        won + lost,
        20,
        "{:?}",
        responses.iter().find(|response| ![200, 409].contains(&response.status))
    );
    assert!(won >= 1);
    let appointments = app.appointments().await;
    for ((id, was, time), response) in moves.iter().zip(&responses) {
        let stored = appointments.iter().find(|appointment| appointment["appointment_id"] == **id);
        let stored = stored.expect("the appointment");
        let expected = match response.status {
            200 => (json!("2026-02-18"), json!(time)),
            _ => (was["date"].clone(), was["time"].clone()),
        };
        assert_eq!((stored["appointment_date"].clone(), stored["start_time"].clone()), expected);
    }
    assert_eq!(app.database.number(OVERLAPS).await, 0);
    assert_eq!(app.database.number(DEADLOCKS).await, 0);
}

/// `docs/rules/reliability.md#repeated-webhooks`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_repeated_in_parallel_and_a_day_later_is_answered_once() {
    let mut app = TestApp::start().await;
    let phone = "5511999990000";
    let body = app.patient(phone, "Maria Silva").webhook(text("Olá"));
    let five = (0..5).map(|_| (Method::POST, "/webhook/whatsapp".to_owned(), body.clone()));
    let responses = send_in_parallel(&app, five.collect()).await;
    assert_eq!(count(&responses, 200), 5);
    let replies = app.zapi.outbox(None).len();
    app.advance_clock(TimeDelta::days(1)).await;
    assert_eq!(app.webhook(&body).await.status, 200);
    let after_a_day = app.zapi.outbox(None).len();
    let events = app.events(phone).await;
    let inbound = events.iter().filter(|event| event["direction"] == "INBOUND").count();
    println!(
        "one webhook five times in parallel and once a day later: {replies} replies, {inbound} inbound event"
    );
    assert!((1..=2).contains(&replies), "{replies}");
    assert_eq!((after_a_day, inbound), (replies, 1));
}

/// The result of two simultaneous messages.
struct Round {
    /// Whether the appointment exists.
    booked: bool,
    /// Whether the bot confirmed the booking.
    confirmed: bool,
    /// How many of the two messages are in the history.
    recorded: usize,
}

/// Sends two messages of one patient at the same time while the bot asks for a confirmation.
async fn round(app: &TestApp, number: usize, words: [&str; 2]) -> Round {
    let phone = format!("55119{:08}", 80_000_000 + number);
    let mut patient = app.patient(&phone, "Maria Silva");
    patient.goes_to("book_").await;
    let before = app.events(&phone).await.len();
    let (first, second) = (patient.webhook(text(words[0])), patient.webhook(text(words[1])));
    let responses = tokio::join!(app.webhook(&first), app.webhook(&second));
    assert_eq!((responses.0.status, responses.1.status), (200, 200));
    let events = app.events(&phone).await;
    let is_one_of_them = |event: &&Value| {
        event["direction"] == "INBOUND" && {
            let id = event["messageId"].as_str();
            id == first["messageId"].as_str() || id == second["messageId"].as_str()
        }
    };
    let recorded = events[before.min(events.len())..].iter().filter(is_one_of_them).count();
    let confirmed = events.iter().any(|event| event["metadata"]["stateAfter"] == "BOOKED");
    let appointments = app.appointments_of(&phone, "CONFIRMED").await;
    if let Some(appointment) = appointments.first() {
        let path = format!("/appointments/{}", appointment["appointment_id"].as_str().expect("an id"));
        app.ask_expecting(Method::PUT, &path, Some(&json!({ "status": "CANCELLED" })), 200).await;
    }
    assert!(appointments.len() <= 1, "{appointments:?}");
    Round { booked: !appointments.is_empty(), confirmed, recorded }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_simultaneous_messages_of_one_patient_have_the_effect_of_some_serial_order() {
    const ROUNDS: usize = 200;
    let app = TestApp::start().await;
    let (mut booked, mut contradicted, mut lost) = (0, 0, 0);
    let pairs = [["sim", "voltar"], ["voltar", "sim"], ["sim", "sim"], ["cancelar", "sim"]];
    // Two rounds in parallel, so that chats of different patients interleave too.
    for number in (0..ROUNDS).step_by(2) {
        let rounds = tokio::join!(
            round(&app, number, pairs[number % 4]),
            round(&app, number + 1, pairs[(number + 1) % 4]),
        );
        for round in [rounds.0, rounds.1] {
            booked += usize::from(round.booked);
            contradicted += usize::from(round.booked != round.confirmed);
            lost += 2 - round.recorded.min(2);
        }
    }
    println!(
        "{ROUNDS} rounds of two simultaneous messages: {booked} booked, {contradicted} contradicted by the bot, \
         {lost} messages lost"
    );
    assert_eq!((contradicted, lost), (0, 0));
    assert!(booked > 0);
}
