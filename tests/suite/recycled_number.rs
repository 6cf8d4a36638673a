//! The same number with another WhatsApp id than the patient on record
//! (docs/rules/conversation.md#recycled-numbers).

use chrono::{Days, TimeDelta};
use reqwest::Method;
use scheduler_local::fake_zapi::OutboxMessage;
use scheduler_tests::{CLINIC, Patient, TestApp, button, staff};
use serde_json::{Value, json};

const PHONE: &str = "5511999990000";
/// WhatsApp's id of Maria Silva, who is on record, and of Ana Souza, who has the number now.
const MARIA: &str = "11111111111111@lid";
const ANA: &str = "22222222222222@lid";

/// Somebody who writes from [`PHONE`] and has read everything so far.
fn writer<'a>(app: &'a TestApp, lid: Option<&str>, name: &str) -> Patient<'a> {
    let mut patient = app.patient(PHONE, name);
    patient.sender.lid = lid.map(str::to_owned);
    patient.replies();
    patient
}

/// An app in which Maria has booked the first offered time.
async fn with_marias_visit() -> TestApp {
    let app = TestApp::start().await;
    let mut maria = writer(&app, Some(MARIA), "Maria Silva");
    maria.goes_to("day_").await;
    maria.presses("day_2026-02-17").await;
    maria.books().await;
    drop(maria);
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), MARIA.to_owned())]);
    app
}

/// Key and lid of every patient.
async fn lids(app: &TestApp) -> Vec<(String, String)> {
    let sql =
        "select match_key, coalesce(chat_lid, '') from scheduler.patients order by created_at, match_key";
    sqlx::query_as(sql).fetch_all(&app.database.pool).await.expect("the patients")
}

/// Name and status of every appointment, by when it was made.
async fn visits(app: &TestApp) -> Vec<(String, String)> {
    let sql = "select coalesce(p.name, ''), a.status from scheduler.appointments a
        join scheduler.patients p on p.id = a.patient_id order by a.created_at";
    sqlx::query_as(sql).fetch_all(&app.database.pool).await.expect("the appointments")
}

fn text_of(replies: &[OutboxMessage]) -> String {
    replies.iter().map(|reply| reply.message.as_str()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn without_the_name_a_person_with_another_lid_sees_and_changes_nothing() {
    let app = with_marias_visit().await;
    let visit = app.appointments().await.remove(0);
    let (id, time) = (visit["appointment_id"].as_str().unwrap(), visit["start_time"].as_str().unwrap());
    let before = app.database.fingerprint().await;
    let mut ana = writer(&app, Some(ANA), "Ana Souza");
    let greeting = ana.says("Olá").await;
    assert!(!greeting.is_empty());
    assert!(!text_of(&greeting).contains("Maria"), "{greeting:?}");
    assert_eq!(app.state(PHONE).await, "MAIN_MENU", "Maria's session is over");
    let old_button = button(&format!("visit_{id}"), "16/02");
    let mut seen = ana.sends(old_button).await;
    for words in ["menu", "quero remarcar", "Ana Souza", "menu", "cancelar", "Maria"] {
        seen.extend(ana.says(words).await);
        let state = app.state(PHONE).await;
        assert!(["MAIN_MENU", "VERIFY_NAME"].contains(&state.as_str()), "{words}: {state}");
    }
    // A message without a lid is of whoever wrote last.
    let mut nobody = writer(&app, None, "Ana Souza");
    seen.extend(nobody.says("quero cancelar minha sessão").await);
    assert_eq!(app.state(PHONE).await, "VERIFY_NAME");
    let mut ana = writer(&app, Some(ANA), "Ana Souza");
    seen.extend(ana.says("Joana Silva").await);
    assert_eq!(app.state(PHONE).await, "HUMAN_HANDOFF", "the third wrong name: {seen:?}");
    assert!(!text_of(&seen).contains(time) && !text_of(&seen).contains("Maria"), "{seen:?}");
    assert_eq!(app.database.fingerprint().await, before, "nothing was written");
}

#[tokio::test]
async fn an_open_question_is_not_answered_by_somebody_with_another_lid() {
    let app = with_marias_visit().await;
    let mut maria = writer(&app, Some(MARIA), "Maria Silva");
    maria.says("menu").await;
    maria.says("cancelar").await;
    assert_eq!(app.state(PHONE).await, "CONFIRM_CANCEL");
    let mut ana = writer(&app, Some(ANA), "Ana Souza");
    ana.says("sim").await;
    assert_eq!(app.state(PHONE).await, "MAIN_MENU");
    assert_eq!(visits(&app).await, [("Maria Silva".to_owned(), "CONFIRMED".to_owned())]);
}

#[tokio::test]
async fn the_name_on_record_opens_the_record_for_the_new_lid_alone() {
    let app = with_marias_visit().await;
    let mut renewed = writer(&app, Some(ANA), "Maria");
    renewed.says("cancelar").await;
    assert_eq!(app.state(PHONE).await, "VERIFY_NAME");
    assert_eq!(lids(&app).await[0].1, MARIA, "not before the name is right");
    renewed.says("maria da silva").await;
    assert_eq!(app.state(PHONE).await, "CONFIRM_CANCEL", "{:?}", renewed.outbox());
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), ANA.to_owned())]);
    renewed.says("não").await;
    renewed.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "SHOW_CURRENT_APPOINTMENT", "nothing is asked twice");
    // Now the earlier lid is the other one.
    let mut before = writer(&app, Some(MARIA), "Maria Silva");
    before.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "VERIFY_NAME");
}

#[tokio::test]
async fn somebody_elses_number_books_in_their_own_name_and_record() {
    let mut app = with_marias_visit().await;
    let mut ana = writer(&app, Some(ANA), "Aninha");
    ana.says("Olá").await;
    ana.goes_to("day_").await;
    ana.presses("day_2026-02-17").await;
    ana.presses("time_").await;
    assert_eq!(app.state(PHONE).await, "ASK_NAME", "Maria's name is not used");
    ana.says("Ana Souza").await;
    let booked = ana.presses("book_").await;
    assert_eq!(app.state(PHONE).await, "BOOKED", "{booked:?}");
    let confirmed = |name: &str| (name.to_owned(), "CONFIRMED".to_owned());
    assert_eq!(visits(&app).await, [confirmed("Maria Silva"), confirmed("Ana Souza")]);
    let records = [(PHONE.to_owned(), MARIA.to_owned()), (ANA.to_owned(), ANA.to_owned())];
    assert_eq!(lids(&app).await, records);
    assert_eq!(app.appointments_of(PHONE, "CONFIRMED").await.len(), 2, "reception can call both");
    // Each sees their own, without a question.
    app.advance_clock(TimeDelta::minutes(1)).await;
    let mut ana = writer(&app, Some(ANA), "Aninha");
    ana.says("cancelar").await;
    assert_eq!(app.state(PHONE).await, "CONFIRM_CANCEL");
    ana.says("sim").await;
    assert_eq!(visits(&app).await, [confirmed("Maria Silva"), ("Ana Souza".into(), "CANCELLED".into())]);
    let mut maria = writer(&app, Some(MARIA), "Maria Silva");
    assert!(text_of(&maria.says("Olá").await).contains("Maria"));
    maria.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "SHOW_CURRENT_APPOINTMENT");
    let mut ana = writer(&app, Some(ANA), "Aninha");
    assert!(text_of(&ana.says("Olá").await).contains("Ana"), "known by her own name");
}

#[tokio::test]
async fn whoever_books_in_the_name_on_record_is_its_owner() {
    let app = with_marias_visit().await;
    let mut renewed = writer(&app, Some(ANA), "");
    renewed.says("Olá").await;
    renewed.goes_to("time_").await;
    renewed.presses("time_").await;
    renewed.says("Maria Silva Santos").await;
    renewed.presses("book_").await;
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), ANA.to_owned())]);
    let names: Vec<String> = visits(&app).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Maria Silva", "Maria Silva"], "the record keeps its name");
    renewed.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "SELECT_APPOINTMENT");
}

#[tokio::test]
async fn the_record_of_a_lid_is_merged_into_the_phones_only_after_the_name() {
    let app = with_marias_visit().await;
    let mut hidden = app.patient(ANA, "Ana Souza");
    hidden.sender.lid = Some(ANA.to_owned());
    hidden.books().await;
    let mut ana = writer(&app, Some(ANA), "Ana Souza");
    ana.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "SHOW_CURRENT_APPOINTMENT", "her own: {:?}", ana.outbox());
    assert_eq!(lids(&app).await.len(), 2);
    ana.says("menu").await;
    ana.says("cancelar").await;
    ana.says("sim").await;
    assert_eq!(app.state(PHONE).await, "CANCELLED");
    // Without a visit of her own she is asked for the name, and with it both records become one.
    ana.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "VERIFY_NAME");
    ana.says("Maria Silva").await;
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), ANA.to_owned())]);
    let visit = |status: &str| ("Maria Silva".to_owned(), status.to_owned());
    assert_eq!(visits(&app).await, [visit("CONFIRMED"), visit("CANCELLED")]);
}

#[tokio::test]
async fn an_answer_to_a_reminder_counts_only_with_the_name() {
    let mut app = TestApp::start().await;
    let today = app.now().date_naive();
    let booking = json!({ "clinicId": CLINIC, "phone": PHONE, "name": "Maria Silva",
        "serviceId": app.service_id().await, "date": today + Days::new(2), "time": "10:00" });
    app.ask_expecting(Method::POST, "/appointments", Some(&booking), 201).await;
    writer(&app, Some(MARIA), "Maria Silva").says("Olá").await;
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), MARIA.to_owned())], "the first lid is taken");
    // 09:00 is the time of the clock: the reminder is due at 10:00 of the next day.
    app.advance_clock(TimeDelta::hours(25)).await;
    let sent = app.ask_expecting(Method::POST, "/_local/jobs/reminder-processor", None, 200).await;
    assert_eq!(sent["sent"], 1, "{sent}");
    let confirmed = "select count(*) from scheduler.appointments where patient_confirmed_at is not null";

    let mut ana = writer(&app, Some(ANA), "Ana Souza");
    ana.sends(staff("Oi, aqui é a recepção")).await;
    assert_eq!(ana.says("OK").await, [], "during silence nothing is recorded");
    assert_eq!(app.database.number(confirmed).await, 0);
    ana.says("menu").await;
    let asked = ana.says("OK").await;
    assert_eq!(app.state(PHONE).await, "VERIFY_NAME", "{asked:?}");
    assert_eq!(app.database.number(confirmed).await, 0);
    let thanks = ana.says("Maria Silva").await;
    assert!(text_of(&thanks).starts_with("Presença confirmada"), "{thanks:?}");
    assert_eq!(app.database.number(confirmed).await, 1);
}

#[tokio::test]
async fn whoever_has_the_number_stops_what_it_gets_and_learns_no_name() {
    let app = with_marias_visit().await;
    let opted_out = async || -> Vec<String> {
        let sql =
            "select match_key from scheduler.patients where opted_out_at is not null order by created_at";
        sqlx::query_scalar(sql).fetch_all(&app.database.pool).await.expect("the patients")
    };
    let mut ana = writer(&app, Some(ANA), "");
    ana.says("SAIR").await;
    assert_eq!(opted_out().await, [PHONE, ANA]);
    ana.says("VOLTAR A RECEBER").await;
    assert_eq!(opted_out().await, [PHONE], "Maria's record is not hers to change");
    ana.says("Olá").await;
    ana.goes_to("time_").await;
    ana.presses("time_").await;
    assert_eq!(app.state(PHONE).await, "ASK_NAME");
    assert_eq!(lids(&app).await[0], (PHONE.to_owned(), MARIA.to_owned()));
}

#[tokio::test]
async fn a_number_without_a_lid_on_record_or_in_the_message_is_not_another_persons() {
    let app = TestApp::start().await;
    let mut maria = writer(&app, None, "Maria Silva");
    maria.says("Olá").await;
    maria.books().await;
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), String::new())]);
    let mut first = writer(&app, Some(MARIA), "Maria Silva");
    first.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "SHOW_CURRENT_APPOINTMENT");
    first.says("menu").await;
    assert_eq!(lids(&app).await, [(PHONE.to_owned(), MARIA.to_owned())]);
    let mut without = writer(&app, None, "Maria Silva");
    without.says("remarcar").await;
    assert_eq!(app.state(PHONE).await, "SHOW_CURRENT_APPOINTMENT");
    let events: Vec<Value> = app.events(PHONE).await;
    assert!(events.iter().all(|event| event["metadata"]["stateAfter"] != "VERIFY_NAME"));
}
