//! The local server: everything on one machine, with a PostgreSQL and a DynamoDB of its own.

pub mod folder;
pub mod postgres;
pub mod zapi_stand_in;
