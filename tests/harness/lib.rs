//! What the tests stand on: databases, a z-api, proxies, the product as a process, and patients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "what a test stands on may take what it knows to be there"
)]

pub mod bad_dynamodb;
pub mod clock;
pub mod database;
pub mod function;
pub mod google;
pub mod http;
pub mod messages;
pub mod paths;
pub mod patient;
pub mod process;
pub mod product;
pub mod proxy;
pub mod runtime_api;
pub mod wire;

pub use bad_dynamodb::{BadDynamoDb, Fault};
pub use clock::TestClock;
pub use database::{TestDatabase, database};
pub use messages::{audio, button, echo, received, row, staff, text};
pub use paths::filled;
pub use patient::Patient;
pub use process::Process;
pub use product::{CLINIC, Product, Setting, until};
pub use proxy::{Manner, Proxy, waits_in_a_row};
pub use wire::Speaks;
