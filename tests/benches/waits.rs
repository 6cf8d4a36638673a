//! What a message costs, beside a bare client that makes the same waits in the same run:
//! `cargo bench -p scheduler-tests --bench waits`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may take what it knows to be there")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use chrono::NaiveDate;
use scheduler_core::domain::ids::ClinicId;
use scheduler_tests::function::{Cost, Function};
use scheduler_tests::http::client;

/// Messages of each kind that are timed. A greeting takes no part: its chat is always a new one.
const ROUNDS: u64 = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!(
        "{:<34} {:>5} {:>4} {:>5} {:>4} {:>5} {:>9} {:>9} {:>9} {:>6}",
        "", "waits", "bar", "SQL", "Dyn", "z-api", "p50", "p99", "bare p50", "ratio"
    );
    let function = Function::start().await;
    measure(&function, "", 0).await;
    function.delays(Duration::from_millis(5));
    measure(&function, ", 5 ms each way", ROUNDS).await;
    function.stop().await;
}

async fn measure(function: &Function, how: &str, first: u64) {
    // Connections, statements and the clinic are ready after this.
    walk(function, &format!("55119777{:05}", first)).await;
    let mut kinds: HashMap<&str, Vec<Cost>> = HashMap::new();
    for round in first..first + ROUNDS {
        for (kind, cost) in walk(function, &format!("55119888{round:05}")).await {
            kinds.entry(kind).or_default().push(cost);
        }
    }
    for (kind, bar, statements) in
        [("a message", 4, 0), ("a message with PostgreSQL", 5, 1), ("a booking", 6, 2)]
    {
        let costs = &kinds[kind];
        let bare = bare(function, statements).await;
        let times = sorted(costs.iter().map(|cost| cost.took).collect());
        let most = |of: fn(&Cost) -> usize| costs.iter().map(of).max().unwrap_or_default();
        println!(
            "{:<34} {:>5} {:>4} {:>5} {:>4} {:>5} {:>9} {:>9} {:>9} {:>6.2}",
            format!("{kind}{how}"),
            most(|cost| cost.waits_in_a_row),
            bar,
            most(|cost| cost.statements),
            most(|cost| cost.dynamodb_calls),
            most(|cost| cost.zapi_calls),
            written(at(&times, 50)),
            written(at(&times, 99)),
            written(at(&bare, 50)),
            at(&times, 50).as_secs_f64() / at(&bare, 50).as_secs_f64(),
        );
    }
    println!("bars{how}: waits as in the column, ratio at most 1.50");
}

/// One patient's way to a visit.
async fn walk(function: &Function, phone: &str) -> Vec<(&'static str, Cost)> {
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

/// The same waits by a client that does nothing else: a write, the statements, a transaction of two
/// writes, z-api, a transaction of two writes.
async fn bare(function: &Function, statements: usize) -> Vec<Duration> {
    let chats = function.world.chats.as_ref().expect("conversations");
    let (dynamodb, http) = (chats.tables.client(), client());
    let send = format!("{}/instances/i/token/t/send-text", function.zapi_url);
    let (clinic, day) =
        (ClinicId("laser-beauty-sp".into()), NaiveDate::from_ymd_opt(2027, 2, 1).expect("a day"));
    let item = |sk: &str| {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S("BARE".into())),
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

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn written(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
