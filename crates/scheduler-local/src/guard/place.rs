//! Host and port of a server, as `Host` and an origin name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::uri::Authority;

/// The port of `http://` without a port.
const DEFAULT_PORT: u16 = 80;

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    port: u16,
}

/// An address, or a name that DNS resolves.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    /// In lower case.
    Name(String),
}

impl Place {
    /// Reads `host` or `host:port`; an IPv6 address is in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let name = authority.host();
        // Fails for a user name before the host.
        let port: u16 = match authority.as_str().strip_prefix(name)? {
            "" => DEFAULT_PORT,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let host = match bare.parse::<IpAddr>() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(name.to_ascii_lowercase()),
        };
        Some(Self { host, port })
    }

    /// The names that every machine has for itself are one server, if the port is the same.
    pub(super) fn is_same_server(&self, other: &Self) -> bool {
        self.port == other.port
            && (self.host == other.host || self.host.is_this_machine() && other.host.is_this_machine())
    }
}

impl Host {
    fn is_this_machine(&self) -> bool {
        match self {
            Self::Address(address) => {
                *address == IpAddr::V4(Ipv4Addr::LOCALHOST) || *address == IpAddr::V6(Ipv6Addr::LOCALHOST)
            }
            Self::Name(name) => name == "localhost",
        }
    }
}
