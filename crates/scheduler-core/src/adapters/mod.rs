//! The world: databases, WhatsApp, the clock.

pub mod clock;
pub mod dynamodb;
pub mod postgres;
pub mod sheets;
mod tls;
pub mod zapi;
