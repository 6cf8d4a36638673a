//! A clinic's Google Sheet: its columns, what was read from it, and what has to be written
//! (`docs/rules/sheet.md`).

pub mod columns;
pub mod log;
pub mod plan;
mod repair;
pub mod tab;

pub use columns::{HEADER, SheetAppointment};
