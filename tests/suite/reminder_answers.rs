//! Patients answer a reminder or opt out, in the chat (`docs/rules/reminders.md#answers-to-a-reminder`).

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::America::Sao_Paulo;
use reqwest::Method;
use scheduler_tests::{BOOKING_STEPS, CLINIC, Patient, TestApp, TestConfig, staff, text, wait_until};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// An app in which Maria has appointments and is reminded of them.
struct Clinic {
    app: TestApp,
}

impl Clinic {
    async fn start() -> Self {
        Self { app: TestApp::start().await }
    }

    /// Maria, after she has read all messages so far.
    fn maria(&self) -> Patient<'_> {
        let mut maria = self.app.patient(MARIA, "Maria Silva");
        maria.replies();
        maria
    }

    /// Books an appointment for Maria through the API.
    async fn book(&self, days_ahead: u64, time: &str) -> Value {
        let today = self.app.now().with_timezone(&Sao_Paulo).date_naive();
        let booking = json!({
            "clinicId": CLINIC, "phone": MARIA, "name": "Maria Silva",
            "serviceId": self.app.service_id().await,
            "date": today + Days::new(days_ahead), "time": time,
        });
        let body = self.app.ask_expecting(Method::POST, "/appointments", Some(&booking), 201).await;
        body["appointment"].clone()
    }

    /// Moves the clock to when the reminder is due and runs the ReminderProcessor. Returns its summary.
    async fn run_reminders_for(&mut self, appointment: &Value) -> Value {
        let date: NaiveDate = appointment["appointment_date"].as_str().unwrap().parse().unwrap();
        let time = NaiveTime::parse_from_str(appointment["start_time"].as_str().unwrap(), "%H:%M").unwrap();
        let due = (date - Days::new(1)).and_time(time).and_local_timezone(Sao_Paulo).unwrap().to_utc();
        let ahead = due - self.app.now();
        self.app.advance_clock(ahead).await;
        self.app.ask_expecting(Method::POST, "/_local/jobs/reminder-processor", None, 200).await
    }

    /// Books an appointment and sends its reminder; the appointment is then tomorrow.
    async fn remind(&mut self, time: &str) -> Value {
        let appointment = self.book(2, time).await;
        let summary = self.run_reminders_for(&appointment).await;
        assert_eq!(summary["sent"], 1, "{summary}");
        appointment
    }

    /// The appointment as the API lists it now.
    async fn reload(&self, appointment: &Value) -> Value {
        let mut appointments = self.app.appointments().await;
        appointments.retain(|listed| listed["appointment_id"] == appointment["appointment_id"]);
        appointments.remove(0)
    }

    /// When the patient confirmed the appointment, and its version.
    async fn confirmation(&self, appointment: &Value) -> (Option<DateTime<Utc>>, i64) {
        let appointment = self.reload(appointment).await;
        let at = appointment["patient_confirmed_at"].as_str().map(|at| at.parse().unwrap());
        (at, appointment["version"].as_i64().unwrap())
    }

    async fn opted_out(&self) -> bool {
        let count = "select count(*) from scheduler.patients where opted_out_at is not null";
        self.app.database.number(count).await == 1
    }
}

#[tokio::test]
async fn ok_confirms_without_greeting_or_menu_in_a_new_an_open_and_an_expired_session() {
    let mut clinic = Clinic::start().await;
    let appointment = clinic.remind("08:05").await;
    assert_eq!(clinic.confirmation(&appointment).await, (None, 1));
    for (answer, minutes) in [("OK", 0), ("ok!", 1), ("Sim, obrigada", 45), ("👍", 45)] {
        clinic.app.advance_clock(TimeDelta::minutes(minutes)).await;
        let mut maria = clinic.maria();
        let replies = maria.says(answer).await;
        assert_eq!(replies.len(), 1, "{answer}: {replies:?}");
        assert!(replies[0].message.starts_with("Presença confirmada"), "{replies:?}");
        assert!(replies[0].options.is_empty(), "{replies:?}");
        let (at, version) = clinic.confirmation(&appointment).await;
        assert_eq!((at.is_some(), version), (true, 2), "{answer}: confirmed exactly once");
    }
    // The patient is known by name now, so the chat does not ask for it.
    let mut maria = clinic.app.patient(MARIA, "Mari");
    maria.says("menu").await;
    maria.goes_to("book_").await;
    assert!(!maria.outbox().iter().any(|sent| sent.message.contains("nome e sobrenome")));
}

#[tokio::test]
async fn ok_to_an_open_confirmation_does_not_answer_the_reminder() {
    let mut clinic = Clinic::start().await;
    let appointment = clinic.remind("08:05").await;
    let mut maria = clinic.maria();
    maria.says("Olá").await;
    maria.goes_to("book_").await;
    maria.says("ok").await;
    assert_eq!(clinic.app.state(MARIA).await, "BOOKED", "{:?}", maria.outbox());
    assert_eq!(clinic.app.appointments_of(MARIA, "CONFIRMED").await.len(), 2);
    assert_eq!(clinic.confirmation(&appointment).await, (None, 1));
    // The next OK answers the reminder.
    maria.says("ok").await;
    assert!(clinic.confirmation(&appointment).await.0.is_some());
}

#[tokio::test]
async fn a_move_clears_the_confirmation_and_the_reminder_waits_no_longer() {
    let mut clinic = Clinic::start().await;
    let appointment = clinic.remind("08:05").await;
    let mut maria = clinic.maria();
    maria.says("ok").await;
    assert!(clinic.confirmation(&appointment).await.0.is_some());
    let shown = maria.says("remarcar").await;
    assert_eq!(clinic.app.state(MARIA).await, "SHOW_CURRENT_APPOINTMENT", "{shown:?}");
    for id in ["newday_", "newtime_", "move_"] {
        maria.presses(id).await;
    }
    assert_eq!(clinic.app.state(MARIA).await, "RESCHEDULED", "{:?}", maria.outbox());
    assert_eq!(clinic.confirmation(&appointment).await, (None, 3));
    let replies = maria.says("ok").await;
    assert!(!replies.iter().any(|reply| reply.message.contains("Presença")), "{replies:?}");
    assert_eq!(clinic.confirmation(&appointment).await, (None, 3), "no reminder was sent for the new time");
}

#[tokio::test]
async fn a_refusal_leads_to_moving_or_cancelling_the_reminded_appointment() {
    let mut clinic = Clinic::start().await;
    let later = clinic.book(9, "08:05").await;
    let appointment = clinic.remind("08:05").await;
    let day = |appointment: &Value| {
        let date: NaiveDate = appointment["appointment_date"].as_str().unwrap().parse().unwrap();
        date.format("%d/%m").to_string()
    };
    for (answer, state) in [
        ("não posso", "SHOW_CURRENT_APPOINTMENT"),
        ("remarcar", "SHOW_CURRENT_APPOINTMENT"),
        ("cancelar", "CONFIRM_CANCEL"),
    ] {
        clinic.app.advance_clock(TimeDelta::minutes(45)).await;
        let mut maria = clinic.maria();
        let replies = maria.says(answer).await;
        assert_eq!(clinic.app.state(MARIA).await, state, "{answer}: {replies:?}");
        assert_eq!(replies.len(), 1, "no greeting: {replies:?}");
        assert!(replies[0].message.contains(&day(&appointment)), "{replies:?}");
    }
    clinic.maria().says("sim").await;
    assert_eq!(clinic.reload(&appointment).await["status"], "CANCELLED");
    assert_eq!(clinic.reload(&later).await["status"], "CONFIRMED");
}

#[tokio::test]
async fn during_silence_a_yes_is_recorded_without_a_reply() {
    let mut clinic = Clinic::start().await;
    let appointment = clinic.remind("08:05").await;
    let mut maria = clinic.maria();
    maria.sends(staff("Oi Maria, aqui é a recepção")).await;
    assert_eq!(maria.says("não posso").await, []);
    assert_eq!(clinic.confirmation(&appointment).await, (None, 1));
    assert_eq!(maria.says("OK").await, []);
    let (at, version) = clinic.confirmation(&appointment).await;
    assert_eq!((at.is_some(), version), (true, 2));
}

#[tokio::test]
async fn the_reminder_of_a_cancelled_appointment_waits_for_no_answer() {
    let mut clinic = Clinic::start().await;
    let appointment = clinic.remind("08:05").await;
    let path = format!("/appointments/{}", appointment["appointment_id"].as_str().unwrap());
    clinic.app.ask_expecting(Method::PUT, &path, Some(&json!({ "status": "CANCELLED" })), 200).await;
    let replies = clinic.maria().says("OK").await;
    assert_eq!(replies.len(), 2, "the usual greeting and menu: {replies:?}");
    assert_eq!(clinic.confirmation(&appointment).await, (None, 2));
}

#[tokio::test]
async fn opting_out_and_back_in_works_during_a_booking_and_during_silence() {
    let mut clinic = Clinic::start().await;
    clinic.maria().says("SAIR").await;
    assert!(clinic.opted_out().await, "a person who was not on record can opt out");
    clinic.maria().says("VOLTAR A RECEBER").await;
    clinic.maria().says("menu").await;
    for step in BOOKING_STEPS {
        // Only twenty messages of a patient are worked on per minute.
        clinic.app.advance_clock(TimeDelta::minutes(1)).await;
        let mut maria = clinic.maria();
        let before = clinic.app.state(MARIA).await;
        let words =
            [("SAIR", true), ("voltar a receber", false), ("Stop", true), ("Voltar a receber", false)];
        for (word, out) in words {
            let replies = maria.says(word).await;
            assert_eq!(replies.len(), 1, "{word} in {before}: {replies:?}");
            let state = clinic.app.state(MARIA).await;
            assert_eq!((clinic.opted_out().await, &state), (out, &before), "{word}");
        }
        maria.presses(step).await;
    }
    assert_eq!(clinic.app.state(MARIA).await, "BOOKED", "every question stayed open");
    let mut maria = clinic.maria();
    maria.sends(staff("Oi Maria")).await;
    maria.replies();
    assert_eq!(maria.says("PARAR").await.len(), 1, "opting out is answered during silence");
    assert!(clinic.opted_out().await);
}

#[tokio::test]
async fn a_patient_who_opted_out_gets_no_reminder_until_opting_in_again() {
    let mut clinic = Clinic::start().await;
    let (unwanted, wanted) = (clinic.book(2, "10:00").await, clinic.book(4, "10:00").await);
    clinic.maria().says("SAIR").await;
    let summary = clinic.run_reminders_for(&unwanted).await;
    assert_eq!((&summary["sent"], &summary["cancelled"]), (&json!(0), &json!(1)), "{summary}");
    clinic.maria().says("VOLTAR A RECEBER").await;
    let summary = clinic.run_reminders_for(&wanted).await;
    assert_eq!(summary["sent"], 1, "{summary}");
    let last = clinic.maria().outbox().pop().unwrap();
    assert!(last.message.contains("SAIR"), "a reminder says how to opt out: {}", last.message);
    clinic.maria().says("ok").await;
    assert!(clinic.confirmation(&wanted).await.0.is_some());
}

#[tokio::test]
async fn a_crash_between_confirmation_and_reply_confirms_one_appointment_and_replies_once() {
    // The server starts with a running clock, as in production.
    let app = TestApp::with(TestConfig { frozen_clock: false, ..TestConfig::default() }).await;
    let mut clinic = Clinic { app };
    let (first, second) = (clinic.book(2, "08:05").await, clinic.book(2, "13:05").await);
    let (morning, noon) = (clinic.run_reminders_for(&first).await, clinic.run_reminders_for(&second).await);
    assert_eq!((&morning["sent"], &noon["sent"]), (&json!(1), &json!(1)));
    let read = clinic.maria().outbox().len();
    clinic.app.restart(Some("visit_committed")).await;
    let ok = clinic.maria().webhook(text("OK"));
    assert!(clinic.app.try_webhook(&ok).await.is_err(), "the connection must fail");
    let app = &mut clinic.app;
    wait_until("the process has exited", Duration::from_secs(10), async || app.server().has_exited()).await;
    app.restart(None).await;
    app.advance_clock(TimeDelta::minutes(1)).await;
    app.reconcile().await;
    wait_until("the chat has no work left", Duration::from_secs(10), async || {
        app.chat(MARIA).await["session"]["dueAt"].is_null()
    })
    .await;
    let replies = clinic.maria().outbox().split_off(read);
    assert_eq!(replies.len(), 1, "{replies:?}");
    let (at, version) = clinic.confirmation(&first).await;
    assert_eq!((at.is_some(), version), (true, 2));
    assert_eq!(clinic.confirmation(&second).await, (None, 1), "one OK confirms one appointment");
}
