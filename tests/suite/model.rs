//! Random bookings, moves, cancellations and blocks, compared with a simple model after every step, and made
//! by eight clients in parallel (`docs/rules/reliability.md#model-of-the-agenda`).

mod agenda;

use agenda::{Agenda, DAYS};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use scheduler_tests::{CLINIC, TestApp};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

const STEPS: usize = 2_000;
const CLIENTS: usize = 8;
const STEPS_PER_CLIENT: usize = 60;

const OVERLAPS: &str = "select count(*) from scheduler.appointments a join scheduler.appointments b \
    on a.clinic_id = b.clinic_id and a.id < b.id and a.occupied && b.occupied \
    where a.status in ('CONFIRMED', 'COMPLETED') and b.status in ('CONFIRMED', 'COMPLETED')";

/// Session lengths in minutes, with one service each.
const LENGTHS: [u16; 3] = [20, 45, 90];

/// Random steps. The seed is random too, and printed, so that a failed run can be repeated.
struct Steps(TestRunner);

impl Steps {
    fn new() -> Self {
        let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(one.as_bytes());
        seed[16..].copy_from_slice(other.as_bytes());
        println!("seed {seed:?}");
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    fn next(&mut self) -> Step {
        step().new_tree(&mut self.0).expect("a step").current()
    }
}

/// One request. `length` and `day` are indexes of [`LENGTHS`] and [`DAYS`]; `minute` is a minute of the day.
#[derive(Debug, Clone, Copy)]
enum Step {
    Book {
        length: usize,
        day: usize,
        minute: u16,
    },
    /// Moves one of the existing appointments.
    Move {
        appointment: usize,
        day: usize,
        minute: u16,
    },
    /// Cancels one of the existing appointments.
    Cancel {
        appointment: usize,
    },
    /// Blocks a part of a day.
    Block {
        day: usize,
        minute: u16,
        minutes: u16,
    },
}

fn step() -> impl Strategy<Value = Step> {
    // Multiples of five minutes, so that one appointment often starts exactly when another ends.
    let when = || (0..DAYS.len(), (96_u16..240).prop_map(|fives| 5 * fives));
    prop_oneof![
        50 => (0..LENGTHS.len(), when()).prop_map(|(length, (day, minute))| Step::Book { length, day, minute }),
        25 => (any::<usize>(), when()).prop_map(|(appointment, (day, minute))| Step::Move { appointment, day, minute }),
        24 => any::<usize>().prop_map(|appointment| Step::Cancel { appointment }),
        1 => (when(), 1_u16..13).prop_map(|((day, minute), fives)| Step::Block { day, minute, minutes: 5 * fives }),
    ]
}

/// `HH:MM` of a minute of the day.
fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// A client of an app that has one service per length.
#[derive(Clone)]
struct ApiClient {
    client: reqwest::Client,
    base: String,
    services: Vec<String>,
}

impl ApiClient {
    async fn for_app(app: &TestApp) -> Self {
        let mut services = Vec::new();
        for length in LENGTHS {
            let service = json!({"name": format!("Sessão de {length}"), "duration_minutes": length});
            let path = format!("/clinics/{CLINIC}/services");
            let created = app.ask(Method::POST, &path, Some(&service)).await;
            services.push(created.body["serviceId"].as_str().expect("an id").to_owned());
        }
        Self { client: app.client().clone(), base: app.url(""), services }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let response = scheduler_tests::http::ask(&self.client, method, &url, body).await.expect("an answer");
        (response.status, response.body)
    }

    async fn book(&self, length: usize, day: usize, minute: u16, phone: usize) -> (u16, Value) {
        let appointment = json!({"clinicId": CLINIC, "phone": format!("55119{:08}", 91_000_000 + phone),
            "serviceId": self.services[length], "date": DAYS[day], "time": clock(minute)});
        self.ask(Method::POST, "/appointments", Some(&appointment)).await
    }

    async fn change(&self, id: &str, change: Value) -> u16 {
        self.ask(Method::PUT, &format!("/appointments/{id}"), Some(&change)).await.0
    }

    async fn slots(&self, day: usize, length: usize) -> Value {
        let (date, service) = (DAYS[day], &self.services[length]);
        let path = format!("/clinics/{CLINIC}/available-slots?date={date}&serviceId={service}");
        self.ask(Method::GET, &path, None).await.1["slots"].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_every_step_the_agenda_matches_a_simple_model() {
    let app = TestApp::start().await;
    let api = ApiClient::for_app(&app).await;
    let mut steps = Steps::new();
    let mut model = Agenda::default();
    let (mut done, mut refused) = (0, 0);
    for number in 0..STEPS {
        let step = steps.next();
        let (day, accepted) = match step {
            Step::Book { length, day, minute } => {
                let (status, body) = api.book(length, day, minute, number % 50).await;
                let id = body["appointmentId"].as_str().unwrap_or_default();
                let free = model.book(id, day, minute, LENGTHS[length]);
                assert_eq!(status, if free { 201 } else { 409 }, "step {number} {step:?}: {body}");
                (day, free)
            }
            Step::Move { appointment, day, minute } => {
                let Some(id) = model.pick(appointment) else { continue };
                let to = json!({"date": DAYS[day], "time": clock(minute)});
                let status = api.change(&id, to).await;
                let free = model.shift(&id, day, minute);
                assert_eq!(status, if free { 200 } else { 409 }, "step {number} {step:?}");
                (day, free)
            }
            Step::Cancel { appointment } => {
                let Some(id) = model.pick(appointment) else { continue };
                let status = api.change(&id, json!({"status": "CANCELLED"})).await;
                assert_eq!(status, 200, "step {number} {step:?}");
                (model.cancel(&id), true)
            }
            Step::Block { day, minute, minutes } => {
                let block = json!({"exception_date": DAYS[day], "exception_type": "BLOCKED",
                    "start_time": clock(minute), "end_time": clock(minute + minutes)});
                let path = format!("/clinics/{CLINIC}/availability-exceptions");
                let (status, body) = api.ask(Method::POST, &path, Some(&block)).await;
                assert_eq!(status, 201, "step {number} {step:?}: {body}");
                let listed = body["conflicts"].as_array().map_or(0, Vec::len);
                assert_eq!(listed, model.block(day, minute, minutes), "step {number} {step:?}: {body}");
                (day, true)
            }
        };
        (done, refused) = if accepted { (done + 1, refused) } else { (done, refused + 1) };
        let length = number % LENGTHS.len();
        let free: Vec<String> = model.slots(day, LENGTHS[length]).into_iter().map(clock).collect();
        assert_eq!(api.slots(day, length).await, json!(free), "after step {number} {step:?}: {model:#?}");
    }
    println!("{done} steps accepted and {refused} refused, as in the model");
    assert_eq!(app.database.number(OVERLAPS).await, 0);
}

/// An appointment as its client knows it.
struct Known {
    id: String,
    day: usize,
    minute: u16,
    cancelled: bool,
}

/// Makes random steps and returns the appointments that the client has booked.
async fn run_client(api: ApiClient, client: usize) -> Vec<Known> {
    let mut steps = Steps::new();
    let mut own: Vec<Known> = Vec::new();
    for number in 0..STEPS_PER_CLIENT {
        match steps.next() {
            Step::Book { length, day, minute } => {
                let (status, body) = api.book(length, day, minute, client * 100 + number).await;
                match status {
                    201 => {
                        let id = body["appointmentId"].as_str().expect("an id").to_owned();
                        own.push(Known { id, day, minute, cancelled: false });
                    }
                    409 => {}
                    _ => panic!("{status}: {body}"),
                }
            }
            Step::Move { appointment, day, minute } if !own.is_empty() => {
                let at = appointment % own.len();
                let to = json!({"date": DAYS[day], "time": clock(minute)});
                match api.change(&own[at].id, to).await {
                    200 => (own[at].day, own[at].minute) = (day, minute),
                    409 => {}
                    status => panic!("{status}"),
                }
            }
            Step::Cancel { appointment } if !own.is_empty() => {
                let at = appointment % own.len();
                assert_eq!(api.change(&own[at].id, json!({"status": "CANCELLED"})).await, 200);
                own[at].cancelled = true;
            }
            Step::Move { .. } | Step::Cancel { .. } | Step::Block { .. } => {}
        }
    }
    own
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_parallel_clients_each_find_the_appointments_they_booked() {
    let app = TestApp::start().await;
    let api = ApiClient::for_app(&app).await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(run_client(api.clone(), client));
    }
    let known: Vec<Known> = clients.join_all().await.into_iter().flatten().collect();
    let mut listed = Vec::new();
    for day in DAYS {
        let path = format!("/clinics/{CLINIC}/appointments?date={day}&limit=100");
        let (status, body) = api.ask(Method::GET, &path, None).await;
        assert_eq!((status, &body["nextCursor"]), (200, &Value::Null), "one page holds a day");
        listed.extend(body["appointments"].as_array().cloned().unwrap_or_default());
    }
    for Known { id, day, minute, cancelled } in &known {
        let row = listed.iter().find(|row| row["appointment_id"] == **id).expect("the booked appointment");
        let status = if *cancelled { "CANCELLED" } else { "CONFIRMED" };
        let found = (&row["appointment_date"], &row["start_time"], &row["status"]);
        assert_eq!(found, (&json!(DAYS[*day]), &json!(clock(*minute)), &json!(status)), "{row}");
    }
    let overlaps = app.database.number(OVERLAPS).await;
    println!("{CLIENTS} parallel clients: {} appointments booked, {overlaps} overlaps", known.len());
    assert_eq!((overlaps, known.len()), (0, listed.len()));
}
