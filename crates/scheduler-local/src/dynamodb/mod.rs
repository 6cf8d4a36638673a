//! The embedded DynamoDB: serves DynamoDB's API over HTTP for any AWS client.

mod expiry;
mod service;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use scheduler_dynamodb::{DynamoDb, ExpiringTable};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::expiry::{SweepError, Sweeper};
use crate::guard::Guard;
use crate::port;

/// A running embedded DynamoDB. It stops when this is dropped; [`EmbeddedDynamoDb::stop`] also waits for
/// running requests.
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    engine: Arc<DynamoDb>,
    stop: oneshot::Sender<()>,
    server_task: JoinHandle<io::Result<()>>,
}

/// Why the embedded DynamoDB could not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The data file could not be opened.
    #[error("the embedded DynamoDB could not open its data: {0}")]
    Data(String),
    /// No port could be bound.
    #[error("the embedded DynamoDB could not bind a port: {0}")]
    Port(#[from] io::Error),
}

impl EmbeddedDynamoDb {
    /// Serves the data file at `path`, or an empty database in memory, on `port` of 127.0.0.1 or the next
    /// free port. Pages of other servers are refused.
    pub async fn start(path: Option<&Path>, port: u16) -> Result<Self, EmbeddedError> {
        Self::start_guarded(path, port, &Guard::default()).await
    }

    /// Like [`Self::start`], with a guard that lets more in.
    pub async fn start_guarded(path: Option<&Path>, port: u16, guard: &Guard) -> Result<Self, EmbeddedError> {
        let engine = match path {
            Some(path) => DynamoDb::open(path),
            None => DynamoDb::in_memory(),
        };
        let engine = Arc::new(engine.map_err(|failure| EmbeddedError::Data(failure.cause))?);
        let listener: TcpListener = port::bind(Ipv4Addr::LOCALHOST, port).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = guard.protect(service::router(Arc::clone(&engine)));
        let server_task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Self { address, engine, stop, server_task })
    }

    /// Endpoint URL, such as `http://127.0.0.1:8000`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What deletes the expired items of `tables`.
    pub fn sweeper(&self, tables: Vec<ExpiringTable>) -> Sweeper {
        Sweeper::new(Arc::clone(&self.engine), tables)
    }

    /// Stops accepting requests and waits for running ones, at most 15 seconds.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(crate::shutdown::GRACE_PERIOD, self.server_task).await;
    }
}
