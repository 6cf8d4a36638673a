//! Use cases: what the product does with its rules and stores. No HTTP, no SQL.

pub mod appointments;
pub mod availability;
pub mod clinics;
pub mod converse;
pub mod daily_report;
pub mod notify;
mod recipient;
pub mod reconcile;
pub mod reminders;
pub mod seed;
pub mod send;
pub mod sheets;
pub mod status;
mod wordings;
