//! The API: every function of the scheduler, each a thin Lambda, all of them one local server.

pub mod auth;
pub mod dispatch;
pub mod envelope;
pub mod error;
pub mod fields;
mod handlers;
pub mod jobs;
pub mod lambda;
pub mod logging;
pub mod metrics;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod request;
pub mod routes;
pub mod world;

pub use dispatch::dispatch;
pub use world::World;
