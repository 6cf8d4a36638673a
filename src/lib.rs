//! The API: every function of the scheduler. Each is a thin Lambda; the local server runs all of them.

pub mod auth;
pub mod context;
#[cfg(feature = "openapi")]
mod description;
pub mod dispatch;
pub mod envelope;
pub mod error;
pub mod fields;
mod handlers;
pub mod job;
pub mod jobs;
mod json_repair;
mod kebab;
pub mod lambda;
pub mod live_context;
pub mod logging;
pub mod metrics;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod request;
mod response;
pub mod route;
pub mod routes;
pub mod secrets;

pub use context::all::Contexts;
pub use dispatch::dispatch;
