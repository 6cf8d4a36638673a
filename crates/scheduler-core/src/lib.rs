//! What the scheduler is: its words, its rules, its conversation, and the stores it keeps them in.

pub mod adapters;
pub mod app;
pub mod availability;
pub mod call_stats;
pub mod config;
pub mod conversation;
pub mod digest;
pub mod domain;
pub mod error;
pub mod failpoints;
pub mod ports;
