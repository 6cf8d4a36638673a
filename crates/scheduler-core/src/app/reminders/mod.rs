//! Reminders: created, reopened or cancelled ("projected") after each change of an appointment, and sent when
//! they are due.

mod catch_up;
mod deliver;
mod message;
mod process;
pub mod project;
mod run;

pub use process::ReminderSummary;
