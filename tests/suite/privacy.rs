//! No name, phone, message text or token reaches the log, whatever fails (`docs/rules/security.md#logs`).

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reqwest::Method;
use scheduler_local::fake_zapi::ScriptedAnswer;
use scheduler_tests::{CLINIC, TestApp, audio, text};
use serde_json::json;
use sqlx::Executor;

const PHONE: &str = "5511987654321";
const NAME: &str = "Xerxesina Marcadilha";
const WORDS: &str = "guardasegredo";
const INSTANCE_TOKEN: &str = "TOKENDAINSTANCIA77";
const CLIENT_TOKEN: &str = "TOKENDOCLIENTE88";

/// Must not be in the log: the words and tokens, and seven consecutive digits of the phone. Its last four are
/// allowed.
const MARKS: [&str; 8] =
    ["xerxesina", "marcadilha", WORDS, "tokendainstancia", "tokendocliente", "8765432", "1198765", "7654321"];

async fn set_tokens(app: &TestApp) {
    let tokens = json!({ "zapi_instance_token": INSTANCE_TOKEN, "zapi_client_token": CLIENT_TOKEN });
    app.ask_expecting(Method::PUT, &format!("/clinics/{CLINIC}"), Some(&tokens), 200).await;
}

/// The patient books, asks, moves and cancels.
async fn use_the_whole_chat(app: &TestApp) {
    let mut patient = app.patient(PHONE, NAME);
    patient.books().await;
    patient.says("menu").await;
    patient.presses("faq").await;
    patient.says(WORDS).await;
    patient.sends(audio()).await;
    patient.says("menu").await;
    patient.presses("reschedule").await;
    // The first offered day is the one of the appointment, so the last one is another day.
    let mut days = patient.prompt().options;
    days.retain(|option| option.id.starts_with("newday_"));
    let day = days.pop().expect("a day").id;
    for id in [&day, "newtime_", "move_"] {
        patient.presses(id).await;
    }
    patient.says("menu").await;
    patient.says("cancelar").await;
    patient.presses("cancel_").await;
    assert_eq!(app.appointments_of(PHONE, "CANCELLED").await.len(), 1);
}

/// Reception sends valid and invalid requests with the patient's data.
async fn send_bad_requests(app: &TestApp) {
    let service = app.service_id().await;
    let appointment = |phone: &str, service: &str, time: &str| {
        json!({ "clinicId": CLINIC, "phone": phone, "name": NAME, "notes": WORDS, "serviceId": service,
            "date": "2026-02-18", "time": time })
    };
    let unknown = "00000000-0000-0000-0000-000000000000";
    for (body, expected) in [
        (appointment(PHONE, &service, "10:00"), 201),
        (appointment(PHONE, &service, "10:00"), 409),
        (appointment(PHONE, unknown, "11:00"), 404),
        (appointment(&format!("{PHONE}{PHONE}"), &service, "11:00"), 400),
        (appointment(PHONE, NAME, "11:00"), 404),
    ] {
        app.ask_expecting(Method::POST, "/appointments", Some(&body), expected).await;
    }
    let path = format!("/clinics/{CLINIC}?api_key={NAME}&phone={PHONE}");
    assert_eq!(app.ask(Method::GET, &path.replace(' ', "+"), None).await.status, 200);
    let broken = json!({ "instanceId": NAME, "phone": PHONE, "text": [WORDS] });
    assert_eq!(app.webhook(&broken).await.status, 200);
}

/// Makes PostgreSQL refuse a row. Its error quotes the whole row.
async fn violate_a_constraint(app: &TestApp) {
    let pool = &app.database.pool;
    let add = "alter table scheduler.appointments add constraint refused check (false) not valid";
    pool.execute(add).await.expect("a constraint");
    let body = json!({ "clinicId": CLINIC, "phone": PHONE, "name": NAME, "notes": WORDS,
        "serviceId": app.service_id().await, "date": "2026-02-19", "time": "10:00" });
    let response = app.ask(Method::POST, "/appointments", Some(&body)).await;
    assert!(response.status >= 500, "{}", response.body);
    let answer = response.body.to_string();
    assert!(!answer.contains(NAME) && !answer.contains(PHONE), "{answer}");
    let mut patient = app.patient(PHONE, NAME);
    patient.says("menu").await;
    patient.presses("schedule").await;
    patient.goes_to("book_").await;
    patient.presses("book_").await;
    pool.execute("alter table scheduler.appointments drop constraint refused").await.expect("no constraint");
}

/// Makes z-api answer with errors that quote the patient's data and the tokens.
async fn receive_errors_of_zapi(app: &mut TestApp) {
    let error = json!({ "error": format!("Client-Token {CLIENT_TOKEN} of {INSTANCE_TOKEN} not allowed"),
        "phone": PHONE, "name": NAME, "message": format!("{PHONE} does not exist: {WORDS}, {NAME}") });
    for answer in [
        ScriptedAnswer::respond(403, error.to_string()),
        ScriptedAnswer::respond(400, error.to_string()),
        ScriptedAnswer::respond(500, error.to_string()),
        ScriptedAnswer::respond(200, error.to_string()),
        ScriptedAnswer::respond(200, format!("no JSON: {INSTANCE_TOKEN} {PHONE} {NAME}")),
        ScriptedAnswer::reset(),
    ] {
        app.zapi.answer_endpoint("send-", answer);
        let body = app.patient(PHONE, NAME).webhook(text("menu"));
        assert_eq!(app.webhook(&body).await.status, 200);
        app.zapi.clear_scripts();
        app.advance_clock(TimeDelta::minutes(1)).await;
        app.reconcile().await;
    }
}

/// Whether a line belongs to the banner of the local server.
fn is_banner(line: &str) -> bool {
    line.is_empty() || line.starts_with("  ") || line == "Try in another terminal:"
}

#[tokio::test]
async fn no_personal_data_and_no_secret_reaches_the_log() {
    let mut app = TestApp::start().await;
    set_tokens(&app).await;
    use_the_whole_chat(&app).await;
    send_bad_requests(&app).await;
    // Only twenty messages of a patient are worked on per minute.
    app.advance_clock(TimeDelta::minutes(2)).await;
    violate_a_constraint(&app).await;
    app.advance_clock(TimeDelta::minutes(1)).await;
    app.reconcile().await;
    receive_errors_of_zapi(&mut app).await;
    assert!(app.zapi.calls().iter().any(|call| call.token == INSTANCE_TOKEN), "the token was used");
    app.restart(None).await;

    let log = app.log();
    let lines: Vec<&str> = log.lines().filter(|line| !is_banner(line)).collect();
    let mut steps = BTreeMap::<&str, usize>::new();
    for line in &lines {
        let step = line
            .strip_prefix("[traceId: ")
            .and_then(|rest| rest.split_once("] ["))
            .and_then(|(_, rest)| rest.split_once("] "));
        let (step, _) = step.unwrap_or_else(|| panic!("not a log line: {line}"));
        *steps.entry(step).or_default() += 1;
    }
    println!("{} log lines, by step: {steps:?}", lines.len());
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
