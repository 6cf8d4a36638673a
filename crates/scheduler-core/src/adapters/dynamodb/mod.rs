//! Sessions with their inbox and lease, instance inboxes, the history of messages and the reminders,
//! in DynamoDB.

mod client;
pub mod due;
mod errors;
pub mod events;
pub mod instance_inbox;
pub mod lease;
pub mod reminder_queue;
pub mod reminders;
pub mod report;
pub mod save;
pub mod session;
pub mod sheets;
mod tables;
mod waits;

pub use tables::Tables;
