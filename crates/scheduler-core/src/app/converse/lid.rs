//! Finds the chat that a person had under their lid (WhatsApp's id without a phone) before their phone
//! was known (docs/rules/data.md#phones).

use crate::adapters::dynamodb::session::{ChatKey, Session};
use crate::app::chats::Chats;
use crate::domain::phone::Address;

/// Key of the lid's chat. `None` if the message has no lid, or if `key` already is the lid's chat.
pub(super) fn lid_chat_key(key: &ChatKey, lid: Option<&str>) -> Option<ChatKey> {
    let person = Address(lid?.to_owned()).match_key()?;
    (person != key.person).then(|| ChatKey { clinic: key.clinic.clone(), person })
}

/// Reads the lid's chat. A failure is only logged, because the next message tries again.
pub(super) async fn read_lid_chat(chats: &Chats, lid: Option<ChatKey>) -> Option<(ChatKey, Option<Session>)> {
    let key = lid?;
    match chats.tables.find_session(&key).await {
        Ok(session) => Some((key, session)),
        Err(error) => {
            tracing::warn!(
                step = "converse",
                error = &error as &dyn std::error::Error,
                "could not read the chat of a lid"
            );
            None
        }
    }
}
