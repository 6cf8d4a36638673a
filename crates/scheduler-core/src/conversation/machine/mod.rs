//! The state machine: states, events, effects, and the transition between them.

mod actions;
mod before_question;
pub mod event;
mod reminder_answer;
pub mod state;
mod step;
pub mod transition;
mod verify_name;
