//! Use cases: what the product does with its rules and stores. No HTTP, no SQL.

pub mod appointments;
pub mod availability;
pub mod chats;
mod clinic_wording;
pub mod clinics;
pub mod converse;
pub mod daily_report;
mod deliver;
mod fair_run;
mod history;
pub mod notify_change;
mod recipient;
pub mod reconcile;
pub mod reminders;
pub mod seed;
mod send_limit;
pub mod send_message;
mod settle;
pub mod sheets;
pub mod status;
pub mod webhook_urls;
