//! TLS configuration of the z-api and Google clients. The DynamoDB and PostgreSQL clients have their own.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Trusts Mozilla's root certificates, which are compiled in: reading the system's would add milliseconds to
/// every cold start (docs/rules/speed.md#size-and-start).
pub(super) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
