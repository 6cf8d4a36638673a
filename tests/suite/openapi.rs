//! The OpenAPI document: committed as the code says it, and shown by the local server.

use std::path::Path;

use scheduler_api::openapi::document;
use scheduler_local::server::Server;
use scheduler_local::settings::Settings;
use scheduler_tests::http::client;
use tempfile::TempDir;

#[test]
fn the_committed_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == format!("{:#}\n", document()),
        "docs/openapi.json is stale: `cargo run -- openapi > docs/openapi.json` writes it anew"
    );
}

#[tokio::test]
async fn the_local_server_shows_the_document_and_loads_nothing_from_elsewhere() {
    let folder = TempDir::new().unwrap();
    let read = Settings::read(&|_| None).unwrap();
    let settings = Settings { folder: folder.path().join(".local"), port: 0, dynamodb_port: 0, ..read };
    let server = Server::start(settings).await.unwrap();
    let get = async |path: &str| {
        let answer = client().get(format!("{}{path}", server.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let rules = answer.headers().get("content-security-policy");
        let rules = rules.map(|rules| rules.to_str().unwrap().to_owned()).unwrap_or_default();
        (rules, answer.text().await.unwrap())
    };
    let (_, shown) = get("/openapi.json").await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document());
    let (rules, page) = get("/docs").await;
    assert!(rules.starts_with("default-src 'none';") && !rules.contains("//"), "{rules}");
    let loaded: Vec<&str> =
        page.split('"').filter(|value| value.starts_with('/') || value.contains("//")).collect();
    assert_eq!(loaded.len(), 3, "{page}");
    for path in loaded {
        get(path).await;
    }
    server.stop().await;
}
