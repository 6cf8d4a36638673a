//! Messages that came in time and are worked on late: they count as they were meant, and nobody is greeted anew.

use chrono::TimeDelta;
use scheduler_local::fake_zapi::OutboxMessage;
use scheduler_tests::{ProxyMode, TestApp, database, text};
use serde_json::Value;

use super::{MARIA, asked_to_confirm, crash, pass, settle, states_around, wait_for_postgres};
use crate::outages::{app_with_proxied_postgres, switch_to};

/// Longer than a session lasts.
const LATER: TimeDelta = TimeDelta::minutes(31);

/// Part of the message that tells of a booking.
const BOOKED: &str = "Agendamento confirmado";

const APPOINTMENTS: &str = "select count(*) from scheduler.appointments where status = 'CONFIRMED'";

fn sent_since(app: &TestApp, before: usize) -> Vec<OutboxMessage> {
    app.zapi.outbox(Some(MARIA)).split_off(before)
}

/// How many of the messages since then contain `words`. Panics if one of them greets or shows the menu.
fn told(app: &TestApp, before: usize, words: &str) -> usize {
    let replies = sent_since(app, before);
    let is_greeting = |reply: &OutboxMessage| {
        reply.message.contains("em-vinda") || reply.message.contains("Escolha uma opção")
    };
    assert!(!replies.iter().any(is_greeting), "greeted anew: {replies:?}");
    replies.iter().filter(|reply| reply.message.contains(words)).count()
}

/// Checks that Maria has one appointment, was told so once, and was not greeted anew.
async fn assert_booked_and_told_once(app: &TestApp, before: usize, confirmation: &Value) {
    let booked = app.appointments_of(MARIA, "CONFIRMED").await;
    assert_eq!(booked.len(), 1, "{booked:?}\n{}", app.log());
    assert_eq!(told(app, before, BOOKED), 1, "{:?}", sent_since(app, before));
    let start = booked[0]["start_time"].as_str().expect("a time");
    let names_it = |reply: &OutboxMessage| reply.message.contains(BOOKED) && reply.message.contains(start);
    assert!(sent_since(app, before).iter().any(names_it), "{:?}", sent_since(app, before));
    assert_eq!(app.state(MARIA).await, "BOOKED");
    states_around(app, MARIA, confirmation).await;
}

#[tokio::test]
async fn a_confirmation_that_came_in_time_books_although_it_is_worked_on_31_minutes_later() {
    for press in [false, true] {
        let mut app = TestApp::start().await;
        let confirmation = {
            let maria = asked_to_confirm(&app, MARIA).await;
            let content = if press { maria.press("book_") } else { text("sim") };
            maria.webhook(content)
        };
        let before = app.zapi.outbox(Some(MARIA)).len();
        crash(&mut app, "message_stored", &confirmation).await;
        assert_eq!(app.database.number(APPOINTMENTS).await, 0);
        pass(&app, LATER).await;
        app.reconcile().await;
        assert_booked_and_told_once(&app, before, &confirmation).await;
    }
}

#[tokio::test]
async fn a_session_ends_by_when_a_message_came_and_not_by_when_it_is_worked_on() {
    for (minutes, state, appointments) in [(29, "BOOKED", 1), (31, "MAIN_MENU", 0)] {
        let mut app = TestApp::start().await;
        asked_to_confirm(&app, MARIA).await;
        pass(&app, TimeDelta::minutes(minutes)).await;
        let yes = app.patient(MARIA, "Maria Silva").webhook(text("sim"));
        crash(&mut app, "message_stored", &yes).await;
        pass(&app, TimeDelta::minutes(4)).await;
        app.reconcile().await;
        assert_eq!(app.state(MARIA).await, state, "after {minutes} minutes");
        assert_eq!(app.database.number(APPOINTMENTS).await, appointments, "after {minutes} minutes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_waited_out_an_outage_of_postgres_books_when_it_is_over() {
    // A clinic that is not in memory cannot be looked up: its messages wait elsewhere than in the chat.
    for in_memory in [true, false] {
        let (mut app, proxy) = app_with_proxied_postgres(database().await).await;
        let yes = asked_to_confirm(&app, MARIA).await.webhook(text("sim"));
        if !in_memory {
            app.restart(None).await;
        }
        let before = app.zapi.outbox(Some(MARIA)).len();
        switch_to(&proxy, ProxyMode::Refuse);
        assert_eq!(app.webhook(&yes).await.status, 200, "in memory: {in_memory}");
        assert_eq!(app.database.number(APPOINTMENTS).await, 0, "in memory: {in_memory}");
        switch_to(&proxy, ProxyMode::Forward);
        wait_for_postgres(&app).await;
        pass(&app, LATER).await;
        app.reconcile().await;
        assert_booked_and_told_once(&app, before, &yes).await;
    }
}

#[tokio::test]
async fn of_a_visit_that_was_committed_before_a_crash_the_patient_hears_once_however_late() {
    for minutes in [31, 180] {
        let mut app = TestApp::start().await;
        let yes = asked_to_confirm(&app, MARIA).await.webhook(text("sim"));
        let before = app.zapi.outbox(Some(MARIA)).len();
        crash(&mut app, "visit_committed", &yes).await;
        assert_eq!(app.database.number(APPOINTMENTS).await, 1, "the visit was committed");
        pass(&app, TimeDelta::minutes(minutes)).await;
        app.reconcile().await;
        assert_booked_and_told_once(&app, before, &yes).await;
        pass(&app, TimeDelta::minutes(1)).await;
        app.reconcile().await;
        assert_booked_and_told_once(&app, before, &yes).await;
    }
}

#[tokio::test]
async fn of_a_committed_visit_the_patient_hears_although_its_start_has_passed_meanwhile() {
    let mut app = TestApp::start().await;
    // It is 09:05: the first time of today is 09:55.
    pass(&app, TimeDelta::minutes(5)).await;
    let yes = {
        let mut maria = app.patient(MARIA, "Maria Silva");
        maria.goes_to("book_").await;
        maria.webhook(text("sim"))
    };
    let before = app.zapi.outbox(Some(MARIA)).len();
    crash(&mut app, "visit_committed", &yes).await;
    pass(&app, TimeDelta::minutes(60)).await;
    app.reconcile().await;
    assert_booked_and_told_once(&app, before, &yes).await;
}

#[tokio::test]
async fn a_patient_who_writes_again_before_a_crash_is_mended_hears_of_the_committed_visit() {
    let mut app = TestApp::start().await;
    let yes = asked_to_confirm(&app, MARIA).await.webhook(text("sim"));
    let before = app.zapi.outbox(Some(MARIA)).len();
    crash(&mut app, "visit_committed", &yes).await;
    pass(&app, TimeDelta::minutes(40)).await;
    app.patient(MARIA, "Maria Silva").says("Oi, deu certo?").await;
    settle(&app, MARIA).await;
    let replies = sent_since(&app, before);
    let told = replies.iter().filter(|reply| reply.message.contains(BOOKED)).count();
    assert_eq!(told, 1, "{replies:?}");
    assert_eq!(app.database.number(APPOINTMENTS).await, 1);
}

#[tokio::test]
async fn of_a_move_and_a_cancellation_that_were_committed_before_a_crash_the_patient_hears_once() {
    let wishes: [(&str, &[&str], &str, &str); 2] = [
        ("cancelar", &[], "foi cancelada", "CANCELLED"),
        ("remarcar", &["newday_", "newtime_"], "remarcado com sucesso", "RESCHEDULED"),
    ];
    for (wish, steps, words, state) in wishes {
        let mut app = TestApp::start().await;
        let yes = {
            let mut maria = asked_to_confirm(&app, MARIA).await;
            maria.presses("book_").await;
            maria.says(wish).await;
            for step in steps {
                let offered = maria.prompt().options;
                let last = offered.iter().rfind(|option| option.id.starts_with(step)).expect("an option");
                maria.presses(&last.id).await;
            }
            maria.webhook(text("sim"))
        };
        let before = app.zapi.outbox(Some(MARIA)).len();
        crash(&mut app, "visit_committed", &yes).await;
        pass(&app, LATER).await;
        for _ in 0..2 {
            app.reconcile().await;
            assert_eq!(told(&app, before, words), 1, "{wish}: {:?}", sent_since(&app, before));
            assert_eq!(app.state(MARIA).await, state, "{wish}");
            pass(&app, TimeDelta::minutes(1)).await;
        }
        assert_eq!(
            app.database.number("select max(version)::bigint from scheduler.appointments").await,
            2,
            "{wish}"
        );
    }
}
