//! The messages of one turn: one message, or several texts of the patient that waited together.

use chrono::{DateTime, Utc};

use crate::domain::message::{Author, Content, IncomingMessage};

/// Messages that are read as one. Never empty.
pub(super) struct MessageBatch {
    /// Keys of the inbox entries, in the order of `messages`.
    pub(super) keys: Vec<String>,
    /// In the order in which they arrived.
    pub(super) messages: Vec<IncomingMessage>,
    /// What they say together: texts are joined by line breaks, and repetitions are left out.
    pub(super) content: Content,
    first_key: String,
    newest: IncomingMessage,
    received_at: DateTime<Utc>,
}

impl MessageBatch {
    /// `None` if there is no message.
    pub(super) fn new(keys: Vec<String>, messages: Vec<IncomingMessage>) -> Option<Self> {
        let (first_key, first, newest) = (keys.first()?.clone(), messages.first()?, messages.last()?.clone());
        let received_at = first.received_at;
        let mut lines: Vec<&str> = Vec::new();
        for message in &messages {
            if let Content::Text { text } = &message.content
                && lines.last().is_none_or(|last| !last.trim().eq_ignore_ascii_case(text.trim()))
            {
                lines.push(text);
            }
        }
        let content = match messages.as_slice() {
            [only] => only.content.clone(),
            _ => Content::Text { text: lines.join("\n") },
        };
        Some(Self { content, first_key, newest, received_at, keys, messages })
    }

    /// The key of the first entry. It stays the same if the messages are run again after a failure.
    pub(super) fn key(&self) -> &str {
        &self.first_key
    }

    /// The message that arrived last. Answers go to its address.
    pub(super) fn newest(&self) -> &IncomingMessage {
        &self.newest
    }

    /// Who wrote the messages.
    pub(super) fn author(&self) -> Author {
        self.newest.author
    }

    /// When the first message arrived.
    pub(super) fn received_at(&self) -> DateTime<Utc> {
        self.received_at
    }

    /// Number of messages.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }
}
