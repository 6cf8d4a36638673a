//! The local server as its operator meets it: started, stopped, killed, started again.

mod cluster;
mod server;
