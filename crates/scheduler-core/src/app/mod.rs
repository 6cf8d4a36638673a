//! Use cases: what the product does with its rules and stores. No HTTP, no SQL.

pub mod appointments;
pub mod availability;
pub mod clinics;
pub mod converse;
pub mod notify;
pub mod reconcile;
pub mod seed;
pub mod status;
mod wordings;
