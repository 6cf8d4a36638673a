//! The OpenAPI document that is committed.

use std::path::Path;

use scheduler_api::openapi::document;

#[test]
fn the_committed_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == format!("{:#}\n", document()),
        "docs/openapi.json is stale: `cargo run -- openapi > docs/openapi.json` writes it anew"
    );
}
