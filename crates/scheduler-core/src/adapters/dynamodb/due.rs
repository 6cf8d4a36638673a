//! Lists the work that is due for the Reconciler, and reads a whole chat for inspection.

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

/// The index of work that is due. It holds keys and `waitingSince` alone; the earlier release reads `due-index`.
const DUE_INDEX: &str = "due-work-index";

/// A page of the work for the Reconciler.
#[derive(Debug, Clone, Default)]
pub struct DueWork {
    /// Chats that have work and whose lease has expired, or that were deferred to a time that has come.
    pub chats: Vec<ChatKey>,
    /// Webhooks that wait for their clinic.
    pub webhooks: Vec<WaitingWebhook>,
    /// Since when the work that waits longest on this page has waited.
    pub oldest: Option<DateTime<Utc>>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<DueCursor>,
}

/// A position in each shard of the index.
#[derive(Debug, Clone)]
pub struct DueCursor(Vec<Option<Item>>);

/// A chat as it is stored, for inspection.
#[derive(Debug, Clone, Serialize)]
pub struct ChatView {
    /// The session's item, if there is one.
    pub session: Option<Value>,
    /// The history, oldest first.
    pub events: Vec<Value>,
    /// The person's reminders, ordered by `sendAt`.
    pub reminders: Vec<Value>,
}

impl Tables {
    /// Lists a page of what is due now: at most `limit` items of each shard.
    pub async fn list_due(
        &self,
        now: DateTime<Utc>,
        limit: i32,
        from: Option<DueCursor>,
    ) -> Result<DueWork, StoreError> {
        // `None`: nothing is left in this shard.
        let starts = from.map_or_else(
            || vec![Some(None); SHARDS as usize],
            |DueCursor(keys)| keys.into_iter().map(|key| key.map(Some)).collect(),
        );
        let mut shards = tokio::task::JoinSet::new();
        for (shard, start) in starts.into_iter().enumerate() {
            let Some(start) = start else { continue };
            let query = self
                .client
                .query()
                .table_name(&self.sessions)
                .index_name(DUE_INDEX)
                .key_condition_expression("dueShard = :shard AND dueAt <= :now")
                .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
                .expression_attribute_values(":now", AttributeValue::S(instant(now)))
                .limit(limit)
                .set_exclusive_start_key(start);
            shards.spawn(async move { (shard, query.send().await) });
        }
        let mut items: Vec<Item> = Vec::new();
        let mut next = vec![None; SHARDS as usize];
        while let Some(answered) = shards.join_next().await {
            let (shard, page) = answered.map_err(|error| StoreError::internal("list due work", error))?;
            let page = page.map_err(|error| store_error("list due work", error))?;
            items.extend(page.items.unwrap_or_default());
            if let Some(place) = next.get_mut(shard) {
                *place = page.last_evaluated_key;
            }
        }
        let next = next.iter().any(Option::is_some).then_some(DueCursor(next));
        let mut due = DueWork { next, ..DueWork::default() };
        items.sort_by_key(|item| text(item, "dueAt"));
        for item in items {
            let since = text(&item, "waitingSince").or_else(|| text(&item, "dueAt"));
            let since = since.and_then(|at| at.parse::<DateTime<Utc>>().ok());
            due.oldest = [due.oldest, since].into_iter().flatten().min();
            if let Some(key) = text(&item, "pk").as_deref().and_then(ChatKey::from_pk) {
                due.chats.push(key);
            } else if let Some(webhook) = WaitingWebhook::from_item(&item) {
                due.webhooks.push(webhook);
            }
        }
        Ok(due)
    }

    /// Reads session, history and reminders of one person. Only for inspection: it scans the whole table of
    /// reminders.
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
            found.map_err(|error| store_error("read a session", error))?.item.map(to_json).transpose()?;
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
                reminders.push(to_json(item)?);
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
                events.push(to_json(item)?);
            }
        }
        Ok(events)
    }
}

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn to_json(item: Item) -> Result<Value, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::internal("read an item", error))
}
