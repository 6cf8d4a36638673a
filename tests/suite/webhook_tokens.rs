//! Which calls of the webhooks are accepted (docs/rules/api.md#webhooks).

use http::{Request, StatusCode};
use scheduler_api::auth::WebhookToken;
use scheduler_api::context::Context;
use scheduler_api::routes::{WHATSAPP_STATUS_WEBHOOK, WHATSAPP_WEBHOOK};
use scheduler_api::{Contexts, dispatch};
use scheduler_core::domain::clinic::Secret;
use scheduler_core::webhook_url::{WEBHOOK_PATH, WebhookMasters};
use scheduler_tests::messages::INSTANCE;
use scheduler_tests::{Protocol, Proxy, TestApp, TestConfig, contexts_with_database, database, text};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const MARIA: &str = "5511999990000";
const MASTER: &str = "the-master";
const NO_DATABASE: &str = "postgres://nobody:nothing@127.0.0.1:9/none";
/// As many calls at once as could use up the database's connections.
const CALLS: usize = 200;

/// Functions whose webhooks need a token made from one of `masters`.
fn contexts(database_url: &str, masters: &str) -> Contexts {
    let masters = WebhookMasters::parse(masters).unwrap();
    let token = WebhookToken::Required { masters, accepts_master: false };
    contexts_with_database(database_url, Vec::new(), token)
}

fn token_of(master: &str, instance: &str) -> String {
    WebhookMasters::new(Secret::new(master)).token_of(instance).expose().to_owned()
}

async fn post(contexts: &Contexts, path: &str, token: &str, body: &[u8]) -> (StatusCode, Value) {
    let request = Request::post(format!("{path}?token={token}")).body(body.to_vec()).unwrap();
    let response = dispatch(contexts, request).await;
    (response.status(), serde_json::from_str(response.body()).unwrap())
}

/// An event that needs PostgreSQL alone: the clinic's phone was connected.
fn connected(instance: &str) -> Vec<u8> {
    json!({ "type": "ConnectedCallback", "instanceId": instance }).to_string().into_bytes()
}

#[test]
fn the_path_in_the_urls_is_the_one_of_the_route() {
    assert_eq!(WHATSAPP_WEBHOOK.path, WEBHOOK_PATH);
}

#[tokio::test]
async fn a_webhook_with_another_instances_token_is_refused_and_not_stored() {
    let app = TestApp::with(TestConfig { webhook_token: Some(MASTER), ..TestConfig::default() }).await;
    let maria = app.patient(MARIA, "Maria Silva");
    let body = maria.webhook(text("Olá"));
    let own = token_of(MASTER, INSTANCE);
    for token in [
        token_of(MASTER, "instance-124"),
        token_of("another-master", INSTANCE),
        own.to_uppercase(),
        own[..63].to_owned(),
        format!("{own}0"),
        MASTER.to_owned(),
        String::new(),
    ] {
        for path in [WHATSAPP_WEBHOOK.path, WHATSAPP_STATUS_WEBHOOK.path] {
            let path = format!("{path}?token={token}");
            let response = app.ask(reqwest::Method::POST, &path, Some(&body)).await;
            assert_eq!(response.status, 401, "{path}: {}", response.body);
        }
    }
    assert_eq!(app.ask(reqwest::Method::POST, WHATSAPP_WEBHOOK.path, Some(&body)).await.status, 401);
    let chat = app.chat(MARIA).await;
    assert_eq!((&chat["session"], &chat["events"]), (&Value::Null, &json!([])));
    assert!(maria.outbox().is_empty());

    assert_eq!(app.webhook(&body).await.status, 200);
    assert!(!maria.outbox().is_empty());
}

#[tokio::test]
async fn a_body_whose_instance_cannot_be_read_is_refused() {
    let contexts = contexts(NO_DATABASE, MASTER);
    let (_, without_token) = post(&contexts, WEBHOOK_PATH, "", &connected(INSTANCE)).await;
    let oversized = json!({ "instanceId": INSTANCE, "text": "x".repeat(1 << 20) }).to_string();
    for body in [
        "",
        "no JSON",
        "null",
        "[]",
        "{}",
        r#"{"instanceId":null}"#,
        r#"{"instanceId":" "}"#,
        r#"{"instanceId":{"id":"instance-123"}}"#,
        r#"{"data":{"instanceId":"instance-123"}}"#,
        oversized.as_str(),
    ] {
        for instance in [INSTANCE, "", " ", "null"] {
            let answer = post(&contexts, WEBHOOK_PATH, &token_of(MASTER, instance), body.as_bytes()).await;
            let shown = &body[..body.len().min(50)];
            assert_eq!(answer, (StatusCode::UNAUTHORIZED, without_token.clone()), "{shown}");
        }
    }
    // The webhook finds no database, but has accepted the token.
    let right = post(&contexts, WEBHOOK_PATH, &token_of(MASTER, INSTANCE), &connected(INSTANCE)).await;
    assert_eq!(right.0, StatusCode::OK, "{}", right.1);
}

#[tokio::test]
async fn during_a_rotation_the_tokens_of_both_masters_are_accepted() {
    let contexts = contexts(NO_DATABASE, "new-master, the-master");
    for (master, expected) in
        [("new-master", StatusCode::OK), (MASTER, StatusCode::OK), ("third-master", StatusCode::UNAUTHORIZED)]
    {
        let token = token_of(master, INSTANCE);
        let (status, answer) = post(&contexts, WEBHOOK_PATH, &token, &connected(INSTANCE)).await;
        assert_eq!(status, expected, "{master}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_the_right_token_open_no_connection_to_postgresql() {
    let database = database().await;
    let postgres = Proxy::start(database.address(), Protocol::Postgres).await;
    let url = database.url_via(postgres.address());
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        // On AWS each of the calls at the same time starts a function of its own.
        let contexts = contexts(&url, MASTER);
        calls.spawn(async move {
            contexts.webhook.warm_up().await;
            let token = if number % 2 == 0 { String::new() } else { token_of(MASTER, "instance-124") };
            post(&contexts, WEBHOOK_PATH, &token, &connected(INSTANCE)).await.0
        });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses, [StatusCode::UNAUTHORIZED; CALLS]);
    assert_eq!(postgres.take_traffic().connections, 0);

    let contexts = contexts(&url, MASTER);
    let (status, answer) =
        post(&contexts, WEBHOOK_PATH, &token_of(MASTER, INSTANCE), &connected(INSTANCE)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(postgres.take_traffic().connections, 1);
}
