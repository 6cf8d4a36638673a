//! The time of a message, compared with a minimal client that makes the same network calls in the same run:
//! `cargo bench -p scheduler-tests --bench waits`. The limits are in `docs/rules/speed.md#network-waits`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use chrono::NaiveDate;
use scheduler_core::domain::ids::ClinicId;
use scheduler_tests::function::{Cost, InProcessFunction};
use scheduler_tests::http::client;

/// Number of timed messages of each kind. Greetings are not timed, because each starts a new chat.
const ROUNDS: u64 = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!(
        "{:<40} {:>5} {:>5} {:>5} {:>4} {:>5} {:>9} {:>9} {:>11} {:>6}",
        "", "waits", "limit", "SQL", "Dyn", "z-api", "p50", "p99", "minimal p50", "ratio"
    );
    let function = InProcessFunction::start().await;
    measure(&function, "", 0).await;
    function.set_delay(Duration::from_millis(5));
    measure(&function, ", 5 ms each way", ROUNDS).await;
    function.stop().await;
}

async fn measure(function: &InProcessFunction, how: &str, first: u64) {
    // The first round opens connections, prepares statements and loads the clinic.
    book(function, &format!("55119777{:05}", first)).await;
    let mut kinds: HashMap<&str, Vec<Cost>> = HashMap::new();
    for round in first..first + ROUNDS {
        for (kind, cost) in book(function, &format!("55119888{round:05}")).await {
            kinds.entry(kind).or_default().push(cost);
        }
    }
    for (kind, limit, statements) in
        [("a message", 4, 0), ("a message with PostgreSQL", 5, 1), ("a booking", 6, 2)]
    {
        let costs = &kinds[kind];
        let minimal = minimal_client(function, statements).await;
        let times = sorted(costs.iter().map(|cost| cost.took).collect());
        let max = |of: fn(&Cost) -> usize| costs.iter().map(of).max().unwrap_or_default();
        println!(
            "{:<40} {:>5} {:>5} {:>5} {:>4} {:>5} {:>9} {:>9} {:>11} {:>6.2}",
            format!("{kind}{how}"),
            max(|cost| cost.sequential_waits),
            limit,
            max(|cost| cost.statements),
            max(|cost| cost.dynamodb_calls),
            max(|cost| cost.zapi_calls),
            milliseconds(percentile(&times, 50)),
            milliseconds(percentile(&times, 99)),
            milliseconds(percentile(&minimal, 50)),
            percentile(&times, 50).as_secs_f64() / percentile(&minimal, 50).as_secs_f64(),
        );
    }
    println!("limits{how}: waits as in the column, ratio at most 1.50");
}

/// Books as a new patient and returns the cost of one message of each kind.
async fn book(function: &InProcessFunction, phone: &str) -> Vec<(&'static str, Cost)> {
    function.says(phone, "Olá").await;
    let message = function.presses(phone, "schedule").await;
    function.presses(phone, "available_days").await;
    function.presses(phone, "skip_areas").await;
    let reading = function.presses(phone, "day_").await;
    function.presses(phone, "time_").await;
    function.presses(phone, "use_profile_name").await;
    let booking = function.presses(phone, "book_").await;
    vec![("a message", message), ("a message with PostgreSQL", reading), ("a booking", booking)]
}

/// The times of the same calls by a client that does nothing else: a write, the statements, a transaction of
/// two writes, a call of z-api, a transaction of two writes.
async fn minimal_client(function: &InProcessFunction, statements: usize) -> Vec<Duration> {
    let chats = &function.contexts.job.chats;
    let (dynamodb, http) = (chats.tables.client(), client());
    let send = format!("{}/instances/i/token/t/send-text", function.zapi_url);
    let (clinic, day) =
        (ClinicId("laser-beauty-sp".into()), NaiveDate::from_ymd_opt(2027, 2, 1).expect("a day"));
    let item = |sk: &str| {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S("MINIMAL".into())),
            ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
            ("text".to_owned(), AttributeValue::S("x".repeat(1_000))),
        ])
    };
    let put = |table: &str, sk: &str| {
        let put = Put::builder().table_name(table).set_item(Some(item(sk))).build().expect("a put");
        TransactWriteItem::builder().put(put).build()
    };
    let transaction = || {
        dynamodb
            .transact_write_items()
            .transact_items(put("sessions", "SESSION"))
            .transact_items(put("events", "EVENT"))
            .send()
    };
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        dynamodb
            .put_item()
            .table_name("sessions")
            .set_item(Some(item("INBOX")))
            .send()
            .await
            .expect("a write");
        for _ in 0..statements {
            chats.db.find_calendar(&clinic, day, day, None).await.expect("a calendar");
        }
        transaction().await.expect("a transaction");
        let body = serde_json::json!({"phone": "5511900000000", "message": "x"}).to_string();
        let sent = http.post(&send).header("content-type", "application/json").body(body).send().await;
        sent.expect("z-api answers").bytes().await.expect("a body");
        transaction().await.expect("a transaction");
        times.push(started.elapsed());
    }
    sorted(times)
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort();
    times
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
