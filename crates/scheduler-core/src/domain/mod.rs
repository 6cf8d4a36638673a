//! The clinic's words and the rules that hold without any store: pure data.

pub mod appointment;
pub mod areas;
pub mod clinic;
pub mod fold;
pub mod ids;
pub mod message;
pub mod patient;
pub mod phone;
pub mod reminder;
pub mod report;
pub mod service;
pub mod sheet;
pub mod time;
pub mod wording;
