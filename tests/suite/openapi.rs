//! The OpenAPI document: the committed file is current, and the local server shows it.

use std::path::Path;

use scheduler_api::openapi::document;
use scheduler_local::server::Server;
use scheduler_local::settings::Settings;
use scheduler_tests::http::client;
use tempfile::TempDir;

#[test]
fn the_committed_document_matches_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == format!("{:#}\n", document()),
        "docs/openapi.json is stale: run `cargo run -- openapi > docs/openapi.json`"
    );
}

#[tokio::test]
async fn the_local_server_shows_the_document_and_loads_nothing_from_other_hosts() {
    let folder = TempDir::new().unwrap();
    let read = Settings::read(&|_| None).unwrap();
    let settings = Settings { folder: folder.path().join(".local"), port: 0, dynamodb_port: 0, ..read };
    let server = Server::start(settings).await.unwrap();
    let get = async |path: &str| {
        let response = client().get(format!("{}{path}", server.url)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers().get("content-security-policy");
        let policy = policy.map(|policy| policy.to_str().unwrap().to_owned()).unwrap_or_default();
        (policy, response.text().await.unwrap())
    };
    let (_, shown) = get("/openapi.json").await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document());
    let (policy, page) = get("/docs").await;
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("//"), "{policy}");
    let loaded: Vec<&str> =
        page.split('"').filter(|value| value.starts_with('/') || value.contains("//")).collect();
    assert_eq!(loaded.len(), 3, "{page}");
    for path in loaded {
        get(path).await;
    }
    server.stop().await;
}
