//! The whole product on one machine, for demos, development and tests.

mod changes;
pub mod clock;
pub mod database;
mod docs;
pub mod dynamodb;
pub mod folder;
mod local_routes;
mod page;
pub mod port;
pub mod postgres;
mod schedule;
pub mod server;
pub mod settings;
pub mod tables;
pub mod zapi_stand_in;
