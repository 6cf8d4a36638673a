//! Domain types, and the rules that need neither a store nor the network.

pub mod allowed_phones;
pub mod appointment;
pub mod areas;
pub mod clinic;
pub mod clinic_profile;
pub mod date_limits;
pub mod faq;
pub mod ids;
pub mod interval;
pub mod message;
pub mod message_template;
pub mod patient;
pub mod phone;
pub mod reminder;
pub mod same_name;
pub mod send_limits;
pub mod service;
pub mod sheet;
pub mod text_direction;
pub mod text_normalize;
pub mod time;
