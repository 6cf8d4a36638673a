//! The API: every function of the scheduler, each a thin Lambda, and all of them in one local server.

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
mod kebab;
pub mod lambda;
pub mod logging;
pub mod metrics;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod request;
mod response;
pub mod route;
pub mod routes;

pub use context::Contexts;
pub use dispatch::dispatch;
