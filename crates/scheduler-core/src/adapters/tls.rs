//! TLS configuration of the z-api, Google and SSM clients. The DynamoDB and PostgreSQL clients have their own.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Certificates of the authorities that sign every AWS endpoint (<https://www.amazontrust.com/repository/>).
/// They are compiled in, because reading the machine's certificates costs up to 48 ms of a cold start.
pub(super) const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Trusts Mozilla's root certificates, which are compiled in: reading the system's would add milliseconds to
/// every cold start (docs/rules/speed.md#size-and-start).
pub(super) fn client_config() -> Result<ClientConfig, rustls::Error> {
    trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// Trusts only the authorities that sign AWS endpoints.
pub(super) fn amazon_client_config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(AMAZON_ROOTS).flatten());
    trusting(roots)
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
