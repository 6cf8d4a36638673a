//! The service account and its client of the Google Sheets API.

use std::sync::Arc;
use std::time::Duration;

use google_sheets4::hyper_util::client::legacy::connect::HttpConnector;
use google_sheets4::hyper_util::client::legacy::{Builder, Client};
use google_sheets4::hyper_util::rt::{TokioExecutor, TokioTimer};
use google_sheets4::{Sheets, hyper_rustls};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, SignatureScheme};
use tokio::sync::Mutex;
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::{ServiceAccountAuthenticator, ServiceAccountKey};

use super::timeout::{SheetsError, SheetsErrorKind, StatusRecorder};
use crate::adapters::tls;
use crate::config::SheetsConfig;

/// How long an idle connection is kept. A Lambda is frozen between its runs, so a connection that was idle
/// for longer may be dead.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) type Hub = Sheets<HttpsConnector<HttpConnector>>;

/// The service account's key cannot be parsed, or TLS cannot be set up. Contains no part of the key.
#[derive(Debug, thiserror::Error)]
#[error("GOOGLE_SHEETS_SERVICE_ACCOUNT is not a service account's key, or TLS could not be set up")]
pub struct SheetsConfigError;

/// A service account. Its client keeps the token, so a new client requests a new token.
pub(super) struct Account {
    key: ServiceAccountKey,
    base_url: Option<String>,
    tls: ClientConfig,
    hub: Mutex<Option<Arc<Hub>>>,
}

impl Account {
    pub(super) fn new(config: &SheetsConfig) -> Result<Self, SheetsConfigError> {
        let key: ServiceAccountKey =
            serde_json::from_str(config.service_account.expose()).map_err(|_| SheetsConfigError)?;
        check_private_key(&key.private_key)?;
        let tls = tls::client_config().map_err(|_| SheetsConfigError)?;
        Ok(Self { key, base_url: config.base_url.clone(), tls, hub: Mutex::default() })
    }

    /// The client, created with the first call.
    pub(super) async fn hub(&self) -> Result<Arc<Hub>, SheetsError> {
        let mut client = self.hub.lock().await;
        if let Some(hub) = &*client {
            return Ok(hub.clone());
        }
        let tokens = CustomHyperClientBuilder::from(client_builder().build(self.connector()));
        let account = ServiceAccountAuthenticator::with_client(self.key.clone(), tokens).build().await;
        // The error is dropped, because it may quote the key, which was checked at the start.
        let account = account
            .map_err(|_| SheetsError::new(SheetsErrorKind::Later, "the service account's client failed"))?;
        let mut hub = Sheets::new(client_builder().build(self.connector()), account);
        if let Some(base_url) = &self.base_url {
            hub.base_url(format!("{base_url}/"));
            hub.root_url(format!("{base_url}/"));
        }
        let hub = Arc::new(hub);
        *client = Some(hub.clone());
        Ok(hub)
    }

    fn connector(&self) -> HttpsConnector<HttpConnector> {
        HttpsConnectorBuilder::new().with_tls_config(self.tls.clone()).https_or_http().enable_http1().build()
    }

    /// Classifies the error of a call. Drops the client, and with it the token, if Google refused the token.
    pub(super) async fn check<T>(
        &self,
        answered: Result<T, SheetsError>,
        recorder: &StatusRecorder,
    ) -> Result<T, SheetsError> {
        let answered = answered.map_err(|error| recorder.classify(error));
        if recorder.status == Some(401) {
            *self.hub.lock().await = None;
        }
        answered
    }
}

/// The private key is used with the first call only. One that cannot be used would fail every call.
fn check_private_key(pem: &str) -> Result<(), SheetsConfigError> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| SheetsConfigError)?;
    let key = any_supported_type(&key).map_err(|_| SheetsConfigError)?;
    key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).map(drop).ok_or(SheetsConfigError)
}

fn client_builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT);
    builder
}
