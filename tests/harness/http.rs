//! An HTTP client for tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

/// An answer, and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its body; null where it is no JSON.
    pub body: Value,
    /// From the request to the whole answer.
    pub took: Duration,
}

/// Talks plain HTTP to this machine.
pub fn client() -> Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's own versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

/// The key to every clinic.
pub const KEY: &str = "test-api-key";

/// One request with [`KEY`]; an error means that the connection broke.
pub async fn ask(
    client: &Client,
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> Result<Answered, reqwest::Error> {
    ask_with(client, Some(KEY), method, url, body).await
}

/// One request with this key, or with none.
pub async fn ask_with(
    client: &Client,
    key: Option<&str>,
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> Result<Answered, reqwest::Error> {
    let asked = Instant::now();
    let mut request = client.request(method, url);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await?;
    Ok(Answered { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), took: asked.elapsed() })
}
