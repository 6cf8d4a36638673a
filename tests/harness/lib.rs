//! Shared test harness: databases, fake z-api and Google servers, proxies, the running app, and patients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test harness may panic"
)]

pub mod clock;
pub mod contexts;
pub mod database;
pub mod faulty_dynamodb;
pub mod function;
pub mod google;
pub mod http;
pub mod messages;
pub mod paths;
pub mod patient;
pub mod process;
pub mod proxy;
mod relay;
pub mod runtime_api;
pub mod ssm;
pub mod tables;
pub mod test_app;
pub mod wire;
pub mod write_units;

pub use clock::TestClock;
pub use contexts::contexts_with_database;
pub use database::{TestDatabase, database};
pub use faulty_dynamodb::{Fault, FaultyDynamoDb};
pub use messages::{audio, button, echo, received, row, staff, text};
pub use paths::fill_placeholders;
pub use patient::{BOOKING_STEPS, Patient};
pub use process::Process;
pub use proxy::{Proxy, ProxyMode, sequential_waits};
pub use ssm::{FakeSsm, SsmFault};
pub use test_app::{CLINIC, TestApp, TestConfig, wait_until};
pub use wire::Protocol;
pub use write_units::{WriteUnitCounter, WriteUnits};
