//! Booking, moving, cancelling and blocking in random order, checked against a simple model after
//! every step, and by eight clients at once (quality 3, row 4).

mod agenda;

use agenda::{Agenda, DAYS};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::Method;
use scheduler_tests::{CLINIC, Product};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

const STEPS: usize = 2_000;
const CLIENTS: usize = 8;
const STEPS_OF_A_CLIENT: usize = 60;

const OVERLAPS: &str = "select count(*) from scheduler.appointments a join scheduler.appointments b \
    on a.clinic_id = b.clinic_id and a.id < b.id and a.occupied && b.occupied \
    where a.status in ('CONFIRMED', 'COMPLETED') and b.status in ('CONFIRMED', 'COMPLETED')";

/// One of each length, in minutes.
const LENGTHS: [u16; 3] = [20, 45, 90];

/// Seeded by the machine, and the seed printed, so that a run can be had again.
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

/// What a client does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A visit of this length on this day at this minute.
    Book { length: usize, day: usize, minute: u16 },
    /// One of the visits there are, to another time.
    Move { visit: usize, day: usize, minute: u16 },
    /// One of the visits there are.
    Cancel { visit: usize },
    /// A part of a day.
    Block { day: usize, minute: u16, minutes: u16 },
}

fn step() -> impl Strategy<Value = Step> {
    // Five minutes apart, so that times often meet exactly.
    let when = || (0..DAYS.len(), (96_u16..240).prop_map(|fives| 5 * fives));
    prop_oneof![
        50 => (0..LENGTHS.len(), when()).prop_map(|(length, (day, minute))| Step::Book { length, day, minute }),
        25 => (any::<usize>(), when()).prop_map(|(visit, (day, minute))| Step::Move { visit, day, minute }),
        24 => any::<usize>().prop_map(|visit| Step::Cancel { visit }),
        1 => (when(), 1_u16..13).prop_map(|((day, minute), fives)| Step::Block { day, minute, minutes: 5 * fives }),
    ]
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The product with a service of each length, and how to ask it.
#[derive(Clone)]
struct Desk {
    client: reqwest::Client,
    base: String,
    services: Vec<String>,
}

impl Desk {
    async fn of(product: &Product) -> Self {
        let mut services = Vec::new();
        for length in LENGTHS {
            let service = json!({"name": format!("Sessão de {length}"), "duration_minutes": length});
            let path = format!("/clinics/{CLINIC}/services");
            let made = product.ask(Method::POST, &path, Some(&service)).await;
            services.push(made.body["serviceId"].as_str().expect("an id").to_owned());
        }
        Self { client: product.client().clone(), base: product.url(""), services }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let answered = scheduler_tests::http::ask(&self.client, method, &url, body).await.expect("an answer");
        (answered.status, answered.body)
    }

    async fn book(&self, length: usize, day: usize, minute: u16, phone: usize) -> (u16, Value) {
        let visit = json!({"clinicId": CLINIC, "phone": format!("55119{:08}", 91_000_000 + phone),
            "serviceId": self.services[length], "date": DAYS[day], "time": clock(minute)});
        self.ask(Method::POST, "/appointments", Some(&visit)).await
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
async fn after_every_step_the_product_is_as_a_simple_model_says() {
    let product = Product::start().await;
    let desk = Desk::of(&product).await;
    let mut steps = Steps::new();
    let mut model = Agenda::default();
    let (mut done, mut refused) = (0, 0);
    for number in 0..STEPS {
        let step = steps.next();
        let (day, taken) = match step {
            Step::Book { length, day, minute } => {
                let (status, body) = desk.book(length, day, minute, number % 50).await;
                let id = body["appointmentId"].as_str().unwrap_or_default();
                let free = model.book(id, day, minute, LENGTHS[length]);
                assert_eq!(status, if free { 201 } else { 409 }, "step {number} {step:?}: {body}");
                (day, free)
            }
            Step::Move { visit, day, minute } => {
                let Some(id) = model.pick(visit) else { continue };
                let to = json!({"date": DAYS[day], "time": clock(minute)});
                let status = desk.change(&id, to).await;
                let free = model.shift(&id, day, minute);
                assert_eq!(status, if free { 200 } else { 409 }, "step {number} {step:?}");
                (day, free)
            }
            Step::Cancel { visit } => {
                let Some(id) = model.pick(visit) else { continue };
                let status = desk.change(&id, json!({"status": "CANCELLED"})).await;
                assert_eq!(status, 200, "step {number} {step:?}");
                (model.cancel(&id), true)
            }
            Step::Block { day, minute, minutes } => {
                let block = json!({"exception_date": DAYS[day], "exception_type": "BLOCKED",
                    "start_time": clock(minute), "end_time": clock(minute + minutes)});
                let path = format!("/clinics/{CLINIC}/availability-exceptions");
                let (status, body) = desk.ask(Method::POST, &path, Some(&block)).await;
                assert_eq!(status, 201, "step {number} {step:?}: {body}");
                let listed = body["conflicts"].as_array().map_or(0, Vec::len);
                assert_eq!(listed, model.block(day, minute, minutes), "step {number} {step:?}: {body}");
                (day, true)
            }
        };
        (done, refused) = if taken { (done + 1, refused) } else { (done, refused + 1) };
        let length = number % LENGTHS.len();
        let free: Vec<String> = model.slots(day, LENGTHS[length]).into_iter().map(clock).collect();
        assert_eq!(desk.slots(day, length).await, json!(free), "after step {number} {step:?}: {model:#?}");
    }
    println!("{done} steps taken and {refused} refused, each as the model says");
    assert_eq!(product.database.number(OVERLAPS).await, 0);
}

/// What one client knows of its own visits.
async fn works_alone(desk: Desk, client: usize) -> Vec<(String, usize, u16, bool)> {
    let mut steps = Steps::new();
    // Id, day, minute, and whether it still stands.
    let mut own: Vec<(String, usize, u16, bool)> = Vec::new();
    for number in 0..STEPS_OF_A_CLIENT {
        match steps.next() {
            Step::Book { length, day, minute } => {
                let (status, body) = desk.book(length, day, minute, client * 100 + number).await;
                match status {
                    201 => {
                        let id = body["appointmentId"].as_str().expect("an id");
                        own.push((id.to_owned(), day, minute, true));
                    }
                    409 => {}
                    _ => panic!("{status}: {body}"),
                }
            }
            Step::Move { visit, day, minute } if !own.is_empty() => {
                let at = visit % own.len();
                let to = json!({"date": DAYS[day], "time": clock(minute)});
                match desk.change(&own[at].0, to).await {
                    200 => (own[at].1, own[at].2) = (day, minute),
                    409 => {}
                    status => panic!("{status}"),
                }
            }
            Step::Cancel { visit } if !own.is_empty() => {
                let at = visit % own.len();
                assert_eq!(desk.change(&own[at].0, json!({"status": "CANCELLED"})).await, 200);
                own[at].3 = false;
            }
            Step::Move { .. } | Step::Cancel { .. } | Step::Block { .. } => {}
        }
    }
    own
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_clients_at_once_each_find_what_they_were_told() {
    let product = Product::start().await;
    let desk = Desk::of(&product).await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(works_alone(desk.clone(), client));
    }
    let told: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    let mut listed = Vec::new();
    for day in DAYS {
        let path = format!("/clinics/{CLINIC}/appointments?date={day}&limit=100");
        let (status, body) = desk.ask(Method::GET, &path, None).await;
        assert_eq!((status, &body["nextCursor"]), (200, &Value::Null), "one page holds a day");
        listed.extend(body["appointments"].as_array().cloned().unwrap_or_default());
    }
    for (id, day, minute, stands) in &told {
        let row = listed.iter().find(|row| row["appointment_id"] == **id).expect("a visit that was told");
        let status = if *stands { "CONFIRMED" } else { "CANCELLED" };
        let found = (&row["appointment_date"], &row["start_time"], &row["status"]);
        assert_eq!(found, (&json!(DAYS[*day]), &json!(clock(*minute)), &json!(status)), "{row}");
    }
    let overlaps = product.database.number(OVERLAPS).await;
    println!("{CLIENTS} clients at once: {} visits made, each as told, {overlaps} overlaps", told.len());
    assert_eq!((overlaps, told.len()), (0, listed.len()));
}
