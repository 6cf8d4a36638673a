//! The test's service account and Google's token endpoint
//! (<https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Shared;

const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";
const EMAIL: &str = "test@test-project.iam.gserviceaccount.com";
const HOUR: i64 = 3_600;

/// The account's key. It is generated once per test process, because that takes a while.
pub(super) fn key() -> &'static RsaKeyPair {
    static KEY: OnceLock<RsaKeyPair> = OnceLock::new();
    KEY.get_or_init(new_key)
}

/// A new key, which Google does not know.
pub(super) fn new_key() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")
}

/// The JSON key file that Google's console offers for download.
pub(super) fn service_account(key: &RsaKeyPair, token_uri: &str) -> String {
    let der: Pkcs8V1Der<'_> = key.as_der().expect("a key");
    let base64 = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64")).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    json!({
        "type": "service_account",
        "project_id": "test-project",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": token_uri,
    })
    .to_string()
}

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let bearer =
        form.get("grant_type").is_some_and(|kind| kind == "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = form.get("assertion").and_then(|jwt| claims(jwt));
    let mut state = shared.state();
    if !bearer || !claims.is_some_and(|claims| are_valid(&claims, &shared.token_uri)) {
        state.refused_assertions += 1;
        let error = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    state.issued_tokens += 1;
    let token = format!("token-{}", state.issued_tokens);
    Json(json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})).into_response()
}

fn are_valid(claims: &Value, token_uri: &str) -> bool {
    let lifetime = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
    claims["iss"] == EMAIL
        && claims["aud"] == token_uri
        && claims["scope"].as_str().is_some_and(|scopes| scopes.split(' ').any(|scope| scope == SCOPE))
        && lifetime.is_some_and(|seconds| (1..=HOUR).contains(&seconds))
}

/// The claims of an assertion, if the account's key signed it.
fn claims(jwt: &str) -> Option<Value> {
    let (signed, signature) = jwt.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
    let header: Value = serde_json::from_slice(&decoded(header)?).ok()?;
    (header["alg"] == "RS256").then_some(())?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key().public_key().as_ref())
        .verify(signed.as_bytes(), &decoded(signature)?)
        .ok()?;
    serde_json::from_slice(&decoded(claims)?).ok()
}
