//! The PostgreSQL store: clinics, patients, appointments and everything else that reception edits. Every
//! statement on behalf of a clinic has the clinic as a condition (docs/rules/security.md#tenancy).

pub mod appointments;
pub mod calendar;
pub mod clinics;
pub mod confirmation;
pub mod connection;
pub mod exceptions;
pub mod faq;
mod login;
mod options;
pub mod patients;
pub mod professionals;
mod profile_cache;
pub mod profiles;
mod readable;
pub mod reminders;
pub mod report;
pub mod rules;
pub mod services;
pub mod setup;
pub mod sheets;
pub mod templates;

pub use connection::Db;
