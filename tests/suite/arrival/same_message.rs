//! What is one message, and whose: z-api's message id, whatever address it comes with, and the person.

use chrono::TimeDelta;
use scheduler_tests::{Patient, TestApp, text};
use serde_json::{Value, json};

use super::{MARIA, asked_to_confirm, crash, pass, phone};

const LID: &str = "81896604192873@lid";

/// Somebody who writes from an address and has [`LID`].
fn from<'a>(app: &'a TestApp, address: &str) -> Patient<'a> {
    let mut patient = app.patient(address, "Maria Silva");
    patient.sender.lid = Some(LID.to_owned());
    patient
}

/// The same message under another address.
fn under(address: &str, message: &Value) -> Value {
    let mut other = message.clone();
    other["phone"] = json!(address);
    other
}

async fn post(app: &TestApp, webhook: &Value) {
    assert_eq!(app.webhook(webhook).await.status, 200);
}

/// How often the message is in the histories of both addresses.
async fn recorded(app: &TestApp, message: &Value) -> usize {
    let mut events = app.events(LID).await;
    events.extend(app.events(MARIA).await);
    let is_it =
        |event: &&Value| event["direction"] == "INBOUND" && event["messageId"] == message["messageId"];
    events.iter().filter(is_it).count()
}

#[tokio::test]
async fn a_message_under_two_addresses_is_answered_and_recorded_once() {
    for (first, second) in [(LID, MARIA), (MARIA, LID)] {
        let app = TestApp::start().await;
        let message = from(&app, first).webhook(text("Olá"));
        post(&app, &message).await;
        let replies = app.zapi.outbox(None).len();
        assert!((1..=2).contains(&replies), "{replies}");
        post(&app, &under(second, &message)).await;
        pass(&app, TimeDelta::minutes(1)).await;
        app.reconcile().await;
        let outbox = app.zapi.outbox(None);
        assert_eq!(outbox.len(), replies, "{first}, then {second}: {outbox:?}");
        assert_eq!(recorded(&app, &message).await, 1, "{first}, then {second}");
    }
}

#[tokio::test]
async fn a_number_under_two_addresses_answers_one_question() {
    let app = TestApp::start().await;
    from(&app, MARIA).says("Olá").await;
    let before = app.zapi.outbox(None).len();
    let one = from(&app, LID).webhook(text("1"));
    post(&app, &one).await;
    post(&app, &under(MARIA, &one)).await;
    assert_eq!(app.state(MARIA).await, "SCHEDULE_MENU", "{:?}", app.zapi.outbox(None));
    assert_eq!(app.zapi.outbox(None).len(), before + 1);
    assert_eq!(recorded(&app, &one).await, 1);
}

#[tokio::test]
async fn a_confirmation_under_two_addresses_books_once() {
    let app = TestApp::start().await;
    let confirmation = {
        let mut hidden = from(&app, LID);
        hidden.goes_to("book_").await;
        hidden.webhook(hidden.press("book_"))
    };
    post(&app, &confirmation).await;
    let replies = app.zapi.outbox(None).len();
    post(&app, &under(MARIA, &confirmation)).await;
    pass(&app, TimeDelta::minutes(1)).await;
    app.reconcile().await;
    assert_eq!(app.database.number("select count(*) from scheduler.appointments").await, 1);
    let outbox = app.zapi.outbox(None);
    assert_eq!(outbox.len(), replies, "{outbox:?}");
    assert_eq!(recorded(&app, &confirmation).await, 1);
}

/// A confirmation with z-api's id `3EB0SAME`.
fn with_the_same_id(mut confirmation: Value) -> Value {
    confirmation["messageId"] = json!("3EB0SAME");
    confirmation
}

#[tokio::test]
async fn two_patients_whose_messages_have_the_same_id_each_get_their_booking() {
    let app = TestApp::start().await;
    for number in 0..2 {
        let phone = phone(number);
        let patient = asked_to_confirm(&app, &phone).await;
        let confirmation = with_the_same_id(patient.webhook(patient.press("book_")));
        post(&app, &confirmation).await;
        assert_eq!(app.state(&phone).await, "BOOKED", "{:?}", patient.outbox());
        assert_eq!(app.appointments_of(&phone, "CONFIRMED").await.len(), 1, "patient {number}");
    }
    assert_eq!(app.appointments().await.len(), 2);
}

#[tokio::test]
async fn a_booking_under_the_key_of_the_release_before_is_its_patients_alone() {
    let mut app = TestApp::start().await;
    let marias = with_the_same_id(asked_to_confirm(&app, MARIA).await.webhook(text("sim")));
    let before = app.zapi.outbox(Some(MARIA)).len();
    crash(&mut app, "visit_committed", &marias).await;
    // As the release before stored it: without the person.
    let old_key = "update scheduler.appointments set idempotency_key = 'chat:3EB0SAME#message'";
    let changed = sqlx::query(old_key).execute(&app.database.pool).await.expect("an update");
    assert_eq!(changed.rows_affected(), 1);

    let other = phone(1);
    let others = with_the_same_id(asked_to_confirm(&app, &other).await.webhook(text("sim")));
    post(&app, &others).await;
    assert_eq!(app.state(&other).await, "BOOKED");
    assert_eq!(app.appointments_of(&other, "CONFIRMED").await.len(), 1);

    pass(&app, TimeDelta::minutes(1)).await;
    app.reconcile().await;
    assert_eq!(app.state(MARIA).await, "BOOKED");
    assert_eq!(app.appointments_of(MARIA, "CONFIRMED").await.len(), 1);
    let told = app.zapi.outbox(Some(MARIA)).split_off(before);
    let told = told.iter().filter(|reply| reply.message.contains("Agendamento confirmado")).count();
    assert_eq!(told, 1, "she hears of it once");
}
