//! An HTTP client for tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

/// A response, and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// From sending the request to the last byte of the response.
    pub took: Duration,
}

/// A client for plain HTTP to this machine, without proxies, redirects and retries.
pub fn client() -> Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions that the provider supports")
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

/// The API key for every clinic.
pub const KEY: &str = "test-api-key";

/// Sends a request with [`KEY`]. An error means that the connection failed.
pub async fn ask(
    client: &Client,
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> Result<HttpResponse, reqwest::Error> {
    ask_with(client, Some(KEY), method, url, body).await
}

/// Sends a request with this key, or without a key.
pub async fn ask_with(
    client: &Client,
    key: Option<&str>,
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> Result<HttpResponse, reqwest::Error> {
    let started = Instant::now();
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
    Ok(HttpResponse {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        took: started.elapsed(),
    })
}

/// The fields that a 400 answer names in `errors`.
pub fn error_fields(body: &Value) -> Vec<&str> {
    body["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
}
