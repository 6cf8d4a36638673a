//! The conversation as one pure function: a chat and what happened give the next chat and what to do.

pub mod answer;
pub mod copy;
pub mod event;
pub mod press;
pub mod question;
mod reminder;
pub mod state;
pub mod transition;
mod turn;
pub mod when;
pub mod wording;
pub mod words;
