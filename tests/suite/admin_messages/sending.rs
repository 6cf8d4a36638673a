//! A message of reception's own goes out, is recorded, and is no person's typing.

use reqwest::Method;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::{CLINIC, Product, echo};
use serde_json::{Value, json};

use super::{MARIA, ask, faulty};

fn letter(changes: Value) -> Value {
    let mut body = json!({ "clinicId": CLINIC, "phone": MARIA, "type": "text", "content": "Até já!" });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

async fn sent(product: &Product, changes: Value) -> String {
    let answer = ask(product, Method::POST, "/send", &letter(changes), 200).await;
    assert_eq!(answer["providerStatus"], "SENT", "{answer}");
    answer["messageId"].as_str().expect("our id").to_owned()
}

/// How often WhatsApp was asked for a number.
fn asked(product: &Product) -> usize {
    product.zapi.calls().iter().filter(|call| call.endpoint.starts_with("phone-exists")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_out_and_into_the_history() {
    let product = Product::start().await;
    let id = sent(&product, json!({})).await;
    let outbox = product.zapi.outbox(Some(MARIA));
    assert_eq!((outbox.len(), outbox[0].kind, outbox[0].message.as_str()), (1, "text", "Até já!"));
    let events = product.events(MARIA).await;
    let told: Vec<_> = events.iter().map(|event| (&event["direction"], &event["status"])).collect();
    assert_eq!(told, [(&json!("OUTBOUND"), &json!("QUEUED")), (&json!("OUTBOUND"), &json!("SENT"))]);
    for event in &events {
        assert_eq!(event["messageId"], json!(id));
        assert_eq!(event["content"], "Até já!");
        assert_eq!(event["messageType"], "text");
        assert_eq!(event["phoneNumber"], MARIA);
    }
    assert!(events[0]["statusTimestamp"].as_str() < events[1]["statusTimestamp"].as_str());
    assert_eq!(events[1]["providerMessageId"], json!(outbox[0].message_id));
    assert!(events[1]["metadata"]["zaapId"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_and_lists_are_pressed_or_read_as_numbers() {
    let product = Product::start().await;
    let buttons =
        json!([{ "id": "1", "label": "Opção 1" }, { "id": "2", "label": "Uma opção muito comprida" }]);
    let buttons = json!({ "type": "buttons", "content": "Qual?", "buttons": buttons });
    sent(&product, buttons.clone()).await;
    let sections = json!([
        { "title": "Manhã", "rows": [{ "id": "a", "title": "09:00" }] },
        { "rows": [{ "id": "b", "title": "14:00" }] },
    ]);
    sent(&product, json!({ "type": "list", "content": "Quando?", "sections": sections })).await;
    let outbox = product.zapi.outbox(Some(MARIA));
    let labels = |at: usize| outbox[at].options.iter().map(|o| o.label.clone()).collect::<Vec<_>>();
    assert_eq!(
        (outbox[0].kind, labels(0)),
        ("buttons", vec!["Opção 1".into(), "Uma opção muito com…".into()])
    );
    assert_eq!((outbox[1].kind, labels(1)), ("list", vec!["09:00".into(), "14:00".into()]));
    let call = product.zapi.calls().pop().expect("the list");
    assert_eq!(call.body["optionList"]["buttonLabel"], "Manhã");

    product.zapi.answer_endpoint("send-button-list", Answer::says(400, r#"{"error":"no buttons"}"#));
    sent(&product, buttons).await;
    let said = product.zapi.outbox(Some(MARIA)).pop().expect("text");
    assert_eq!((said.kind, said.message.lines().last()), ("text", Some("2. Uma opção muito com…")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_that_are_refused_afterwards_are_said_again_as_text() {
    let product = Product::start().await;
    let buttons = json!([{ "id": "1", "label": "Sim" }, { "id": "2", "label": "Não" }]);
    sent(&product, json!({ "type": "buttons", "content": "Vem?", "buttons": buttons })).await;
    let mut refusal = crate::zapi::fixture("delivery-error-button-terms");
    refusal["messageId"] = json!(product.zapi.outbox(None)[0].message_id);
    refusal["phone"] = json!(MARIA);
    refusal["instanceId"] = json!("instance-123");
    assert_eq!(product.webhook(&refusal).await.status, 200);
    let said = product.zapi.outbox(Some(MARIA)).pop().expect("text");
    assert_eq!((said.kind, said.message.as_str()), ("text", "Vem?\n\n1. Sim\n2. Não"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_to_the_address_that_wrote_or_to_what_whatsapp_knows_asked_once() {
    let product = Product::start().await;
    // Known to WhatsApp without the ninth digit, which reception writes.
    let mut wrote = product.patient("554899990000", "Maria Silva");
    wrote.books().await;
    assert_eq!(asked(&product), 0);
    sent(&product, json!({ "phone": "(48) 99999-0000" })).await;
    assert_eq!(wrote.outbox().last().map(|last| last.message.clone()).as_deref(), Some("Até já!"));
    assert_eq!(asked(&product), 0, "what wrote is known");

    product.zapi.knows("5548999990001", Some("554899990001"));
    let visit = json!({ "clinicId": CLINIC, "phone": "5548999990001", "date": "2026-02-18",
        "serviceId": product.service_id().await, "time": "16:00" });
    ask(&product, Method::POST, "/appointments", &visit, 201).await;
    for _ in 0..2 {
        sent(&product, json!({ "phone": "5548999990001" })).await;
    }
    assert_eq!(product.zapi.outbox(Some("554899990001")).len(), 2);
    assert_eq!(asked(&product), 1, "the answer is kept with the patient");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_echo_silences_nobody_and_is_not_recorded_again() {
    let mut product = Product::start().await;
    product.patient(MARIA, "Maria Silva").says("Olá").await;
    // Late enough to be no automatic greeting, which would not silence the bot either.
    product.passes(chrono::TimeDelta::seconds(60)).await;
    sent(&product, json!({})).await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.replies();
    let recorded = product.events(MARIA).await.len();
    let id = product.zapi.outbox(Some(MARIA)).pop().expect("a message").message_id;
    let mut as_ours = maria.webhook(echo("Até já!"));
    as_ours["messageId"] = json!(id);
    let mut unmarked = as_ours.clone();
    unmarked["fromApi"] = json!(null);
    unmarked["text"]["message"] = json!("Até já! Mensagem de teste");
    let mut renamed = maria.webhook(echo("Até já!"));
    renamed["fromApi"] = json!(null);
    for webhook in [as_ours, unmarked, renamed] {
        assert_eq!(product.webhook(&webhook).await.status, 200);
    }
    assert_eq!(product.events(MARIA).await.len(), recorded, "it is in the history already");
    let answered = maria.says("menu").await;
    assert!(!answered.is_empty(), "the bot still answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_opted_out_still_gets_what_reception_writes() {
    let product = Product::start().await;
    let mut maria = product.patient(MARIA, "Maria Silva");
    maria.says("SAIR").await;
    sent(&product, json!({})).await;
    assert_eq!(maria.outbox().last().map(|last| last.message.clone()).as_deref(), Some("Até já!"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_together_is_refused_and_not_sent() {
    let product = Product::start().await;
    let one = json!([{ "id": "1", "label": "Sim" }]);
    let four = json!([1, 2, 3, 4].map(|n| json!({ "id": n.to_string(), "label": "x" })));
    let eleven: Vec<Value> = (0..11).map(|n| json!({ "id": n.to_string(), "title": "x" })).collect();
    for (body, fields) in [
        (json!({}), &["clinicId", "phone", "type", "content"][..]),
        (letter(json!({ "type": "audio" })), &["type"]),
        (letter(json!({ "phone": "123", "content": " " })), &["phone", "content"]),
        (letter(json!({ "type": "buttons" })), &["buttons"]),
        (letter(json!({ "type": "list", "buttons": one.clone() })), &["buttons", "sections"]),
        (letter(json!({ "buttons": one })), &["buttons"]),
        (letter(json!({ "type": "buttons", "buttons": four })), &["buttons"]),
        (letter(json!({ "type": "buttons", "buttons": [] })), &["buttons"]),
        (letter(json!({ "type": "list", "sections": [{ "rows": eleven }] })), &["sections"]),
        (letter(json!({ "type": "list", "sections": [{ "title": "x" }] })), &["sections"]),
        (letter(json!({ "type": "list", "sections": [1] })), &["sections"]),
        (letter(json!({ "image": "x" })), &["image"]),
    ] {
        let answer = ask(&product, Method::POST, "/send", &body, 400).await;
        assert_eq!(faulty(&answer), fields, "{body}: {answer}");
    }
    assert_eq!(product.zapi.calls(), []);
}
