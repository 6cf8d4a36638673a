//! Adapters to everything outside the process: PostgreSQL, DynamoDB, z-api, Google Sheets, the clock.

pub mod clock;
pub mod dynamodb;
pub mod postgres;
pub mod sheets;
mod tls;
pub mod zapi;
