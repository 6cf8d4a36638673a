//! Reminders: brought after each change of a visit, sent when their time comes.

mod deliver;
mod process;
pub mod project;

pub use process::ReminderSummary;
