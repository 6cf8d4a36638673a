//! Patients book, move and cancel in the chat: sent messages, appointments and the message history agree.

use chrono::{Datelike, NaiveDate, TimeDelta};
use scheduler_tests::{BOOKING_STEPS, TestApp, TestConfig, audio, button, echo, staff};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// The states that a new patient passes after choosing to book.
const BOOKING_STATES: [&str; 7] =
    ["SCHEDULE_MENU", "INPUT_AREAS", "SELECT_DATE", "SELECT_TIME", "ASK_NAME", "CONFIRM_BOOKING", "BOOKED"];

/// Asserts that each inbound event starts in the state in which the previous one ended, that the last one
/// ends in the session's state, and that every sent message is in the history, in order of time.
async fn assert_history_agrees(app: &TestApp, phone: &str, states: &[&str]) {
    let chat = app.chat(phone).await;
    let events = chat["events"].as_array().expect("events");
    let inbound: Vec<&Value> = events.iter().filter(|event| event["direction"] == "INBOUND").collect();
    let before = |event: &Value| event["metadata"]["stateBefore"].clone();
    let after = |event: &Value| event["metadata"]["stateAfter"].clone();
    for pair in inbound.windows(2) {
        assert_eq!(after(pair[0]), before(pair[1]), "the history has a gap: {events:#?}");
    }
    let visited: Vec<String> =
        inbound.iter().map(|event| after(event).as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(visited, states);
    assert_eq!(chat["session"]["currentState"], *states.last().expect("a state"));
    let mut recorded: Vec<&Value> = Vec::new();
    for event in events.iter().filter(|event| event["direction"] == "OUTBOUND") {
        if !recorded.contains(&&event["messageId"]) {
            recorded.push(&event["messageId"]);
        }
    }
    let sent = app.zapi.outbox(None).into_iter().filter(|sent| sent.phone == phone).count();
    assert_eq!(recorded.len(), sent, "every sent message is recorded: {events:#?}");
    let times: Vec<&str> = events.iter().filter_map(|event| event["statusTimestamp"].as_str()).collect();
    assert!(times.is_sorted(), "events are in order of time: {times:?}");
    println!(
        "{} inbound events, {sent} messages sent, last state {}",
        inbound.len(),
        chat["session"]["currentState"]
    );
}

#[tokio::test]
async fn a_new_patient_books_by_pressing_buttons_only() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    let greeting = maria.says("Olá").await;
    assert!((1..=2).contains(&greeting.len()), "{greeting:?}");
    let ids: Vec<_> = maria.prompt().options.into_iter().map(|option| option.id).collect();
    assert_eq!(ids, ["schedule", "reschedule", "faq"]);
    for id in BOOKING_STEPS {
        let replies = maria.presses(id).await;
        assert!((1..=2).contains(&replies.len()), "a turn has at most two messages: {replies:?}");
    }
    let appointments = app.appointments().await;
    assert_eq!(appointments.len(), 1, "{appointments:?}");
    assert_eq!(appointments[0]["status"], "CONFIRMED");
    assert_eq!(appointments[0]["patient_phone"], MARIA);
    assert_eq!(appointments[0]["patient_name"], "Maria Silva");
    let states = [&["MAIN_MENU"][..], &BOOKING_STATES].concat();
    assert_history_agrees(&app, MARIA, &states).await;
}

#[tokio::test]
async fn a_new_patient_books_by_text_only() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "");
    maria.says("quero agendar").await;
    let next = maria.prompt().options.into_iter().find(|option| option.id == "available_days");
    maria.says(&next.expect("an option that leads on").label).await;
    for words in ["Pernas e axilas", "quarta-feira", "16h20", "Maria Silva", "sim"] {
        let replies = maria.says(words).await;
        assert!(!replies.is_empty(), "{words} is answered");
    }
    let appointments = app.appointments().await;
    assert_eq!(appointments.len(), 1, "{appointments:?}\n{:?}", maria.outbox());
    assert_eq!(appointments[0]["start_time"], "16:20");
    assert_eq!(appointments[0]["areas"], "Pernas e axilas");
    assert_eq!(appointments[0]["patient_name"], "Maria Silva");
    let date = appointments[0]["appointment_date"].as_str().expect("a date");
    let date: NaiveDate = date.parse().expect("a date");
    assert_eq!(date, NaiveDate::from_ymd_opt(2026, 2, 18).expect("a date"), "the nearest Wednesday");
    assert_eq!(date.weekday(), chrono::Weekday::Wed);
    assert_history_agrees(&app, MARIA, &BOOKING_STATES).await;
}

#[tokio::test]
async fn a_patient_moves_an_appointment() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.books().await;
    let before = app.appointments().await.remove(0);
    maria.says("menu").await;
    maria.presses("reschedule").await;
    let days: Vec<_> = maria.prompt().options.into_iter().map(|option| option.id).collect();
    assert!(days.iter().any(|id| id == "cancel_visit"), "{days:?}");
    let same = format!("newday_{}", before["appointment_date"].as_str().expect("a date"));
    let other = days.iter().find(|id| id.starts_with("newday_") && **id != same).expect("another day");
    for id in [other, "newtime_", "move_"] {
        maria.presses(id).await;
    }
    let appointments = app.appointments().await;
    assert_eq!(appointments.len(), 1, "{appointments:?}");
    assert_eq!(appointments[0]["appointment_id"], before["appointment_id"]);
    assert_eq!(appointments[0]["status"], "CONFIRMED");
    assert_eq!(format!("newday_{}", appointments[0]["appointment_date"].as_str().expect("a date")), *other);
    assert!(appointments[0]["version"].as_i64() > before["version"].as_i64());
    assert_eq!(app.state(MARIA).await, "RESCHEDULED");
}

#[tokio::test]
async fn a_patient_cancels_an_appointment() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.books().await;
    maria.says("menu").await;
    maria.says("quero cancelar minha sessão").await;
    assert_eq!(app.state(MARIA).await, "CONFIRM_CANCEL", "{:?}", maria.outbox());
    maria.presses("cancel_").await;
    assert_eq!(app.appointments_of(MARIA, "CANCELLED").await.len(), 1);
    assert_eq!(app.appointments_of(MARIA, "CONFIRMED").await.len(), 0);
    assert_eq!(app.state(MARIA).await, "CANCELLED");
}

#[tokio::test]
async fn buttons_of_an_expired_session_are_answered_and_book_nothing() {
    let mut app = TestApp::start().await;
    let phone = MARIA;
    let (day, book) = {
        let mut maria = app.patient(phone, "Maria Silva");
        maria.goes_to("day_").await;
        let day = maria.press("day_");
        maria.goes_to("book_").await;
        (day, maria.press("book_"))
    };
    app.advance_clock(TimeDelta::minutes(45)).await;
    let mut maria = app.patient(phone, "Maria Silva");
    maria.replies();
    assert!(!maria.sends(book).await.is_empty(), "an old confirmation is answered");
    assert_eq!(app.appointments().await.len(), 0, "an old confirmation books nothing");
    assert!(!maria.sends(day).await.is_empty(), "an old day is answered");
    // The new session has no areas yet, so the length of the appointment is unknown. The bot asks for them.
    assert_eq!(app.state(phone).await, "INPUT_AREAS", "{:?}", maria.outbox());
}

#[tokio::test]
async fn a_text_with_a_negation_neither_books_nor_cancels() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.goes_to("book_").await;
    maria.says("não, prefiro terça").await;
    assert_eq!(app.appointments().await.len(), 0);
    assert_ne!(app.state(MARIA).await, "BOOKED");
    let mut ana = app.patient("5511999990001", "Ana Souza");
    ana.goes_to("book_").await;
    let old_booking = ana.press("book_");
    ana.presses("book_").await;
    ana.says("menu").await;
    ana.says("não quero cancelar").await;
    assert_eq!(app.appointments_of("5511999990001", "CONFIRMED").await.len(), 1);
    ana.says("menu").await;
    ana.says("cancelar").await;
    assert_eq!(app.state("5511999990001").await, "CONFIRM_CANCEL");
    ana.says("não quero cancelar").await;
    assert_eq!(
        app.appointments_of("5511999990001", "CONFIRMED").await.len(),
        1,
        "a negated text that contains the label cancels nothing"
    );
    if app.state("5511999990001").await != "CONFIRM_CANCEL" {
        ana.says("menu").await;
        ana.says("cancelar").await;
    }
    ana.sends(old_booking).await;
    assert_eq!(
        app.appointments_of("5511999990001", "CONFIRMED").await.len(),
        1,
        "an old button books and cancels nothing"
    );
    assert_eq!(app.appointments().await.len(), 1);
}

#[tokio::test]
async fn without_allowed_phones_replies_are_recorded_as_blocked_and_not_sent() {
    let app = TestApp::with(TestConfig { allowed_phones: "", ..TestConfig::default() }).await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    assert_eq!(app.zapi.calls(), []);
    let events = app.events(MARIA).await;
    let out: Vec<_> = events.iter().filter(|event| event["direction"] == "OUTBOUND").collect();
    assert!(!out.is_empty());
    assert!(out.iter().any(|event| event["status"] == "BLOCKED"), "{out:?}");
    assert!(!out.iter().any(|event| event["status"] == "SENT"), "{out:?}");
}

#[tokio::test]
async fn a_phone_with_and_without_its_ninth_digit_is_one_patient() {
    let app = TestApp::start().await;
    let (short, long) = ("554899990000", "5548999990000");
    let mut from_short = app.patient(short, "Maria Silva");
    from_short.books().await;
    let mut from_long = app.patient(long, "Maria Silva");
    let replies = from_long.says("remarcar").await;
    assert!(!replies.is_empty(), "the reply goes to the address that wrote");
    assert_eq!(app.state(long).await, "SHOW_CURRENT_APPOINTMENT", "{replies:?}");
    assert_eq!(app.database.number("select count(*) from scheduler.patients").await, 1);
    let appointments = app.appointments().await;
    assert_eq!(appointments[0]["patient_phone"], long);
}

#[tokio::test]
async fn area_code_55_is_kept_next_to_country_code_55() {
    let app = TestApp::start().await;
    for (phone, canonical) in [("5555999990000", "5555999990000"), ("555599990001", "5555999990001")] {
        let mut patient = app.patient(phone, "João Souza");
        patient.books().await;
        assert_eq!(
            app.appointments_of(canonical, "CONFIRMED").await.len(),
            1,
            "{:?}",
            app.appointments().await
        );
    }
}

#[tokio::test]
async fn a_chat_with_only_a_lid_books_and_is_merged_when_its_phone_arrives() {
    let app = TestApp::start().await;
    let lid = "81896604192873@lid";
    let mut hidden = app.patient(lid, "Maria Silva");
    hidden.sender.lid = Some(lid.to_owned());
    hidden.books().await;
    assert_eq!(app.appointments().await.len(), 1);
    let mut known = app.patient(MARIA, "Maria Silva");
    known.sender.lid = Some(lid.to_owned());
    let replies = known.says("remarcar").await;
    assert!(!replies.is_empty());
    assert_eq!(app.state(MARIA).await, "SHOW_CURRENT_APPOINTMENT", "the appointment is found: {replies:?}");
    assert_eq!(app.database.number("select count(*) from scheduler.patients").await, 1);
}

#[tokio::test]
async fn audio_gets_a_short_reply_and_the_question_again() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.goes_to("day_").await;
    let replies = maria.sends(audio()).await;
    assert!((1..=2).contains(&replies.len()), "{replies:?}");
    assert!(replies.iter().any(|reply| reply.options.iter().any(|option| option.id.starts_with("day_"))));
    assert_eq!(app.state(MARIA).await, "SELECT_DATE");
}

#[tokio::test]
async fn a_message_of_staff_silences_the_bot_but_its_own_echo_does_not() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    let greeting = maria.says("Olá").await;
    maria.sends(echo(&greeting[0].message)).await;
    assert!(!maria.says("menu").await.is_empty(), "an echo does not silence the bot");
    let mut app = app;
    app.advance_clock(TimeDelta::minutes(1)).await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.replies();
    maria.sends(staff("Oi Maria, aqui é a recepção")).await;
    assert_eq!(maria.says("quero agendar").await, [], "the bot is silent while staff talk");
    assert!(!maria.says("menu").await.is_empty(), "MENU brings the bot back");
}

#[tokio::test]
async fn useless_webhooks_are_answered_200_and_get_no_reply() {
    let app = TestApp::start().await;
    let bodies = [
        json!({}),
        json!([]),
        json!({ "type": "Nonsense" }),
        json!({ "type": "ReceivedCallback", "instanceId": "instance-of-nobody", "phone": MARIA,
            "messageId": "A", "fromMe": false, "text": { "message": "Olá" } }),
    ];
    for body in bodies {
        let response = app.webhook(&body).await;
        assert_eq!((response.status, &response.body["status"]), (200, &json!("SUCCESS")), "{body}");
    }
    assert_eq!(app.zapi.calls(), []);
}

#[tokio::test]
async fn the_label_of_an_unknown_button_is_read_as_text() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    let label = maria.prompt().options[0].label.clone();
    maria.sends(button("nothing_known", &label)).await;
    let state = app.state(MARIA).await;
    maria.says("menu").await;
    maria.says("1").await;
    assert_eq!(app.state(MARIA).await, "SCHEDULE_MENU");
    assert!(["SCHEDULE_MENU", "MAIN_MENU"].contains(&state.as_str()), "{state}");
}
