//! What the Reconciler has to take up, oldest first, and what a person's chat looks like.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::Tables;
use super::errors::store_error;
use super::instance_inbox::WaitingWebhook;
use super::lease::SHARDS;
use super::session::{ChatKey, Item, SESSION, instant};
use crate::domain::ids::ClinicId;
use crate::domain::phone::MatchKey;
use crate::error::StoreError;

/// Work that somebody left behind.
#[derive(Debug, Clone, Default)]
pub struct DueWork {
    /// Chats whose lease ran out.
    pub chats: Vec<ChatKey>,
    /// Webhooks that wait for their clinic.
    pub webhooks: Vec<WaitingWebhook>,
    /// Since when the oldest of it is due.
    pub oldest: Option<DateTime<Utc>>,
}

/// A chat for whoever looks at it.
#[derive(Debug, Clone, Serialize)]
pub struct ChatView {
    /// The session's item, if there is one.
    pub session: Option<Value>,
    /// The history, oldest first.
    pub events: Vec<Value>,
    /// The person's reminders, by their time.
    pub reminders: Vec<Value>,
}

impl Tables {
    /// What is due now, at most `limit` of each shard.
    pub async fn list_due(&self, now: DateTime<Utc>, limit: i32) -> Result<DueWork, StoreError> {
        let mut shards = tokio::task::JoinSet::new();
        for shard in 0..SHARDS {
            let query = self
                .client
                .query()
                .table_name(&self.sessions)
                .index_name("due-index")
                .key_condition_expression("dueShard = :shard AND dueAt <= :now")
                .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
                .expression_attribute_values(":now", AttributeValue::S(instant(now)))
                .limit(limit);
            shards.spawn(query.send());
        }
        let mut items: Vec<Item> = Vec::new();
        while let Some(shard) = shards.join_next().await {
            let page = shard
                .map_err(|error| StoreError::internal("list what is due", error))?
                .map_err(|error| store_error("list what is due", error))?;
            items.extend(page.items.unwrap_or_default());
        }
        let due_at = |item: &Item| item.get("dueAt").and_then(|at| at.as_s().ok().cloned());
        items.sort_by_key(due_at);
        let oldest = items.first().and_then(due_at).and_then(|at| at.parse().ok());
        let mut due = DueWork { oldest, ..DueWork::default() };
        for item in items {
            let pk = item.get("pk").and_then(|pk| pk.as_s().ok()).map(String::as_str).unwrap_or_default();
            if let Some(key) = ChatKey::from_pk(pk) {
                due.chats.push(key);
            } else if let Some(webhook) = WaitingWebhook::from_item(&item) {
                due.webhooks.push(webhook);
            }
        }
        Ok(due)
    }

    /// Session, history and reminders of one person, as they are stored. For whoever looks into a
    /// chat by hand: the reminders are searched for in the whole table.
    pub async fn read_chat(&self, clinic: &ClinicId, person: &MatchKey) -> Result<ChatView, StoreError> {
        let key = ChatKey { clinic: clinic.clone(), person: person.clone() };
        let found = self
            .client
            .get_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(key.pk()))
            .key("sk", AttributeValue::S(SESSION.into()))
            .consistent_read(true)
            .send();
        let (found, events, reminders) =
            tokio::join!(found, self.read_history(&key), self.search_reminders(&key));
        let session =
            found.map_err(|error| store_error("read a session", error))?.item.map(plain).transpose()?;
        Ok(ChatView { session, events: events?, reminders: reminders? })
    }

    async fn search_reminders(&self, key: &ChatKey) -> Result<Vec<Value>, StoreError> {
        let mut pages = self
            .client
            .scan()
            .table_name(self.reminders.table())
            .filter_expression("clinicId = :clinic AND phoneNumber = :person")
            .expression_attribute_values(":clinic", AttributeValue::S(key.clinic.0.clone()))
            .expression_attribute_values(":person", AttributeValue::S(key.person.0.clone()))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut reminders = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| store_error("search a person's reminders", error))?;
            for item in page.items.unwrap_or_default() {
                reminders.push(plain(item)?);
            }
        }
        reminders.sort_by_key(|reminder| reminder["sendAt"].as_str().map(str::to_owned));
        Ok(reminders)
    }

    async fn read_history(&self, key: &ChatKey) -> Result<Vec<Value>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.events)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(key.pk()))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| store_error("read a chat's history", error))?;
            for item in page.items.unwrap_or_default() {
                events.push(plain(item)?);
            }
        }
        Ok(events)
    }
}

fn plain(item: Item) -> Result<Value, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::internal("read an item", error))
}
