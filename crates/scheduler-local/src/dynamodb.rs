//! A DynamoDB of one's own, embedded: an ordinary endpoint for any AWS client.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::port;

/// A running DynamoDB. It ends with [`EmbeddedDynamoDb::stop`], or with the process.
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), String>>,
}

/// It could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The data cannot be used.
    #[error("the embedded DynamoDB cannot use its data: {0}")]
    Data(String),
    /// No port is free.
    #[error("no port for the embedded DynamoDB: {0}")]
    Port(#[from] std::io::Error),
}

impl EmbeddedDynamoDb {
    /// Serves the data in `path` (in memory without) on `port`, or the next free one.
    pub async fn start(path: Option<&Path>, port: u16) -> Result<Self, EmbeddedError> {
        let database = match path {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.map_err(|error| EmbeddedError::Data(error.to_string()))?;
        let listener: TcpListener = port::bind(Ipv4Addr::LOCALHOST, port).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
            let _ = stopped.await;
        }));
        Ok(Self { address, stop, served })
    }

    /// Such as `http://127.0.0.1:8000`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port of 127.0.0.1 where it answers.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets running requests finish, for a moment.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(crate::shutdown::GRACE, self.served).await;
    }
}
