//! The service account, and the client that speaks for it.

use std::sync::Arc;
use std::time::Duration;

use google_sheets4::hyper_util::client::legacy::connect::HttpConnector;
use google_sheets4::hyper_util::client::legacy::{Builder, Client};
use google_sheets4::hyper_util::rt::{TokioExecutor, TokioTimer};
use google_sheets4::{Sheets, hyper_rustls};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::ClientConfig;
use tokio::sync::Mutex;
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::{ServiceAccountAuthenticator, ServiceAccountKey};

use super::timeout::{SheetsError, SheetsErrorKind, Watch};
use crate::adapters::tls;
use crate::config::SheetsConfig;

/// A connection that slept longer may be dead: a Lambda is frozen between its runs.
const IDLE: Duration = Duration::from_secs(5);

pub(super) type Hub = Sheets<HttpsConnector<HttpConnector>>;

/// The service account's key cannot be read, or TLS cannot be set up. Says nothing of the key.
#[derive(Debug, thiserror::Error)]
#[error("GOOGLE_SHEETS_SERVICE_ACCOUNT is no service account's key, or TLS cannot be set up")]
pub struct StartError;

/// One service account with its token, which lives as long as its client.
pub(super) struct Account {
    key: ServiceAccountKey,
    base_url: Option<String>,
    tls: ClientConfig,
    hub: Mutex<Option<Arc<Hub>>>,
}

impl Account {
    pub(super) fn new(config: &SheetsConfig) -> Result<Self, StartError> {
        let key = serde_json::from_str(config.service_account.expose()).map_err(|_| StartError)?;
        let tls = tls::client_config().map_err(|_| StartError)?;
        Ok(Self { key, base_url: config.base_url.clone(), tls, hub: Mutex::default() })
    }

    /// The client, made at the first call.
    pub(super) async fn hub(&self) -> Result<Arc<Hub>, SheetsError> {
        let mut made = self.hub.lock().await;
        if let Some(hub) = &*made {
            return Ok(hub.clone());
        }
        let tokens = CustomHyperClientBuilder::from(pool().build(self.connector()));
        let account = ServiceAccountAuthenticator::with_client(self.key.clone(), tokens).build().await;
        // The private key is read here; what was wrong with it is not for the log.
        let account = account.map_err(|_| SheetsError {
            kind: SheetsErrorKind::Later,
            detail: "the service account's private key cannot be read".to_owned(),
        })?;
        let mut hub = Sheets::new(pool().build(self.connector()), account);
        if let Some(base_url) = &self.base_url {
            hub.base_url(format!("{base_url}/"));
            hub.root_url(format!("{base_url}/"));
        }
        let hub = Arc::new(hub);
        *made = Some(hub.clone());
        Ok(hub)
    }

    fn connector(&self) -> HttpsConnector<HttpConnector> {
        HttpsConnectorBuilder::new().with_tls_config(self.tls.clone()).https_or_http().enable_http1().build()
    }

    /// What a call came to, in our words. A token that is refused is not kept.
    pub(super) async fn check<T>(
        &self,
        answered: Result<T, SheetsError>,
        watch: &Watch,
    ) -> Result<T, SheetsError> {
        let answered = answered.map_err(|error| watch.classify(error));
        if watch.status == Some(401) {
            *self.hub.lock().await = None;
        }
        answered
    }
}

fn pool() -> Builder {
    let mut pool = Client::builder(TokioExecutor::new());
    pool.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
    pool
}
