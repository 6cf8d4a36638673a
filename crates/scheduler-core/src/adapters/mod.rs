//! Adapters to everything outside the process: PostgreSQL, DynamoDB, z-api, Google Sheets, SSM, the clock.

pub mod clock;
pub mod dynamodb;
pub mod postgres;
pub mod sheets;
pub mod ssm;
mod tls;
pub mod zapi;
