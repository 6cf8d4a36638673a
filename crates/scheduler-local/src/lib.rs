//! Runs the whole product on one machine, for demos, development and tests
//! (docs/rules/api.md#local-server).

mod changes;
pub mod clock;
pub mod database;
mod docs;
pub mod dynamodb;
pub mod fake_zapi;
pub mod folder;
pub mod guard;
mod local_routes;
mod page;
pub mod port;
pub mod postgres;
mod schedule;
pub mod server;
pub mod settings;
mod shutdown;
mod state;
pub mod tables;
