//! Ports that may be taken already.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

/// How many ports after the wanted one are tried.
const TRIED: u16 = 100;

/// Listens on `wanted`, or the next free port after it; 0 is any.
pub async fn bind(host: impl Into<IpAddr>, wanted: u16) -> io::Result<TcpListener> {
    let host = host.into();
    let mut port = wanted;
    loop {
        match TcpListener::bind(SocketAddr::new(host, port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port.saturating_sub(wanted) < TRIED => {
                port = port.checked_add(1).ok_or(error)?;
            }
            bound => return bound,
        }
    }
}
