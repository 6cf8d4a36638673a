//! What must hold when everything happens at once (quality 3, rows 1 to 3, 5 and 6), with counts.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_tests::http::Answered;
use scheduler_tests::{CLINIC, Product, text};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const OVERLAPS: &str = "select count(*) from scheduler.appointments a join scheduler.appointments b \
    on a.clinic_id = b.clinic_id and a.id < b.id and a.appointment_date = b.appointment_date \
    where a.status in ('CONFIRMED', 'COMPLETED') and b.status in ('CONFIRMED', 'COMPLETED') \
    and a.start_time < b.end_time + make_interval(mins => b.buffer_minutes) \
    and b.start_time < a.end_time + make_interval(mins => a.buffer_minutes)";

const DEADLOCKS: &str = "select deadlocks from pg_stat_database where datname = current_database()";

fn visit(service: &str, patient: usize, time: &str) -> Value {
    let phone = format!("55119{:08}", 90_000_000 + patient);
    json!({ "clinicId": CLINIC, "phone": phone, "serviceId": service, "date": "2026-02-18", "time": time })
}

/// Sends them all at once and answers what came, in the order of the requests.
async fn at_once(product: &Product, requests: Vec<(Method, String, Value)>) -> Vec<Answered> {
    let mut running = JoinSet::new();
    for (number, (method, path, body)) in requests.into_iter().enumerate() {
        let (client, url) = (product.client().clone(), product.url(&path));
        running.spawn(async move {
            let answered = scheduler_tests::http::ask(&client, method, &url, Some(&body)).await;
            (number, answered.expect("an answer"))
        });
    }
    let mut answers = running.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answered)| answered).collect()
}

fn count(answers: &[Answered], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn slowest(answers: &[Answered]) -> Duration {
    answers.iter().map(|answer| answer.took).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_creates_for_one_slot_one_wins() {
    let product = Product::start().await;
    let service = product.service_id().await;
    let create = |n| (Method::POST, "/appointments".to_owned(), visit(&service, n, "10:00"));
    let answers = at_once(&product, (0..200).map(create).collect()).await;
    let (won, lost, slowest) = (count(&answers, 201), count(&answers, 409), slowest(&answers));
    println!(
        "200 creates for one slot: {won} × 201, {lost} × 409, slowest {slowest:?} (bar: 1 s on a quiet machine)"
    );
    assert_eq!((won, lost), (1, 199), "{:?}", answers.iter().find(|answer| answer.status >= 500));
    assert_eq!(product.database.number("select count(*) from scheduler.appointments").await, 1);
    assert_eq!(product.database.number(DEADLOCKS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_creates_at_five_overlapping_times_no_two_overlap() {
    let product = Product::start().await;
    let service = product.service_id().await;
    let times = ["10:00", "10:11", "10:22", "10:33", "10:44"];
    let create = |n: usize| (Method::POST, "/appointments".to_owned(), visit(&service, n, times[n % 5]));
    let answers = at_once(&product, (0..200).map(create).collect()).await;
    let (won, lost) = (count(&answers, 201), count(&answers, 409));
    println!("200 creates at five offsets: {won} × 201, {lost} × 409, slowest {:?}", slowest(&answers));
    assert_eq!(won + lost, 200, "{:?}", answers.iter().find(|answer| ![201, 409].contains(&answer.status)));
    assert!(won >= 1);
    assert_eq!(product.database.number(OVERLAPS).await, 0);
    assert_eq!(product.database.number(DEADLOCKS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_20_moves_into_overlapping_times_losers_stay_where_they_were() {
    let product = Product::start().await;
    let service = product.service_id().await;
    let mut moves = Vec::new();
    for n in 0..20_usize {
        let mut wanted = visit(&service, n, ["09:00", "10:00", "11:00", "13:00", "14:00"][n % 5]);
        wanted["date"] = json!(format!("2026-02-{}", 23 + n / 5));
        let made = product.ask(Method::POST, "/appointments", Some(&wanted)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let time = ["15:00", "15:11", "15:22", "15:33", "15:44"][n % 5];
        let id = made.body["appointmentId"].as_str().expect("an id").to_owned();
        moves.push((id, wanted, time));
    }
    let requests = moves.iter().map(|(id, _, time)| {
        (Method::PUT, format!("/appointments/{id}"), json!({ "date": "2026-02-18", "time": time }))
    });
    let answers = at_once(&product, requests.collect()).await;
    let (won, lost) = (count(&answers, 200), count(&answers, 409));
    println!("20 moves into overlapping times: {won} × 200, {lost} × 409, slowest {:?}", slowest(&answers));
    assert_eq!(won + lost, 20, "{:?}", answers.iter().find(|answer| ![200, 409].contains(&answer.status)));
    assert!(won >= 1);
    let visits = product.visits().await;
    for ((id, was, time), answer) in moves.iter().zip(&answers) {
        let stands = visits.iter().find(|visit| visit["appointment_id"] == **id).expect("the visit");
        let expected = match answer.status {
            200 => (json!("2026-02-18"), json!(time)),
            _ => (was["date"].clone(), was["time"].clone()),
        };
        assert_eq!((stands["appointment_date"].clone(), stands["start_time"].clone()), expected);
    }
    assert_eq!(product.database.number(OVERLAPS).await, 0);
    assert_eq!(product.database.number(DEADLOCKS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_webhook_five_times_at_once_and_a_day_later_gets_one_set_of_replies() {
    let mut product = Product::start().await;
    let phone = "5511999990000";
    let body = product.patient(phone, "Maria Silva").webhook(text("Olá"));
    let five = (0..5).map(|_| (Method::POST, "/webhook/whatsapp".to_owned(), body.clone()));
    let answers = at_once(&product, five.collect()).await;
    assert_eq!(count(&answers, 200), 5);
    let replies = product.zapi.outbox(None).len();
    product.passes(TimeDelta::days(1)).await;
    assert_eq!(product.webhook(&body).await.status, 200);
    let after_a_day = product.zapi.outbox(None).len();
    let events = product.events(phone).await;
    let inbound = events.iter().filter(|event| event["direction"] == "INBOUND").count();
    println!(
        "one webhook, five times at once and once a day later: {replies} replies, {inbound} inbound event"
    );
    assert!((1..=2).contains(&replies), "{replies}");
    assert_eq!((after_a_day, inbound), (replies, 1));
}

/// What one round of two messages at once came to.
struct Round {
    booked: bool,
    said_so: bool,
    inputs: usize,
}

/// Two messages of one phone at one instant, at a confirmation.
async fn round(product: &Product, number: usize, words: [&str; 2]) -> Round {
    let phone = format!("55119{:08}", 80_000_000 + number);
    let mut patient = product.patient(&phone, "Maria Silva");
    patient.goes_to("book_").await;
    let before = product.events(&phone).await.len();
    let (first, second) = (patient.webhook(text(words[0])), patient.webhook(text(words[1])));
    let (one, other) = tokio::join!(product.webhook(&first), product.webhook(&second));
    assert_eq!((one.status, other.status), (200, 200));
    let events = product.events(&phone).await;
    let of_these = |event: &&Value| {
        event["direction"] == "INBOUND" && {
            let id = event["messageId"].as_str();
            id == first["messageId"].as_str() || id == second["messageId"].as_str()
        }
    };
    let inputs = events[before.min(events.len())..].iter().filter(of_these).count();
    let said_so = events.iter().any(|event| event["metadata"]["stateAfter"] == "BOOKED");
    let visits = product.visits_of(&phone, "CONFIRMED").await;
    if let Some(visit) = visits.first() {
        let path = format!("/appointments/{}", visit["appointment_id"].as_str().expect("an id"));
        let freed = product.ask(Method::PUT, &path, Some(&json!({ "status": "CANCELLED" }))).await;
        assert_eq!(freed.status, 200, "{}", freed.body);
    }
    assert!(visits.len() <= 1, "{visits:?}");
    Round { booked: !visits.is_empty(), said_so, inputs }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_messages_of_one_phone_at_once_end_as_some_serial_order() {
    const ROUNDS: usize = 200;
    let product = Product::start().await;
    let (mut booked, mut denied, mut lost) = (0, 0, 0);
    let pairs = [["sim", "voltar"], ["voltar", "sim"], ["sim", "sim"], ["cancelar", "sim"]];
    // Two at a time, so that rounds of different phones cross too.
    for number in (0..ROUNDS).step_by(2) {
        let rounds = tokio::join!(
            round(&product, number, pairs[number % 4]),
            round(&product, number + 1, pairs[(number + 1) % 4]),
        );
        for round in [rounds.0, rounds.1] {
            booked += usize::from(round.booked);
            denied += usize::from(round.booked != round.said_so);
            lost += 2 - round.inputs.min(2);
        }
    }
    println!("{ROUNDS} rounds of two messages at once: {booked} booked, {denied} denied, {lost} inputs lost");
    assert_eq!((denied, lost), (0, 0));
    assert!(booked > 0);
}
