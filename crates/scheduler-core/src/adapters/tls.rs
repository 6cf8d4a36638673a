//! TLS as every client of ours but the AWS SDK's speaks it.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Mozilla's roots compiled in: reading the machine's costs some milliseconds of every cold start.
pub(super) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
