//! The chat that a person had under their lid before their phone was known.

use crate::adapters::dynamodb::session::{ChatKey, Session};
use crate::app::chats::Chats;
use crate::domain::phone::Address;

/// The key of that chat, if the message comes from a phone and carries a lid.
pub(super) fn lid_chat(key: &ChatKey, lid: Option<&str>) -> Option<ChatKey> {
    let person = Address(lid?.to_owned()).match_key()?;
    (person != key.person).then(|| ChatKey { clinic: key.clinic.clone(), person })
}

/// Reads that chat. A failure is only logged: the next message tries again.
pub(super) async fn read_lid(chats: &Chats, lid: Option<ChatKey>) -> Option<(ChatKey, Option<Session>)> {
    let key = lid?;
    match chats.tables.find_session(&key).await {
        Ok(session) => Some((key, session)),
        Err(error) => {
            tracing::warn!(
                step = "converse",
                error = &error as &dyn std::error::Error,
                "the lid's chat could not be read"
            );
            None
        }
    }
}
