//! The one test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may take what it knows to be there")]

mod api;
mod conversations;
mod lambda;
mod layers;
mod local;
mod sessions;
mod zapi;
