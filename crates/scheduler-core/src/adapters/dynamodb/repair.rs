//! Repairs a chat's item that has attributes of the wrong type, with which no write of a chat worker would succeed.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::Tables;
use super::errors::store_error;
use super::session::{ChatKey, Item, SESSION};
use crate::error::StoreError;

type HasType = fn(&AttributeValue) -> bool;

/// Attributes on whose type the writes depend.
const TYPES: [(&str, HasType); 11] = [
    ("inbox", AttributeValue::is_l),
    ("waiting", AttributeValue::is_ss),
    ("seen", AttributeValue::is_ss),
    ("seenBefore", AttributeValue::is_ss),
    ("notes", AttributeValue::is_m),
    ("version", AttributeValue::is_n),
    ("attempts", AttributeValue::is_n),
    ("movedTo", AttributeValue::is_s),
    ("leaseOwner", AttributeValue::is_s),
    ("leaseUntil", AttributeValue::is_s),
    ("waitingSince", AttributeValue::is_s),
];

/// The attributes of an item that have the wrong type.
pub(super) fn wrong_attributes(item: &Item) -> Vec<&'static str> {
    let is_wrong =
        |(name, has_type): &&(&str, HasType)| item.get(*name).is_some_and(|value| !has_type(value));
    TYPES.iter().filter(is_wrong).map(|(name, _)| *name).collect()
}

impl Tables {
    /// Puts attributes of the wrong type aside, under a name that begins with `broken_`, for people to look at.
    /// Returns whether there were any.
    pub(super) async fn repair_session(&self, key: &ChatKey) -> Result<bool, StoreError> {
        let wrong = wrong_attributes(&self.find_session_item(key).await?.unwrap_or_default());
        if wrong.is_empty() {
            return Ok(false);
        }
        tracing::error!(
            step = "read_session",
            clinic_id = %key.clinic,
            attributes = wrong.join(" "),
            "attributes of a chat have the wrong type and are put aside"
        );
        let copies: Vec<String> = wrong.iter().map(|name| format!("broken_{name} = {name}")).collect();
        let mut expression = format!("SET {}", copies.join(", "));
        // A worker's writes expect the version that it read, which is 0 where none can be read.
        let (versions, removed): (Vec<&str>, Vec<&str>) = wrong.iter().partition(|name| **name == "version");
        let zero = (!versions.is_empty()).then(|| {
            expression.push_str(", version = :zero");
            HashMap::from([(":zero".to_owned(), AttributeValue::N("0".into()))])
        });
        if !removed.is_empty() {
            expression.push_str(&format!(" REMOVE {}", removed.join(", ")));
        }
        self.client
            .update_item()
            .table_name(&self.sessions)
            .key("pk", AttributeValue::S(key.pk()))
            .key("sk", AttributeValue::S(SESSION.into()))
            .update_expression(expression)
            .set_expression_attribute_values(zero)
            .send()
            .await
            .map_err(|error| store_error("repair a chat", error))?;
        Ok(true)
    }
}
