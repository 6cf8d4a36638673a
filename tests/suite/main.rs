//! All integration tests, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod admin;
mod admin_messages;
mod ambiguous_sends;
mod api;
mod arrival;
mod booking_chat;
mod conversations;
mod crashes;
mod dates;
mod deploy_skew;
mod functions;
mod fuzzed_webhooks;
mod growth;
mod headers;
mod lambda;
mod layers;
mod local;
mod metrics;
mod model;
mod odd_messages;
mod openapi;
mod outages;
mod overlap;
mod poison;
mod portuguese_texts;
mod privacy;
mod races;
mod recycled_number;
mod reminder_answers;
mod reminders;
mod report;
mod rules;
mod secrets;
mod sessions;
mod set_webhooks;
mod sheets;
mod unreadable_rows;
mod waits;
mod webhook_tokens;
mod write_units;
mod zapi;
