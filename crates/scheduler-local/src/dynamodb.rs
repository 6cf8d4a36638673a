//! The embedded DynamoDB: serves DynamoDB's API over HTTP for any AWS client.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::port;

/// A running embedded DynamoDB. It stops when this is dropped; [`EmbeddedDynamoDb::stop`] also waits for
/// running requests.
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server_task: JoinHandle<Result<(), String>>,
}

/// Why the embedded DynamoDB could not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The data file could not be opened.
    #[error("the embedded DynamoDB could not open its data: {0}")]
    Data(String),
    /// No port could be bound.
    #[error("the embedded DynamoDB could not bind a port: {0}")]
    Port(#[from] std::io::Error),
}

impl EmbeddedDynamoDb {
    /// Serves the data file at `path`, or an empty database in memory, on `port` of 127.0.0.1 or the next
    /// free port.
    pub async fn start(path: Option<&Path>, port: u16) -> Result<Self, EmbeddedError> {
        let database = match path {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.map_err(|error| EmbeddedError::Data(error.to_string()))?;
        let listener: TcpListener = port::bind(Ipv4Addr::LOCALHOST, port).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let server_task = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
            let _ = stopped.await;
        }));
        Ok(Self { address, stop, server_task })
    }

    /// Endpoint URL, such as `http://127.0.0.1:8000`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops accepting requests and waits for running ones, at most 15 seconds.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(crate::shutdown::GRACE_PERIOD, self.server_task).await;
    }
}
