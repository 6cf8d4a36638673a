//! The local server when it is started, stopped, killed and started again.

mod browsers;
mod cluster;
mod expiry;
mod indexes;
mod server;
mod setup;
