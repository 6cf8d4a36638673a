//! Ten thousand odd dates, times, cursors and option ids: none is answered with a server error, and no row
//! leaves the limits (`docs/rules/reliability.md#fuzzed-dates`).

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use scheduler_tests::http::KEY;
use scheduler_tests::messages::{Sender, received};
use scheduler_tests::{CLINIC, TestApp, button};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::OUTSIDE;

const SEED: u8 = 0x1d;
/// Requests to the API.
const REQUESTS: usize = 9_000;
/// Clients that send them in parallel.
const CLIENTS: usize = 8;
/// Patients who press an odd option each 20 times; more messages in a minute are not worked on.
const PATIENTS: usize = 50;
const PRESSES: usize = 20;

/// One odd input. What `kind` selects uses some of the texts.
#[derive(Debug, Clone)]
struct Odd {
    kind: usize,
    date: String,
    other_date: String,
    time: String,
    text: String,
}

fn odd() -> impl Strategy<Value = Odd> {
    (any::<u16>(), date(), date(), time(), "\\PC{0,24}").prop_map(|(kind, date, other_date, time, text)| {
        Odd { kind: kind.into(), date, other_date, time, text }
    })
}

fn date() -> impl Strategy<Value = String> {
    let edges = [
        "",
        "0000-00-00",
        "1999-12-31",
        "2000-01-01",
        "2026-02-29",
        "2028-02-29",
        "2031-02-16",
        "2031-02-17",
        "2100-12-31",
        "2101-01-01",
        "9999-12-31",
        "+10000-01-01",
        "10000-01-01",
        "+262142-12-31",
        "-262143-01-01",
        "+262143-01-01",
        "5874897-12-31",
        "-4713-11-24",
        "infinity",
        "-infinity",
        "2026-02-20T10:00",
        " 2026-02-20",
        "2026-02-20\u{0}",
        "２０２６-02-20",
        "20/02/2026",
        "today",
    ];
    prop_oneof![
        4 => (0..2_500_i64).prop_map(|days| (monday() + TimeDelta::days(days)).to_string()),
        4 => (1_990..2_110_i32, 1..=12_u32, 1..=31_u32).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")),
        2 => (-262_143..=262_142_i32, 1..=12_u32, 1..=28_u32).prop_map(|(y, m, d)| format!("{y:+}-{m:02}-{d:02}")),
        2 => (any::<i32>(), any::<u8>(), any::<u8>()).prop_map(|(y, m, d)| format!("{y}-{m}-{d}")),
        2 => prop::sample::select(edges.to_vec()).prop_map(str::to_owned),
        1 => "[-+0-9 ]{0,20}",
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (8..18_u32, 0..60_u32).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}")),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(hour, minute)| format!("{hour}:{minute}")),
        1 => prop::sample::select(vec!["24:00", "23:59", "00:00", "9:00", "+9:00", "09:00:00", "-1:00", ""])
            .prop_map(str::to_owned),
    ]
}

/// The day on which the test clock stands.
fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 16).expect("a day")
}

/// A sequence of inputs that is the same in every run.
fn inputs(count: usize, salt: u8) -> Vec<Odd> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[SEED ^ salt; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = odd();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("an input").current()).collect()
}

/// Ids that requests need.
#[derive(Clone)]
struct Ids {
    service: String,
    appointment: String,
    exception: String,
}

/// Method, path, query and body of a request.
type Request = (Method, String, Vec<(&'static str, String)>, Option<Value>);

fn request(odd: &Odd, ids: &Ids) -> Request {
    let Odd { date, other_date, time, text, .. } = odd.clone();
    let in_clinic = |path: &str| format!("/clinics/{CLINIC}/{path}");
    let get = |path: String, query: Vec<(&'static str, String)>| (Method::GET, path, query, None);
    let cursor = format!("{date}_{time}_{}", ids.appointment);
    match odd.kind % 13 {
        0 => get(in_clinic("appointments"), vec![("date", date)]),
        1 => get(in_clinic("appointments"), vec![("from", date), ("to", other_date)]),
        2 => get(in_clinic("appointments"), vec![("from", date)]),
        3 => get(in_clinic("appointments"), vec![("to", date), ("limit", text)]),
        4 => get(in_clinic("appointments"), vec![("cursor", cursor)]),
        5 => get(in_clinic("appointments"), vec![("date", other_date), ("cursor", cursor)]),
        6 => get(in_clinic("availability-exceptions"), vec![("from", date), ("to", other_date)]),
        7 => get(in_clinic("available-slots"), vec![("date", date), ("serviceId", ids.service.clone())]),
        8 => get("/clinics".to_owned(), vec![("cursor", if date.is_empty() { text } else { date })]),
        9 | 10 => {
            let body = json!({ "clinicId": CLINIC, "phone": "5511999990000", "serviceId": ids.service,
                "date": date, "time": time });
            (Method::POST, "/appointments".to_owned(), Vec::new(), Some(body))
        }
        11 => {
            let body = json!({ "date": date, "time": time });
            (Method::PUT, format!("/appointments/{}", ids.appointment), Vec::new(), Some(body))
        }
        _ if odd.kind.is_multiple_of(2) => {
            let body = json!({ "exception_date": date, "exception_type": "BLOCKED" });
            (Method::POST, in_clinic("availability-exceptions"), Vec::new(), Some(body))
        }
        _ => {
            let path = format!("/availability-exceptions/{}", ids.exception);
            (Method::PUT, path, Vec::new(), Some(json!({ "exception_date": date })))
        }
    }
}

/// An option id with the odd texts in it.
fn option_id(odd: &Odd) -> String {
    let Odd { date, time, text, .. } = odd;
    match odd.kind % 8 {
        0 | 1 => format!("day_{date}"),
        2 => format!("newday_{date}"),
        3 | 4 => format!("time_{date}_{time}"),
        5 => format!("newtime_{date}_{time}"),
        6 => format!("time_{date}"),
        _ => format!("book_{text}"),
    }
}

fn patient(number: usize) -> Sender {
    Sender { phone: format!("55119{}", 77_770_000 + number), lid: None, name: Some("Maria Silva".into()) }
}

async fn send(client: &reqwest::Client, base: &str, request: &Request) -> (u16, Value) {
    let (method, path, query, body) = request;
    let mut sent =
        client.request(method.clone(), format!("{base}{path}")).header("x-api-key", KEY).query(query);
    if let Some(body) = body {
        sent = sent.json(body);
    }
    let response = sent.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.expect("a body")).unwrap_or_default())
}

async fn ids(app: &TestApp) -> Ids {
    let service = app.service_id().await;
    let body = json!({ "clinicId": CLINIC, "phone": "5511999990000", "serviceId": service, "date": "2026-02-18",
        "time": "10:00" });
    let booked = app.ask_expecting(Method::POST, "/appointments", Some(&body), 201).await;
    let blocked = json!({ "exception_date": "2026-03-02", "exception_type": "BLOCKED" });
    let path = format!("/clinics/{CLINIC}/availability-exceptions");
    let blocked = app.ask_expecting(Method::POST, &path, Some(&blocked), 201).await;
    let id = |answer: &Value, name: &str| answer[name].as_str().expect("an id").to_owned();
    Ids { service, appointment: id(&booked, "appointmentId"), exception: id(&blocked, "exceptionId") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_odd_inputs_cause_no_server_error_and_no_row_outside_the_limits() {
    let app = TestApp::start().await;
    let ids = ids(&app).await;
    let mut clients = JoinSet::new();
    for part in inputs(REQUESTS, 0).chunks(REQUESTS / CLIENTS) {
        let (client, base, ids, part) = (app.client().clone(), app.url(""), ids.clone(), part.to_vec());
        clients.spawn(async move {
            let mut statuses = BTreeMap::<u16, usize>::new();
            for odd in part {
                let request = request(&odd, &ids);
                let (status, answer) = send(&client, &base, &request).await;
                assert!(status < 500, "{status} {request:?}: {answer}");
                *statuses.entry(status).or_default() += 1;
            }
            statuses
        });
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    for (status, count) in clients.join_all().await.into_iter().flatten() {
        *statuses.entry(status).or_default() += count;
    }
    println!("{REQUESTS} requests: {statuses:?}");
    assert!([200, 201, 400].iter().all(|status| statuses.contains_key(status)), "{statuses:?}");

    let mut patients = JoinSet::new();
    for (number, part) in inputs(PATIENTS * PRESSES, 1).chunks(PRESSES).enumerate() {
        let (client, url, part) = (app.client().clone(), app.url("/webhook/whatsapp"), part.to_vec());
        let (from, sent_at) = (patient(number), app.now().timestamp_millis());
        patients.spawn(async move {
            for (press, odd) in part.iter().enumerate() {
                let pressed = button(&option_id(odd), "Olá");
                let webhook = received(&from, &format!("3EB0{number}X{press}"), sent_at, pressed);
                let answer = scheduler_tests::http::ask(&client, Method::POST, &url, Some(&webhook)).await;
                assert_eq!(answer.expect("an answer").status, 200, "{webhook}");
            }
        });
    }
    patients.join_all().await;
    for number in 0..PATIENTS {
        assert!(!app.state(&patient(number).phone).await.is_empty(), "the chat of {number} goes on");
    }

    app.reconcile().await;
    app.ask_expecting(Method::POST, "/_local/jobs/reminder-processor", None, 200).await;
    assert!(!app.log().contains("panicked"), "{}", app.log());
    assert_eq!(app.database.number(OUTSIDE).await, 0);
    let too_far = "select count(*) from scheduler.appointments where appointment_date > '2031-02-16'";
    assert_eq!(app.database.number(too_far).await, 0);
}
