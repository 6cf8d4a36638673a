//! What pages of other servers get from the local server through a browser on its machine
//! (`docs/rules/security.md#browsers-at-the-local-server`).

use std::sync::Arc;

use reqwest::{Method, Response};
use scheduler_core::adapters::clock::SystemClock;
use scheduler_local::fake_zapi::FakeZapi;
use scheduler_local::server::Server;
use scheduler_local::settings::Settings;
use scheduler_tests::http::client;
use serde_json::{Value, json};
use tempfile::TempDir;

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=a/20260216/us-east-1/dynamodb/aws4_request, SignedHeaders=host, \
                      Signature=b";

/// Headers beside those that the request itself has.
type Headers<'a> = &'a [(&'a str, String)];

async fn start(folder: &TempDir, hosts: &[&str], origins: &[&str]) -> Server {
    let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
    let settings = Settings {
        folder: folder.path().join(".local"),
        port: 0,
        dynamodb_port: 0,
        hosts: owned(hosts),
        origins: owned(origins),
        runs_jobs: false,
        ..Settings::read(&|_| None).unwrap()
    };
    Server::start(settings).await.unwrap()
}

async fn send(method: Method, url: &str, headers: Headers<'_>, body: &Value) -> Response {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(body.to_string()).send().await.unwrap()
}

/// A message of a patient, to which the bot would reply.
async fn post_message(server: &Server, headers: Headers<'_>) -> Response {
    let hello = json!({
        "type": "ReceivedCallback", "instanceId": "instance-123", "messageId": "HELLO", "phone": "5511999990000",
        "fromMe": false, "senderName": "Maria Silva", "text": { "message": "Olá" },
    });
    send(Method::POST, &format!("{}/webhook/whatsapp", server.url), headers, &hello).await
}

/// A complete call of DynamoDB's API, as an AWS client sends it.
async fn call_dynamodb(server: &Server, operation: &str, headers: Headers<'_>, body: &Value) -> Response {
    let own = [
        ("content-type", "application/x-amz-json-1.0".to_owned()),
        ("x-amz-target", format!("DynamoDB_20120810.{operation}")),
        ("x-amz-date", "20260216T120000Z".to_owned()),
        ("authorization", SIGNED.to_owned()),
    ];
    let headers = [&own[..], headers].concat();
    send(Method::POST, server.dynamodb.as_ref().unwrap(), &headers, body).await
}

async fn tables(server: &Server) -> usize {
    let listed = call_dynamodb(server, "ListTables", &[], &json!({})).await;
    assert_eq!(listed.status(), 200);
    let listed: Value = serde_json::from_slice(&listed.bytes().await.unwrap()).unwrap();
    listed["TableNames"].as_array().unwrap().len()
}

async fn replies(server: &Server) -> usize {
    let outbox = send(Method::GET, &format!("{}/_local/outbox", server.url), &[], &Value::Null).await;
    let outbox: Value = serde_json::from_slice(&outbox.bytes().await.unwrap()).unwrap();
    outbox.as_array().unwrap().len()
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap()
}

/// Asserts that a response is a refusal that no page of another origin can read.
fn assert_refused(response: &Response, what: &str) {
    assert_eq!(response.status(), 403, "{what}");
    assert!(!response.headers().contains_key("access-control-allow-origin"), "{what}");
}

/// Headers of requests that a page of another server, or of a name that leads here, can cause.
fn foreign(port: &str) -> Vec<Vec<(&'static str, String)>> {
    let one = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let loads = |site: &str, mode: &str| {
        [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", "empty")]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec()
    };
    vec![
        one("host", "attacker.test"),
        one("host", &format!("attacker.test:{port}")),
        one("host", &format!("localhost.attacker.test:{port}")),
        one("origin", "https://attacker.test"),
        one("origin", "http://127.0.0.1:1"),
        one("origin", "http://localhost"),
        one("origin", &format!("https://127.0.0.1:{port}")),
        one("origin", "null"),
        loads("cross-site", "no-cors"),
        loads("same-site", "no-cors"),
        loads("cross-site", "cors"),
    ]
}

#[tokio::test]
async fn a_page_of_another_server_reads_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, &[], &[]).await;
    let dynamodb = server.dynamodb.clone().unwrap();
    let sessions = "clinic-scheduler-infra-local-conversation-sessions";
    for headers in foreign(port(&server.url)) {
        let what = format!("{headers:?}");
        assert_refused(&post_message(&server, &headers).await, &what);
        for (method, path) in [
            (Method::GET, "/"),
            (Method::GET, "/_local/outbox"),
            (Method::GET, "/clinics/laser-beauty-sp?api_key=test-api-key"),
            (Method::GET, "/docs"),
            (Method::GET, "/nothing"),
            (Method::PUT, "/_local/clock"),
            (Method::POST, "/_local/jobs/reconciler"),
            (Method::OPTIONS, "/clinics"),
        ] {
            let url = format!("{}{path}", server.url);
            let clock = json!({ "now": "2026-02-14T12:00:00Z" });
            assert_refused(
                &send(method.clone(), &url, &headers, &clock).await,
                &format!("{method} {path} {what}"),
            );
        }
    }
    for headers in foreign(port(&dynamodb)) {
        let what = format!("{headers:?}");
        let table = json!({ "TableName": sessions });
        for operation in ["ListTables", "Scan", "DeleteTable"] {
            assert_refused(&call_dynamodb(&server, operation, &headers, &table).await, &what);
        }
        for method in [Method::GET, Method::OPTIONS] {
            assert_refused(&send(method, &dynamodb, &headers, &Value::Null).await, &what);
        }
    }
    assert_eq!((replies(&server).await, tables(&server).await), (0, 3));
    server.stop().await;
}

#[tokio::test]
async fn the_servers_own_pages_and_other_programs_are_served() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, &[], &[]).await;
    let port = port(&server.url);
    let own = |host: &str, origin: &str| {
        vec![("host", format!("{host}:{port}")), ("origin", format!("http://{origin}:{port}"))]
    };
    for headers in [
        Vec::new(),
        vec![("host", "localhost".to_owned())],
        vec![("host", "192.168.0.7:1234".to_owned())],
        own("127.0.0.1", "127.0.0.1"),
        own("127.0.0.1", "localhost"),
        own("localhost", "[::1]"),
    ] {
        assert_eq!(post_message(&server, &headers).await.status(), 200, "{headers:?}");
    }
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
            .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(send(Method::GET, &server.url, &link, &Value::Null).await.status(), 200, "a link");
    // The API's own answer keeps its headers for browsers.
    let url = format!("{}/clinics", server.url);
    let clinics = send(Method::GET, &url, &own("127.0.0.1", "127.0.0.1"), &Value::Null).await;
    assert_eq!(clinics.status(), 401);
    assert_eq!(clinics.headers()["access-control-allow-origin"], "*");
    assert_eq!(tables(&server).await, 3);
    server.stop().await;
}

#[tokio::test]
async fn settings_let_other_names_and_origins_in() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, &["scheduler"], &["https://tool.test"]).await;
    for host in ["scheduler:9000", "SCHEDULER"] {
        let response = post_message(&server, &[("host", host.to_owned())]).await;
        assert_eq!(response.status(), 200, "{host}");
    }
    let tool = [("origin", "https://tool.test".to_owned())];
    let url = format!("{}/_local/outbox", server.url);
    let read = send(Method::GET, &url, &tool, &Value::Null).await;
    assert_eq!(read.status(), 200);
    assert_eq!(read.headers()["access-control-allow-origin"], "https://tool.test");
    let question = [
        tool[0].clone(),
        ("access-control-request-method", "POST".to_owned()),
        ("access-control-request-headers", "x-amz-target".to_owned()),
    ];
    let dynamodb = server.dynamodb.clone().unwrap();
    let allowed = send(Method::OPTIONS, &dynamodb, &question, &Value::Null).await;
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-headers"], "x-amz-target");
    let listed = call_dynamodb(&server, "ListTables", &tool, &json!({})).await;
    assert_eq!(listed.headers()["access-control-allow-origin"], "https://tool.test");
    assert_refused(
        &post_message(&server, &[("origin", "http://tool.test".to_owned())]).await,
        "another scheme",
    );
    server.stop().await;
}

#[tokio::test]
async fn the_fake_zapi_is_closed_to_pages_too() {
    let zapi = FakeZapi::start(Arc::new(SystemClock)).await.unwrap();
    let url = format!("{}/instances/i/token/t/send-text", zapi.base_url());
    let message = json!({ "phone": "5511999990000", "message": "Olá" });
    for mut headers in foreign(port(&zapi.base_url())) {
        headers.push(("content-type", "application/json".to_owned()));
        assert_refused(&send(Method::POST, &url, &headers, &message).await, &format!("{headers:?}"));
    }
    assert_eq!((zapi.outbox(None).len(), zapi.calls().len()), (0, 0));
}
