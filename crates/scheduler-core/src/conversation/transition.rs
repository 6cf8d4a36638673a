//! The conversation, in the order a patient meets it.

use super::event::{Event, Step};
use super::state::Chat;

/// What a chat becomes when something happens, and what it asks of the world. Total: an odd input
/// is an answer, never an error.
pub fn transition(_chat: Chat, _event: Event) -> Step {
    todo!()
}
