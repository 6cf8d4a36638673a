//! The DynamoDB client of a process: retries, timeouts, TLS and credentials.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::tls;

use super::errors::store_error;
use super::waits::CountWaits;
use crate::adapters::tls::AMAZON_ROOTS;

/// Creates the client. A process uses one client for all tables.
pub(super) fn connect(endpoint: Option<String>, region: String) -> Client {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(credentials(endpoint.is_some()))
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(50))
                .with_max_backoff(Duration::from_millis(500)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(Duration::from_millis(1_500))
                .operation_timeout(Duration::from_secs(3))
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(CountWaits);
    // A custom endpoint with an `http://` URL gets a connector without TLS.
    let plain = endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let http = aws_smithy_http_client::Builder::new();
    config = match (plain, tls_context()) {
        (false, Some(context)) => config.http_client(
            http.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
                .tls_context(context)
                .build_https(),
        ),
        _ => config.http_client(http.build_http()),
    };
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}

/// Opens the connection with a cheap call. An error is only logged; the first request reports it.
pub(super) async fn warm(client: &Client, table: &str) {
    let answer = client
        .get_item()
        .table_name(table)
        .key("pk", AttributeValue::S("WARM".into()))
        .key("sk", AttributeValue::S("WARM".into()))
        .send()
        .await;
    if let Err(error) = answer {
        let error = store_error("connect to DynamoDB", error);
        tracing::warn!(
            step = "warm",
            error = &error as &dyn std::error::Error,
            "DynamoDB does not answer yet"
        );
    }
}

/// In practice never `None`: only invalid certificates could fail, and these are compiled in.
fn tls_context() -> Option<tls::TlsContext> {
    let store = tls::TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    tls::TlsContext::builder().with_trust_store(store).build().ok()
}

fn credentials(is_custom_endpoint: bool) -> SharedCredentialsProvider {
    let environment = EnvironmentVariableCredentialsProvider::new();
    if is_custom_endpoint {
        // A local DynamoDB accepts any credentials.
        let any = Credentials::new("local", "local", None, None, "local");
        let chain = CredentialsProviderChain::first_try("environment", environment).or_else("local", any);
        return SharedCredentialsProvider::new(chain);
    }
    SharedCredentialsProvider::new(environment)
}
