//! What patients and clinics entrust to the product never reaches its log, whatever goes wrong.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::zapi_stand_in::Answer;
use scheduler_tests::{CLINIC, Product, audio, text};
use serde_json::json;
use sqlx::Executor;

const PHONE: &str = "5511987654321";
const NAME: &str = "Xerxesina Marcadilha";
const WORDS: &str = "guardasegredo";
const INSTANCE_TOKEN: &str = "TOKENDAINSTANCIA77";
const CLIENT_TOKEN: &str = "TOKENDOCLIENTE88";

/// Must be nowhere in a log; of the phone, any seven digits in a row that its last four don't make.
const MARKS: [&str; 8] =
    ["xerxesina", "marcadilha", WORDS, "tokendainstancia", "tokendocliente", "8765432", "1198765", "7654321"];

async fn tokens_are_set(product: &Product) {
    let tokens = json!({ "zapi_instance_token": INSTANCE_TOKEN, "zapi_client_token": CLIENT_TOKEN });
    let answered = product.ask(Method::PUT, &format!("/clinics/{CLINIC}"), Some(&tokens)).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
}

async fn talks_about_everything(product: &Product) {
    let mut patient = product.patient(PHONE, NAME);
    patient.books().await;
    patient.says("menu").await;
    patient.presses("faq").await;
    patient.says(WORDS).await;
    patient.sends(audio()).await;
    patient.says("menu").await;
    patient.presses("reschedule").await;
    // The last day that is offered is not the visit's own, which is the first.
    let mut days = patient.prompt().options;
    days.retain(|option| option.id.starts_with("newday_"));
    let day = days.pop().expect("a day").id;
    for id in [&day, "newtime_", "move_"] {
        patient.presses(id).await;
    }
    patient.says("menu").await;
    patient.says("cancelar").await;
    patient.presses("cancel_").await;
    assert_eq!(product.visits_of(PHONE, "CANCELLED").await.len(), 1);
}

async fn reception_errs(product: &Product) {
    let service = product.service_id().await;
    let visit = |phone: &str, service: &str, time: &str| {
        json!({ "clinicId": CLINIC, "phone": phone, "name": NAME, "notes": WORDS, "serviceId": service,
            "date": "2026-02-18", "time": time })
    };
    let nowhere = "00000000-0000-0000-0000-000000000000";
    for (body, expected) in [
        (visit(PHONE, &service, "10:00"), 201),
        (visit(PHONE, &service, "10:00"), 409),
        (visit(PHONE, nowhere, "11:00"), 404),
        (visit(&format!("{PHONE}{PHONE}"), &service, "11:00"), 400),
        (visit(PHONE, NAME, "11:00"), 404),
    ] {
        let answered = product.ask(Method::POST, "/appointments", Some(&body)).await;
        assert_eq!(answered.status, expected, "{body}: {}", answered.body);
    }
    let path = format!("/clinics/{CLINIC}?api_key={NAME}&phone={PHONE}");
    assert_eq!(product.ask(Method::GET, &path.replace(' ', "+"), None).await.status, 200);
    let broken = json!({ "instanceId": NAME, "phone": PHONE, "text": [WORDS] });
    assert_eq!(product.webhook(&broken).await.status, 200);
}

/// PostgreSQL quotes the whole row in the detail of a constraint's error.
async fn postgres_refuses(product: &Product) {
    let pool = &product.database.pool;
    let refuse = "alter table scheduler.appointments add constraint refused check (false) not valid";
    pool.execute(refuse).await.expect("a constraint");
    let body = json!({ "clinicId": CLINIC, "phone": PHONE, "name": NAME, "notes": WORDS,
        "serviceId": product.service_id().await, "date": "2026-02-19", "time": "10:00" });
    let answered = product.ask(Method::POST, "/appointments", Some(&body)).await;
    assert!(answered.status >= 500, "{}", answered.body);
    let told = answered.body.to_string();
    assert!(!told.contains(NAME) && !told.contains(PHONE), "{told}");
    let mut patient = product.patient(PHONE, NAME);
    patient.says("menu").await;
    patient.presses("schedule").await;
    patient.goes_to("book_").await;
    patient.presses("book_").await;
    pool.execute("alter table scheduler.appointments drop constraint refused").await.expect("no constraint");
}

async fn zapi_refuses(product: &mut Product) {
    let said = json!({ "error": format!("Client-Token {CLIENT_TOKEN} of {INSTANCE_TOKEN} not allowed"),
        "phone": PHONE, "name": NAME, "message": format!("{PHONE} does not exist: {WORDS}, {NAME}") });
    for answer in [
        Answer::says(403, said.to_string()),
        Answer::says(400, said.to_string()),
        Answer::says(500, said.to_string()),
        Answer::says(200, said.to_string()),
        Answer::says(200, format!("no JSON: {INSTANCE_TOKEN} {PHONE} {NAME}")),
        Answer::reset(),
    ] {
        product.zapi.answer_endpoint("send-", answer);
        let body = product.patient(PHONE, NAME).webhook(text("menu"));
        assert_eq!(product.webhook(&body).await.status, 200);
        product.zapi.behave();
        product.passes(TimeDelta::minutes(1)).await;
        product.reconcile().await;
    }
}

fn is_greeting(line: &str) -> bool {
    line.is_empty() || line.starts_with("  ") || line == "Try, in another terminal:"
}

#[tokio::test]
async fn nothing_that_was_entrusted_reaches_the_log() {
    let mut product = Product::start().await;
    tokens_are_set(&product).await;
    talks_about_everything(&product).await;
    reception_errs(&product).await;
    // Twenty messages a minute are worked on.
    product.passes(TimeDelta::minutes(2)).await;
    postgres_refuses(&product).await;
    product.passes(TimeDelta::minutes(1)).await;
    product.reconcile().await;
    zapi_refuses(&mut product).await;
    assert!(product.zapi.calls().iter().any(|call| call.token == INSTANCE_TOKEN), "the token was in use");
    product.restart(None).await;

    let log = product.log();
    let lines: Vec<&str> = log.lines().filter(|line| !is_greeting(line)).collect();
    let mut steps = BTreeMap::<&str, usize>::new();
    for line in &lines {
        let step = line
            .strip_prefix("[traceId: ")
            .and_then(|rest| rest.split_once("] ["))
            .and_then(|(_, rest)| rest.split_once("] "));
        let (step, _) = step.unwrap_or_else(|| panic!("no log line: {line}"));
        *steps.entry(step).or_default() += 1;
    }
    println!("{} log lines of a marked patient's chat and its faults, by step: {steps:?}", lines.len());
    assert!(
        ["send", "converse"].iter().all(|step| steps.contains_key(step)),
        "the faults were logged: {log}"
    );
    let log = log.to_lowercase();
    for mark in MARKS {
        let quoting: Vec<&str> = log.lines().filter(|line| line.contains(mark)).collect();
        assert!(quoting.is_empty(), "{mark} is in the log: {quoting:#?}");
    }
}
