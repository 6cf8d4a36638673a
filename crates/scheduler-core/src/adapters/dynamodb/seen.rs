//! Remembers which messages of a chat were worked on: one small item per message beside the chat's, so that a
//! chat costs the same however long a person writes (docs/rules/data.md#sessions).

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put};
use chrono::{DateTime, Utc};

use super::Tables;
use super::errors::{store_error, wait_before_retry};
use super::lease::SESSION_TTL;
use super::session::{ChatKey, Item, seen_mark};
use crate::error::StoreError;

/// Items that one call may read.
const MAX_KEYS: usize = 100;

impl Tables {
    /// Which of these messages were worked on in one of these chats.
    pub async fn find_seen(&self, chats: &[&ChatKey], keys: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        const ACTION: &str = "look for messages that were seen";
        // A call that names an item twice is refused.
        let keys: BTreeSet<&str> = keys.iter().copied().collect();
        let mut left: Vec<Item> =
            chats.iter().flat_map(|chat| keys.iter().map(|key| seen_key(chat, key))).collect();
        let mut found = BTreeSet::new();
        let mut retries = 0;
        while !left.is_empty() {
            let later = left.split_off(left.len().min(MAX_KEYS));
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .projection_expression("sk")
                .consistent_read(true)
                .build()
                .map_err(|error| StoreError::internal(ACTION, error))?;
            let request = HashMap::from([(self.sessions.clone(), asked)]);
            let answer = self.client.batch_get_item().set_request_items(Some(request)).send().await;
            let answer = answer.map_err(|error| store_error(ACTION, error))?;
            let items = answer.responses.unwrap_or_default().remove(&self.sessions).unwrap_or_default();
            found.extend(items.iter().filter_map(|item| item.get("sk")?.as_s().ok().cloned()));
            let unread = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.sessions));
            left = unread.map(|unread| unread.keys).unwrap_or_default();
            if !left.is_empty() {
                if !wait_before_retry(retries).await {
                    return Err(StoreError::unavailable(ACTION, "DynamoDB did not read all keys"));
                }
                retries += 1;
            }
            left.extend(later);
        }
        let is_seen = |key: &&str| found.contains(&sort_key(key));
        Ok(keys.into_iter().filter(is_seen).map(str::to_owned).collect())
    }

    pub(super) fn put_seen(&self, chat: &ChatKey, key: &str, now: DateTime<Utc>) -> Result<Put, StoreError> {
        let ttl = (now + SESSION_TTL).timestamp().to_string();
        let mut item = seen_key(chat, key);
        item.insert("ttl".into(), AttributeValue::N(ttl));
        Put::builder()
            .table_name(&self.sessions)
            .set_item(Some(item))
            .build()
            .map_err(|error| StoreError::internal("mark a message as seen", error))
    }
}

fn seen_key(chat: &ChatKey, key: &str) -> Item {
    Item::from([
        ("pk".to_owned(), AttributeValue::S(chat.pk())),
        ("sk".to_owned(), AttributeValue::S(sort_key(key))),
    ])
}

fn sort_key(key: &str) -> String {
    format!("SEEN#{}", seen_mark(key))
}
