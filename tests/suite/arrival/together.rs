//! Texts that wait together in a chat are read together; everything else that waits is worked on one after the other.

use chrono::TimeDelta;
use scheduler_local::fake_zapi::OutboxMessage;
use scheduler_tests::{TestApp, audio, text};
use serde_json::{Value, json};

use super::{MARIA, phone, post_in_quick_succession, states_around};

/// How long z-api's work on the first reply takes by the clock.
const MEANWHILE: TimeDelta = TimeDelta::seconds(2);

/// Text and option ids of each message.
fn shown(messages: Vec<OutboxMessage>) -> Vec<(String, Vec<String>)> {
    let ids = |message: &OutboxMessage| message.options.iter().map(|option| option.id.clone()).collect();
    messages.into_iter().map(|message| (message.message.clone(), ids(&message))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_texts_that_wait_together_get_the_replies_of_one_text_with_a_line_break() {
    let app = TestApp::start().await;
    let mut ana = app.patient(&phone(1), "Maria Silva");
    ana.says("Olá").await;
    let mut expected = ana.says("menu").await;
    expected.extend(ana.says("quero marcar\ndepilação").await);
    let expected_state = app.state(&phone(1)).await;

    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.says("Olá").await;
    let first = maria.webhook(text("menu"));
    let waiting = ["quero marcar", "depilação"].map(|words| maria.webhook(text(words)));
    post_in_quick_succession(&app, MARIA, &first, &waiting, MEANWHILE).await;
    assert_eq!(shown(maria.replies()), shown(expected));
    assert_eq!(app.state(MARIA).await, expected_state);
    let events = app.events(MARIA).await;
    for (webhook, words) in waiting.iter().zip(["quero marcar", "depilação"]) {
        states_around(&app, MARIA, webhook).await;
        let event = events.iter().find(|event| event["messageId"] == webhook["messageId"]);
        assert_eq!(event.expect("an event")["content"], words, "each text is in the history as it came");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_of_an_answer_that_wait_together_are_one_answer() {
    let app = TestApp::start().await;
    let mut maria = app.patient(MARIA, "Maria Silva");
    maria.goes_to("skip_areas").await;
    assert_eq!(app.state(MARIA).await, "INPUT_AREAS");
    // The clock stands still, so both parts count as answers to the question that follows "only text".
    let first = maria.webhook(audio());
    let parts = ["Pernas", "e axilas"].map(|words| maria.webhook(text(words)));
    post_in_quick_succession(&app, MARIA, &first, &parts, TimeDelta::zero()).await;
    assert_eq!(app.state(MARIA).await, "SELECT_DATE", "{:?}", maria.outbox());
    for part in &parts {
        states_around(&app, MARIA, part).await;
    }
    maria.books().await;
    let booked = app.appointments_of(MARIA, "CONFIRMED").await;
    assert_eq!(booked.len(), 1);
    let areas = booked[0]["areas"].as_str().expect("areas");
    assert_eq!(areas.split_whitespace().collect::<Vec<_>>(), ["Pernas", "e", "axilas"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presses_commands_and_opt_out_words_that_wait_are_worked_on_one_after_the_other() {
    let app = TestApp::start().await;
    let press = json!({ "buttonsResponseMessage": { "buttonId": "faq", "message": "Dúvidas sobre sessão" } });
    let wish = || text("quero marcar");
    let waiting = [
        vec![wish(), text("menu")],
        vec![wish(), text("voltar")],
        vec![wish(), text("cancelar")],
        vec![wish(), text("atendente")],
        vec![wish(), text("SAIR")],
        vec![wish(), press.clone()],
        vec![wish(), press, wish()],
        vec![wish(), text("menu"), wish()],
    ];
    for (number, contents) in waiting.into_iter().enumerate() {
        // What happens if nothing waits.
        let calm = phone(100 + number);
        let mut patient = app.patient(&calm, "Maria Silva");
        patient.says("Olá").await;
        let mut expected = patient.says("menu").await;
        let mut expected_states = Vec::new();
        for content in &contents {
            let webhook = patient.webhook(content.clone());
            assert_eq!(app.webhook(&webhook).await.status, 200);
            expected.extend(patient.replies());
            expected_states.push(states_around(&app, &calm, &webhook).await);
        }
        assert_eq!(expected_states[0].1, "SCHEDULE_MENU", "{contents:?}");

        let quick = phone(number);
        let mut patient = app.patient(&quick, "Maria Silva");
        patient.says("Olá").await;
        let first = patient.webhook(text("menu"));
        let webhooks: Vec<Value> = contents.iter().map(|content| patient.webhook(content.clone())).collect();
        post_in_quick_succession(&app, &quick, &first, &webhooks, MEANWHILE).await;
        let mut states = Vec::new();
        for webhook in &webhooks {
            states.push(states_around(&app, &quick, webhook).await);
        }
        assert_eq!(states, expected_states, "{contents:?}: {:?}", patient.outbox());
        assert_eq!(shown(patient.replies()), shown(expected), "{contents:?}");
    }
    let opted_out = "select count(*) from scheduler.patients where opted_out_at is not null";
    assert_eq!(app.database.number(opted_out).await, 2, "with and without waiting");
}
