//! What the tests stand on: databases, a z-api, proxies, the product as a process, and patients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "what a test stands on may take what it knows to be there"
)]

pub mod clock;
pub mod http;
pub mod messages;
pub mod process;
pub mod proxy;
pub mod runtime_api;
pub mod wire;

pub use clock::TestClock;
pub use messages::{audio, button, echo, received, row, staff, text};
pub use process::Process;
pub use proxy::{Manner, Proxy, waits_in_a_row};
pub use wire::Speaks;
