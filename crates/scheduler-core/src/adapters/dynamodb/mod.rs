//! The DynamoDB tables: chat sessions, waiting webhooks, message history, reminders, leases of sheets and
//! reports.

mod client;
pub mod due;
mod errors;
pub mod events;
pub mod instance_inbox;
pub mod lease;
pub mod reminder_queue;
pub mod reminders;
mod repair;
pub mod report;
pub mod save;
pub mod seen;
pub mod send_count;
pub mod session;
pub mod sheets;
mod tables;
mod waits;

pub use tables::Tables;
