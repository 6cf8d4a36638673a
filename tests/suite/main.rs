//! The one test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may take what it knows to be there")]

mod admin;
mod admin_messages;
mod api;
mod booking_chat;
mod conversations;
mod crashes;
mod figures;
mod functions;
mod fuzzed_webhooks;
mod growth;
mod lambda;
mod layers;
mod local;
mod model;
mod openapi;
mod outages;
mod overlap;
mod privacy;
mod races;
mod reminder_answers;
mod reminders;
mod report;
mod sessions;
mod sheets;
mod skew;
mod waits;
mod zapi;
