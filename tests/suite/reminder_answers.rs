//! Patients answer a reminder, or want no more of them, over HTTP as z-api sends it.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::America::Sao_Paulo;
use reqwest::Method;
use scheduler_tests::{CLINIC, Patient, Product, Setting, staff, text, until};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// The product, where Maria has visits and is reminded of them.
struct Clinic {
    product: Product,
}

impl Clinic {
    async fn start() -> Self {
        Self { product: Product::start().await }
    }

    /// Maria, who has read everything so far.
    fn maria(&self) -> Patient<'_> {
        let mut maria = self.product.patient(MARIA, "Maria Silva");
        maria.replies();
        maria
    }

    /// Reception books for Maria, so many days from now.
    async fn books(&self, days_ahead: u64, time: &str) -> Value {
        let today = self.product.now().with_timezone(&Sao_Paulo).date_naive();
        let booking = json!({
            "clinicId": CLINIC, "phone": MARIA, "name": "Maria Silva",
            "serviceId": self.product.service_id().await,
            "date": today + Days::new(days_ahead), "time": time,
        });
        let answered = self.product.ask(Method::POST, "/appointments", Some(&booking)).await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        answered.body["appointment"].clone()
    }

    /// The reminder of a visit is due, and the ReminderProcessor runs: its summary.
    async fn day_before(&mut self, visit: &Value) -> Value {
        let date: NaiveDate = visit["appointment_date"].as_str().unwrap().parse().unwrap();
        let time = NaiveTime::parse_from_str(visit["start_time"].as_str().unwrap(), "%H:%M").unwrap();
        let due = (date - Days::new(1)).and_time(time).and_local_timezone(Sao_Paulo).unwrap().to_utc();
        let ahead = due - self.product.now();
        self.product.passes(ahead).await;
        let path = "/_local/jobs/reminder-processor";
        let summary = self.product.ask(Method::POST, path, None).await;
        assert_eq!(summary.status, 200, "{}", summary.body);
        summary.body
    }

    /// A visit of tomorrow that Maria was reminded of.
    async fn reminded(&mut self, time: &str) -> Value {
        let visit = self.books(2, time).await;
        let summary = self.day_before(&visit).await;
        assert_eq!(summary["sent"], 1, "{summary}");
        visit
    }

    /// The visit as the list shows it.
    async fn now(&self, visit: &Value) -> Value {
        let mut visits = self.product.visits().await;
        visits.retain(|listed| listed["appointment_id"] == visit["appointment_id"]);
        visits.remove(0)
    }

    /// When the patient confirmed it, and its version.
    async fn mark(&self, visit: &Value) -> (Option<DateTime<Utc>>, i64) {
        let visit = self.now(visit).await;
        let at = visit["patient_confirmed_at"].as_str().map(|at| at.parse().unwrap());
        (at, visit["version"].as_i64().unwrap())
    }

    async fn opted_out(&self) -> bool {
        let count = "select count(*) from scheduler.patients where opted_out_at is not null";
        self.product.database.number(count).await == 1
    }
}

#[tokio::test]
async fn ok_confirms_without_greeting_or_menu_in_a_new_a_running_and_an_expired_session() {
    let mut clinic = Clinic::start().await;
    let visit = clinic.reminded("08:05").await;
    assert_eq!(clinic.mark(&visit).await, (None, 1));
    for (answer, minutes) in [("OK", 0), ("ok!", 1), ("Sim, obrigada", 45), ("👍", 45)] {
        clinic.product.passes(TimeDelta::minutes(minutes)).await;
        let mut maria = clinic.maria();
        let replies = maria.says(answer).await;
        assert_eq!(replies.len(), 1, "{answer}: {replies:?}");
        assert!(replies[0].message.starts_with("Presença confirmada"), "{replies:?}");
        assert!(replies[0].options.is_empty(), "{replies:?}");
        let (at, version) = clinic.mark(&visit).await;
        assert_eq!((at.is_some(), version), (true, 2), "once, by {answer}");
    }
    // The patient is known by name from then on.
    let mut maria = clinic.product.patient(MARIA, "Mari");
    maria.says("menu").await;
    maria.goes_to("book_").await;
    assert!(!maria.outbox().iter().any(|sent| sent.message.contains("nome e sobrenome")));
}

#[tokio::test]
async fn ok_to_an_open_confirmation_answers_that_one() {
    let mut clinic = Clinic::start().await;
    let visit = clinic.reminded("08:05").await;
    let mut maria = clinic.maria();
    maria.says("Olá").await;
    maria.goes_to("book_").await;
    maria.says("ok").await;
    assert_eq!(clinic.product.state(MARIA).await, "BOOKED", "{:?}", maria.outbox());
    assert_eq!(clinic.product.visits_of(MARIA, "CONFIRMED").await.len(), 2);
    assert_eq!(clinic.mark(&visit).await, (None, 1));
    // That one answered, the next OK is the reminder's.
    maria.says("ok").await;
    assert!(clinic.mark(&visit).await.0.is_some());
}

#[tokio::test]
async fn a_move_clears_the_mark_and_nothing_waits_any_more() {
    let mut clinic = Clinic::start().await;
    let visit = clinic.reminded("08:05").await;
    let mut maria = clinic.maria();
    maria.says("ok").await;
    assert!(clinic.mark(&visit).await.0.is_some());
    let shown = maria.says("remarcar").await;
    assert_eq!(clinic.product.state(MARIA).await, "SHOW_CURRENT_APPOINTMENT", "{shown:?}");
    for id in ["newday_", "newtime_", "move_"] {
        maria.presses(id).await;
    }
    assert_eq!(clinic.product.state(MARIA).await, "RESCHEDULED", "{:?}", maria.outbox());
    assert_eq!(clinic.mark(&visit).await, (None, 3));
    let replies = maria.says("ok").await;
    assert!(!replies.iter().any(|reply| reply.message.contains("Presença")), "{replies:?}");
    assert_eq!(clinic.mark(&visit).await, (None, 3), "no reminder told of the new time");
}

#[tokio::test]
async fn whoever_cannot_come_moves_or_cancels_the_visit_that_was_reminded_of() {
    let mut clinic = Clinic::start().await;
    let later = clinic.books(9, "08:05").await;
    let visit = clinic.reminded("08:05").await;
    let day = |visit: &Value| {
        let date: NaiveDate = visit["appointment_date"].as_str().unwrap().parse().unwrap();
        date.format("%d/%m").to_string()
    };
    for (answer, state) in [
        ("não posso", "SHOW_CURRENT_APPOINTMENT"),
        ("remarcar", "SHOW_CURRENT_APPOINTMENT"),
        ("cancelar", "CONFIRM_CANCEL"),
    ] {
        clinic.product.passes(TimeDelta::minutes(45)).await;
        let mut maria = clinic.maria();
        let replies = maria.says(answer).await;
        assert_eq!(clinic.product.state(MARIA).await, state, "{answer}: {replies:?}");
        assert_eq!(replies.len(), 1, "no greeting: {replies:?}");
        assert!(replies[0].message.contains(&day(&visit)), "{replies:?}");
    }
    clinic.maria().says("sim").await;
    assert_eq!(clinic.now(&visit).await["status"], "CANCELLED");
    assert_eq!(clinic.now(&later).await["status"], "CONFIRMED");
}

#[tokio::test]
async fn in_silence_a_yes_is_recorded_and_nothing_is_said() {
    let mut clinic = Clinic::start().await;
    let visit = clinic.reminded("08:05").await;
    let mut maria = clinic.maria();
    maria.sends(staff("Oi Maria, aqui é a recepção")).await;
    assert_eq!(maria.says("não posso").await, []);
    assert_eq!(clinic.mark(&visit).await, (None, 1));
    assert_eq!(maria.says("OK").await, []);
    let (at, version) = clinic.mark(&visit).await;
    assert_eq!((at.is_some(), version), (true, 2));
}

#[tokio::test]
async fn the_reminder_of_a_visit_that_was_cancelled_waits_no_more() {
    let mut clinic = Clinic::start().await;
    let visit = clinic.reminded("08:05").await;
    let path = format!("/appointments/{}", visit["appointment_id"].as_str().unwrap());
    let cancelled = clinic.product.ask(Method::PUT, &path, Some(&json!({ "status": "CANCELLED" }))).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    let replies = clinic.maria().says("OK").await;
    assert_eq!(replies.len(), 2, "greeted as ever: {replies:?}");
    assert_eq!(clinic.mark(&visit).await, (None, 2));
}

#[tokio::test]
async fn opting_out_and_back_in_works_along_a_booking_and_in_silence() {
    let mut clinic = Clinic::start().await;
    clinic.maria().says("SAIR").await;
    assert!(clinic.opted_out().await, "nobody was on record yet");
    clinic.maria().says("VOLTAR A RECEBER").await;
    clinic.maria().says("menu").await;
    for way in ["schedule", "available_days", "skip_areas", "day_", "time_", "use_profile_name", "book_"] {
        // A patient is heard twenty times a minute.
        clinic.product.passes(TimeDelta::minutes(1)).await;
        let mut maria = clinic.maria();
        let before = clinic.product.state(MARIA).await;
        let words =
            [("SAIR", true), ("voltar a receber", false), ("Stop", true), ("Voltar a receber", false)];
        for (word, out) in words {
            let replies = maria.says(word).await;
            assert_eq!(replies.len(), 1, "{word} in {before}: {replies:?}");
            let state = clinic.product.state(MARIA).await;
            assert_eq!((clinic.opted_out().await, &state), (out, &before), "{word}");
        }
        maria.presses(way).await;
    }
    assert_eq!(clinic.product.state(MARIA).await, "BOOKED", "every question stood");
    let mut maria = clinic.maria();
    maria.sends(staff("Oi Maria")).await;
    maria.replies();
    assert_eq!(maria.says("PARAR").await.len(), 1, "in silence too");
    assert!(clinic.opted_out().await);
}

#[tokio::test]
async fn whoever_opted_out_is_reminded_of_nothing_until_they_are_back() {
    let mut clinic = Clinic::start().await;
    let (unwanted, wanted) = (clinic.books(2, "10:00").await, clinic.books(4, "10:00").await);
    clinic.maria().says("SAIR").await;
    let summary = clinic.day_before(&unwanted).await;
    assert_eq!((&summary["sent"], &summary["cancelled"]), (&json!(0), &json!(1)), "{summary}");
    clinic.maria().says("VOLTAR A RECEBER").await;
    let summary = clinic.day_before(&wanted).await;
    assert_eq!(summary["sent"], 1, "{summary}");
    let last = clinic.maria().outbox().pop().unwrap();
    assert!(last.message.contains("SAIR"), "a reminder says how to have no more: {}", last.message);
    clinic.maria().says("ok").await;
    assert!(clinic.mark(&wanted).await.0.is_some());
}

#[tokio::test]
async fn a_death_between_the_mark_and_the_answer_confirms_one_visit_and_answers_once() {
    // The clock runs, as wherever a server starts again.
    let product = Product::with(Setting { clock_stands: false, ..Setting::default() }).await;
    let mut clinic = Clinic { product };
    let (first, second) = (clinic.books(2, "08:05").await, clinic.books(2, "13:05").await);
    let (morning, noon) = (clinic.day_before(&first).await, clinic.day_before(&second).await);
    assert_eq!((&morning["sent"], &noon["sent"]), (&json!(1), &json!(1)));
    let read = clinic.maria().outbox().len();
    clinic.product.restart(Some("visit_committed")).await;
    let ok = clinic.maria().webhook(text("OK"));
    assert!(clinic.product.try_webhook(&ok).await.is_err(), "the connection breaks");
    let product = &mut clinic.product;
    until("the process has ended", Duration::from_secs(10), async || product.server().has_ended()).await;
    product.restart(None).await;
    product.passes(TimeDelta::minutes(1)).await;
    product.reconcile().await;
    until("the chat has no work left", Duration::from_secs(10), async || {
        product.chat(MARIA).await["session"]["dueAt"].is_null()
    })
    .await;
    let replies = clinic.maria().outbox().split_off(read);
    assert_eq!(replies.len(), 1, "{replies:?}");
    let (at, version) = clinic.mark(&first).await;
    assert_eq!((at.is_some(), version), (true, 2));
    assert_eq!(clinic.mark(&second).await, (None, 1), "one OK is one visit's");
}
