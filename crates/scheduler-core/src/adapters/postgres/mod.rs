//! Appointments and everything reception edits, in PostgreSQL. Every statement names the clinic.

pub mod appointments;
pub mod availability;
pub mod clinics;
pub mod connection;
pub mod faq;
pub mod patients;
pub mod services;
pub mod setup;

pub use connection::Db;
