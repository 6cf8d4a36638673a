//! Binds a TCP port, or the next free one if it is taken.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

/// Maximum number of ports tried after the wanted one.
const MAX_PORTS_TRIED: u16 = 100;

/// Listens on `wanted` or the next free port after it. 0 means any free port.
pub async fn bind(host: impl Into<IpAddr>, wanted: u16) -> io::Result<TcpListener> {
    let host = host.into();
    let mut port = wanted;
    loop {
        match TcpListener::bind(SocketAddr::new(host, port)).await {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && port.saturating_sub(wanted) < MAX_PORTS_TRIED =>
            {
                port = port.checked_add(1).ok_or(error)?;
            }
            bound => return bound,
        }
    }
}
