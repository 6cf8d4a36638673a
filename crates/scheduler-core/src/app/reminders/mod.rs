//! Reminders: brought after each change of a visit.

pub mod project;
