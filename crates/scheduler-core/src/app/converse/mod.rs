//! Runs a chat: stores what came in, takes the lease, performs effects, commits, sends, releases.

mod echo;
mod effects;
mod history;
mod lid;
mod process_message;
pub mod receive;
mod reminder_answer;
mod send_replies;
pub(super) mod worker;
