//! Twenty messages of one patient are worked on per minute, but opting out, silence and hand-over come before that limit
//! (docs/rules/conversation.md#message-floods).

use chrono::TimeDelta;
use scheduler_local::fake_zapi::OutboxMessage;
use scheduler_tests::{Patient, TestApp, staff};

use super::{MARIA, pass, phone};

/// Part of the message that asks to write more slowly.
const SLOW_DOWN: &str = "Recebi muitas mensagens";

fn asks_to_slow_down(replies: &[OutboxMessage]) -> bool {
    replies.iter().any(|reply| reply.message.contains(SLOW_DOWN))
}

/// Sends 21 messages within a minute: the last one is answered with "slow down".
async fn flood(patient: &mut Patient<'_>) {
    for number in 1..=21 {
        let replies = patient.says("menu").await;
        assert_eq!(asks_to_slow_down(&replies), number == 21, "message {number}: {replies:?}");
    }
}

#[tokio::test]
async fn opting_out_and_a_wish_for_a_person_are_heard_as_the_22nd_message_of_a_minute() {
    let app = TestApp::start().await;
    let opted_out = "select count(*) from scheduler.patients where opted_out_at is not null";

    let mut maria = app.patient(MARIA, "Maria Silva");
    flood(&mut maria).await;
    assert_eq!(maria.says("menu").await, [], "other messages are only recorded");
    let replies = maria.says("SAIR").await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(app.database.number(opted_out).await, 1);
    let replies = maria.says("VOLTAR A RECEBER").await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(app.database.number(opted_out).await, 0);

    let other = phone(1);
    let mut ana = app.patient(&other, "Ana Souza");
    flood(&mut ana).await;
    let replies = ana.says("atendente").await;
    assert_eq!(app.state(&other).await, "HUMAN_HANDOFF", "{replies:?}");
    assert!(!replies.is_empty() && !asks_to_slow_down(&replies), "{replies:?}");
}

#[tokio::test]
async fn nobody_is_asked_to_slow_down_while_the_bot_is_silent() {
    let app = TestApp::start().await;
    for (number, by_staff) in [true, false].into_iter().enumerate() {
        let phone = phone(number);
        let mut patient = app.patient(&phone, "Maria Silva");
        patient.says("Olá").await;
        // What comes from the clinic's phone sooner is taken for an automatic answer.
        pass(&app, TimeDelta::minutes(1)).await;
        if by_staff {
            patient.sends(staff("Oi Maria, aqui é a recepção")).await;
        } else {
            patient.says("atendente").await;
        }
        patient.replies();
        for message in 1..=25 {
            let replies = patient.says("Vocês atendem no sábado?").await;
            assert_eq!(replies, [], "by staff: {by_staff}, message {message}");
        }
        let inbound = app.events(&phone).await.iter().filter(|event| event["direction"] == "INBOUND").count();
        assert!(inbound >= 26, "every message is recorded: {inbound}");
    }
}
