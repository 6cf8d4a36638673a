//! What the bot says: the default wording, and how a saying becomes a message.

use super::event::Saying;
use crate::domain::clinic::Clinic;
use crate::domain::message::{Choice, OutgoingMessage};

/// A clinic's own wording, by template key.
pub trait OwnWordings {
    /// The clinic's text, with placeholders.
    fn text(&self, key: &str) -> Option<&str>;
    /// The clinic's labels by option id.
    fn labels(&self, key: &str) -> &[Choice];
}

/// The messages of one turn: at most two, an answer and a question. What comes before the last
/// saying goes out as one message.
pub fn render_turn(_sayings: &[Saying], _clinic: &Clinic, _own: &dyn OwnWordings) -> Vec<OutgoingMessage> {
    todo!()
}

/// One saying as a message.
pub fn render(_saying: &Saying, _clinic: &Clinic, _own: &dyn OwnWordings) -> OutgoingMessage {
    todo!()
}
