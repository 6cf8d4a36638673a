//! Reminders: brought after each change of a visit, sent when their time comes.

mod deliver;
mod process;
pub mod project;
mod record;

pub use process::ReminderSummary;
