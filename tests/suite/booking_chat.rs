//! Patients book, move and cancel over HTTP as z-api sends it; outbox, visits and history agree.

use chrono::{Datelike, NaiveDate, TimeDelta};
use scheduler_tests::{Product, Setting, audio, button, echo, staff, text};
use serde_json::{Value, json};

const MARIA: &str = "5511999990000";

/// Every inbound event begins where the one before ended, the last one ends in the session's
/// state, and what went out is what is written down, in order.
async fn assert_history_agrees(product: &Product, phone: &str, states: &[&str]) {
    let chat = product.chat(phone).await;
    let events = chat["events"].as_array().expect("events");
    let inbound: Vec<&Value> = events.iter().filter(|event| event["direction"] == "INBOUND").collect();
    let before = |event: &Value| event["metadata"]["stateBefore"].clone();
    let after = |event: &Value| event["metadata"]["stateAfter"].clone();
    for pair in inbound.windows(2) {
        assert_eq!(after(pair[0]), before(pair[1]), "the history has a gap: {events:#?}");
    }
    let passed: Vec<String> =
        inbound.iter().map(|event| after(event).as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(passed, states);
    assert_eq!(chat["session"]["currentState"], *states.last().expect("a state"));
    let mut written: Vec<&Value> = Vec::new();
    for event in events.iter().filter(|event| event["direction"] == "OUTBOUND") {
        if !written.iter().any(|seen| seen["messageId"] == event["messageId"]) {
            written.push(event);
        }
    }
    let written: Vec<&Value> = written.into_iter().map(|event| &event["messageId"]).collect();
    let sent = product.zapi.outbox(None).into_iter().filter(|sent| phone_is(&sent.phone, phone)).count();
    assert_eq!(written.len(), sent, "written down and sent: {events:#?}");
    let mut keys: Vec<&str> = events.iter().filter_map(|event| event["statusTimestamp"].as_str()).collect();
    let in_order = keys.clone();
    keys.sort_unstable();
    assert_eq!(in_order, keys, "events are in time order");
    println!("{} events in, {sent} messages out, ends in {}", inbound.len(), chat["session"]["currentState"]);
}

fn phone_is(sent: &str, phone: &str) -> bool {
    sent == phone
}

#[tokio::test]
async fn a_new_patient_books_by_buttons_alone() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    let greeting = maria.says("Olá").await;
    assert!((1..=2).contains(&greeting.len()), "{greeting:?}");
    let ids: Vec<_> = maria.prompt().options.into_iter().map(|option| option.id).collect();
    assert_eq!(ids, ["schedule", "reschedule", "faq"]);
    for id in ["schedule", "available_days", "skip_areas", "day_", "time_", "use_profile_name", "book_"] {
        let replies = maria.presses(id).await;
        assert!((1..=2).contains(&replies.len()), "a turn is at most two messages: {replies:?}");
    }
    let visits = product.visits().await;
    assert_eq!(visits.len(), 1, "{visits:?}");
    assert_eq!(visits[0]["status"], "CONFIRMED");
    assert_eq!(visits[0]["patient_phone"], MARIA);
    assert_eq!(visits[0]["patient_name"], "Maria Silva");
    let states = [
        "MAIN_MENU",
        "SCHEDULE_MENU",
        "INPUT_AREAS",
        "SELECT_DATE",
        "SELECT_TIME",
        "ASK_NAME",
        "CONFIRM_BOOKING",
        "BOOKED",
    ];
    assert_history_agrees(&product, MARIA, &states).await;
}

#[tokio::test]
async fn a_new_patient_books_by_text_alone() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "");
    maria.says("quero agendar").await;
    let go_on = maria.prompt().options.into_iter().find(|option| option.id == "available_days");
    maria.says(&go_on.expect("a way on").label).await;
    for words in ["Pernas e axilas", "quarta-feira", "16h20", "Maria Silva", "sim"] {
        let replies = maria.says(words).await;
        assert!(!replies.is_empty(), "{words} is answered");
    }
    let visits = product.visits().await;
    assert_eq!(visits.len(), 1, "{visits:?}\n{:?}", maria.outbox());
    assert_eq!(visits[0]["start_time"], "16:20");
    assert_eq!(visits[0]["areas"], "Pernas e axilas");
    assert_eq!(visits[0]["patient_name"], "Maria Silva");
    let date: NaiveDate = visits[0]["appointment_date"].as_str().expect("a date").parse().expect("a date");
    assert_eq!(date, NaiveDate::from_ymd_opt(2026, 2, 18).expect("a date"), "the nearest Wednesday");
    assert_eq!(date.weekday(), chrono::Weekday::Wed);
    let states = [
        "SCHEDULE_MENU",
        "INPUT_AREAS",
        "SELECT_DATE",
        "SELECT_TIME",
        "ASK_NAME",
        "CONFIRM_BOOKING",
        "BOOKED",
    ];
    assert_history_agrees(&product, MARIA, &states).await;
}

#[tokio::test]
async fn a_patient_moves_a_visit() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.books().await;
    let before = product.visits().await.remove(0);
    maria.says("menu").await;
    maria.presses("reschedule").await;
    let days: Vec<_> = maria.prompt().options.into_iter().map(|option| option.id).collect();
    assert!(days.iter().any(|id| id == "cancel_visit"), "{days:?}");
    let own = format!("newday_{}", before["appointment_date"].as_str().expect("a date"));
    let other = days.iter().find(|id| id.starts_with("newday_") && **id != own).expect("another day");
    for id in [other, "newtime_", "move_"] {
        maria.presses(id).await;
    }
    let visits = product.visits().await;
    assert_eq!(visits.len(), 1, "{visits:?}");
    assert_eq!(visits[0]["appointment_id"], before["appointment_id"]);
    assert_eq!(visits[0]["status"], "CONFIRMED");
    assert_eq!(format!("newday_{}", visits[0]["appointment_date"].as_str().expect("a date")), *other);
    assert!(visits[0]["version"].as_i64() > before["version"].as_i64());
    assert_eq!(product.state(MARIA).await, "RESCHEDULED");
}

#[tokio::test]
async fn a_patient_cancels_a_visit() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.books().await;
    maria.says("menu").await;
    maria.says("quero cancelar minha sessão").await;
    assert_eq!(product.state(MARIA).await, "CONFIRM_CANCEL", "{:?}", maria.outbox());
    maria.presses("cancel_").await;
    assert_eq!(product.visits_of(MARIA, "CANCELLED").await.len(), 1);
    assert_eq!(product.visits_of(MARIA, "CONFIRMED").await.len(), 0);
    assert_eq!(product.state(MARIA).await, "CANCELLED");
}

#[tokio::test]
async fn buttons_of_the_last_session_are_understood_or_asked_again() {
    let mut product = Product::start().await;
    let phone = MARIA;
    let (day, book) = {
        let mut maria = product.patient(phone, "Maria Silva");
        maria.goes_to("day_").await;
        let day = maria.press("day_");
        maria.goes_to("book_").await;
        (day, maria.press("book_"))
    };
    product.passes(TimeDelta::minutes(45)).await;
    let mut maria = product.patient(phone, "Maria Silva");
    maria.replies();
    assert!(!maria.sends(book).await.is_empty(), "an old confirmation is answered");
    assert_eq!(product.visits().await.len(), 0, "and books nothing");
    assert!(!maria.sends(day).await.is_empty(), "an old day is answered");
    // The new session knows no areas yet, and so not how long the visit is: it starts over, saying so.
    assert_eq!(product.state(phone).await, "INPUT_AREAS", "{:?}", maria.outbox());
}

#[tokio::test]
async fn a_no_never_cancels_and_never_books() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.goes_to("book_").await;
    maria.says("não, prefiro terça").await;
    assert_eq!(product.visits().await.len(), 0);
    assert_ne!(product.state(MARIA).await, "BOOKED");
    let mut ana = product.patient("5511999990001", "Ana Souza");
    ana.goes_to("book_").await;
    let old_booking = ana.press("book_");
    ana.presses("book_").await;
    ana.says("menu").await;
    ana.says("não quero cancelar").await;
    assert_eq!(product.visits_of("5511999990001", "CONFIRMED").await.len(), 1);
    ana.says("menu").await;
    ana.says("cancelar").await;
    assert_eq!(product.state("5511999990001").await, "CONFIRM_CANCEL");
    ana.says("não quero cancelar").await;
    assert_eq!(
        product.visits_of("5511999990001", "CONFIRMED").await.len(),
        1,
        "not by its containing the word"
    );
    if product.state("5511999990001").await != "CONFIRM_CANCEL" {
        ana.says("menu").await;
        ana.says("cancelar").await;
    }
    ana.sends(old_booking).await;
    assert_eq!(
        product.visits_of("5511999990001", "CONFIRMED").await.len(),
        1,
        "neither booked nor cancelled"
    );
    assert_eq!(product.visits().await.len(), 1);
}

#[tokio::test]
async fn nothing_leaves_where_nobody_may_be_written_to() {
    let product = Product::with(Setting { allowed: "", ..Setting::default() }).await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    assert_eq!(product.zapi.calls(), []);
    let events = product.events(MARIA).await;
    let out: Vec<_> = events.iter().filter(|event| event["direction"] == "OUTBOUND").collect();
    assert!(!out.is_empty());
    assert!(out.iter().any(|event| event["status"] == "BLOCKED"), "{out:?}");
    assert!(!out.iter().any(|event| event["status"] == "SENT"), "{out:?}");
}

#[tokio::test]
async fn with_and_without_the_ninth_digit_is_one_patient_answered_where_they_wrote() {
    let product = Product::start().await;
    let (short, long) = ("554899990000", "5548999990000");
    let mut from_short = product.patient(short, "Maria Silva");
    from_short.books().await;
    let mut from_long = product.patient(long, "Maria Silva");
    let replies = from_long.says("remarcar").await;
    assert!(!replies.is_empty(), "answered where it was written");
    assert_eq!(product.state(long).await, "SHOW_CURRENT_APPOINTMENT", "{replies:?}");
    assert_eq!(product.database.number("select count(*) from scheduler.patients").await, 1);
    let visits = product.visits().await;
    assert_eq!(visits[0]["patient_phone"], long);
}

#[tokio::test]
async fn area_code_55_is_not_mangled() {
    let product = Product::start().await;
    for (phone, canonical) in [("5555999990000", "5555999990000"), ("555599990001", "5555999990001")] {
        let mut patient = product.patient(phone, "João Souza");
        patient.books().await;
        assert_eq!(product.visits_of(canonical, "CONFIRMED").await.len(), 1, "{:?}", product.visits().await);
    }
}

#[tokio::test]
async fn a_chat_with_only_a_lid_books_and_merges_when_the_phone_comes() {
    let product = Product::start().await;
    let lid = "81896604192873@lid";
    let mut hidden = product.patient(lid, "Maria Silva");
    hidden.sender.lid = Some(lid.to_owned());
    hidden.books().await;
    assert_eq!(product.visits().await.len(), 1);
    let mut known = product.patient(MARIA, "Maria Silva");
    known.sender.lid = Some(lid.to_owned());
    let replies = known.says("remarcar").await;
    assert!(!replies.is_empty());
    assert_eq!(product.state(MARIA).await, "SHOW_CURRENT_APPOINTMENT", "the visit is found: {replies:?}");
    assert_eq!(product.database.number("select count(*) from scheduler.patients").await, 1);
}

#[tokio::test]
async fn audio_gets_one_line_and_the_question_again() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.goes_to("day_").await;
    let replies = maria.sends(audio()).await;
    assert!((1..=2).contains(&replies.len()), "{replies:?}");
    assert!(replies.iter().any(|reply| reply.options.iter().any(|option| option.id.starts_with("day_"))));
    assert_eq!(product.state(MARIA).await, "SELECT_DATE");
}

#[tokio::test]
async fn staff_silence_the_bot_and_its_own_echo_does_not() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    let greeting = maria.says("Olá").await;
    maria.sends(echo(&greeting[0].message)).await;
    assert!(!maria.says("menu").await.is_empty(), "an echo silences nothing");
    let mut product = product;
    product.passes(TimeDelta::minutes(1)).await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.replies();
    maria.sends(staff("Oi Maria, aqui é a recepção")).await;
    assert_eq!(maria.says("quero agendar").await, [], "staff are talking");
    assert!(!maria.says("menu").await.is_empty(), "MENU brings the bot back");
}

#[tokio::test]
async fn what_is_of_no_use_is_taken_and_not_answered() {
    let product = Product::start().await;
    let bodies = [
        json!({}),
        json!([]),
        json!({ "type": "Nonsense" }),
        json!({ "type": "ReceivedCallback", "instanceId": "instance-of-nobody", "phone": MARIA,
            "messageId": "A", "fromMe": false, "text": { "message": "Olá" } }),
    ];
    for body in bodies {
        let answered = product.webhook(&body).await;
        assert_eq!((answered.status, &answered.body["status"]), (200, &json!("SUCCESS")), "{body}");
    }
    assert_eq!(product.zapi.calls(), []);
}

#[tokio::test]
async fn a_wrong_webhook_token_is_refused() {
    let product = Product::with(Setting { webhook_token: Some("right"), ..Setting::default() }).await;
    let maria = product.patient(MARIA, "Maria Silva");
    let body = maria.webhook(text("Olá"));
    for query in ["", "?token=", "?token=wrong", "?token=right2"] {
        let path = format!("/webhook/whatsapp{query}");
        let answered = product.ask(reqwest::Method::POST, &path, Some(&body)).await;
        assert_eq!(answered.status, 401, "{query}");
    }
    assert_eq!(product.webhook(&body).await.status, 200);
    assert!(!maria.outbox().is_empty());
}

#[tokio::test]
async fn a_label_in_words_is_as_good_as_a_press() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    let label = maria.prompt().options[0].label.clone();
    maria.sends(button("nothing_known", &label)).await;
    let said = product.state(MARIA).await;
    maria.says("menu").await;
    maria.says("1").await;
    assert_eq!(product.state(MARIA).await, "SCHEDULE_MENU");
    assert!(["SCHEDULE_MENU", "MAIN_MENU"].contains(&said.as_str()), "{said}");
}
