//! Stores webhooks whose clinic could not be looked up because PostgreSQL was unavailable
//! (docs/rules/data.md#instance-inbox).

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Tables;
use super::errors::store_error;
use super::lease::{SESSION_TTL, shard};
use super::session::{Item, instant};
use crate::error::StoreError;

/// How long a claim keeps other Reconcilers away from a webhook.
const CLAIM_DURATION: TimeDelta = TimeDelta::seconds(30);

/// A webhook that waits for its clinic.
#[derive(Debug, Clone)]
pub struct WaitingWebhook {
    pk: String,
    sk: String,
    due_at: String,
}

/// A webhook that this Reconciler has claimed.
#[derive(Debug, Clone)]
pub struct ClaimedWebhook {
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// The body of the webhook.
    pub payload: Value,
}

impl Tables {
    /// Stores a webhook until its clinic can be looked up; `key` is `<messageId>#<kind>`.
    pub async fn store_webhook(
        &self,
        instance_id: &str,
        key: &str,
        payload: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let pk = format!("INBOX#{instance_id}");
        self.client
            .put_item()
            .table_name(&self.sessions)
            .item("dueShard", AttributeValue::S(shard(&pk)))
            .item("pk", AttributeValue::S(pk))
            .item("sk", AttributeValue::S(key.to_owned()))
            .item("body", AttributeValue::S(payload.to_string()))
            .item("dueAt", AttributeValue::S(instant(now)))
            .item("waitingSince", AttributeValue::S(instant(now)))
            .item("receivedAt", AttributeValue::S(instant(now)))
            .item("updatedAt", AttributeValue::S(instant(now)))
            .item("ttl", AttributeValue::N((now + SESSION_TTL).timestamp().to_string()))
            .send()
            .await
            .map_err(|error| store_error("store a webhook", error))?;
        Ok(())
    }

    /// Claims a waiting webhook. `None`: another Reconciler claimed it first, or it is gone. A webhook that
    /// cannot be read stays claimed, so that it does not hold up the others.
    pub async fn claim_webhook(
        &self,
        webhook: &WaitingWebhook,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedWebhook>, StoreError> {
        const ACTION: &str = "claim a webhook";
        let claimed = self
            .client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(webhook.pk.clone()))
            .key("sk", AttributeValue::S(webhook.sk.clone()))
            .update_expression("SET dueAt = :later")
            .condition_expression("dueAt = :seen")
            .expression_attribute_values(":later", AttributeValue::S(instant(now + CLAIM_DURATION)))
            .expression_attribute_values(":seen", AttributeValue::S(webhook.due_at.clone()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = match claimed {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_conditional_check_failed_exception() => return Ok(None),
                _ => return Err(store_error(ACTION, error)),
            },
        };
        let claimed = ClaimedWebhook::from_item(&item);
        claimed.map(Some).ok_or_else(|| StoreError::internal(ACTION, "the webhook cannot be read"))
    }

    /// Deletes a webhook that was processed.
    pub async fn delete_webhook(&self, webhook: &WaitingWebhook) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(webhook.pk.clone()))
            .key("sk", AttributeValue::S(webhook.sk.clone()))
            .send()
            .await
            .map_err(|error| store_error("delete a webhook", error))?;
        Ok(())
    }
}

impl WaitingWebhook {
    pub(super) fn from_item(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        Some(Self { pk: text("pk")?, sk: text("sk")?, due_at: text("dueAt")? })
    }

    /// The z-api instance that sent it.
    pub fn instance(&self) -> &str {
        self.pk.strip_prefix("INBOX#").unwrap_or(&self.pk)
    }
}

impl ClaimedWebhook {
    fn from_item(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok();
        Some(Self {
            received_at: text("receivedAt").or_else(|| text("updatedAt"))?.parse().ok()?,
            payload: serde_json::from_str(text("body")?).ok()?,
        })
    }
}
