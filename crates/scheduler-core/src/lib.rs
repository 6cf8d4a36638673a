//! The core of the WhatsApp scheduler: domain, free slots, conversation, use cases, and the adapters to
//! PostgreSQL, DynamoDB, z-api (the WhatsApp provider) and Google Sheets.

pub mod adapters;
pub mod app;
pub mod availability;
pub mod call_stats;
pub mod config;
pub mod conversation;
pub mod digest;
pub mod domain;
pub mod error;
pub mod failpoints;
pub mod ports;
pub mod webhook_url;
