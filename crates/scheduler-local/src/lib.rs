//! x

pub mod zapi_stand_in;
