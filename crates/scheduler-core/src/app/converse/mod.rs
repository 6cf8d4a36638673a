//! Runs a chat: stores the message, takes the lease, runs effects, commits, sends replies, releases the
//! lease (docs/rules/conversation.md#one-chat-one-worker).

mod abandon;
mod batch;
mod echo;
mod effects;
mod history;
mod identity;
mod lid;
mod process_message;
pub mod receive;
mod reminder_answer;
mod send_replies;
pub(super) mod worker;
