//! Items whose time is over, which DynamoDB deletes within days.

use std::collections::HashMap;

pub use dynoxide::Item;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, DynoxideError};

/// Items read at once.
const PAGE_SIZE: usize = 50;
const EXPIRED: &str = "#expires < :now";

/// A table whose items expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringTable {
    /// Name of the table.
    pub name: String,
    /// Attribute that holds the time at which an item expires, in seconds since 1970.
    pub expires_at: String,
    /// Attributes of the primary key.
    pub keys: Vec<String>,
}

/// What was done with some items of a table.
#[derive(Debug)]
pub struct ExpiryPage {
    /// Number of items deleted.
    pub deleted: usize,
    /// Key of the last item, if there may be more.
    pub last: Option<Item>,
}

pub(crate) fn delete_expired(
    database: &Database,
    table: &ExpiringTable,
    now: i64,
    after: Option<Item>,
) -> Result<ExpiryPage, DynoxideError> {
    let names = HashMap::from([("#expires".to_owned(), table.expires_at.clone())]);
    let values = HashMap::from([(":now".to_owned(), AttributeValue::N(now.to_string()))]);
    let read = database.scan(ScanRequest {
        table_name: table.name.clone(),
        filter_expression: Some(EXPIRED.to_owned()),
        expression_attribute_names: Some(names.clone()),
        expression_attribute_values: Some(values.clone()),
        limit: Some(PAGE_SIZE),
        exclusive_start_key: after,
        consistent_read: Some(true),
        ..ScanRequest::default()
    })?;
    let mut deleted = 0;
    for mut item in read.items.unwrap_or_default() {
        item.retain(|name, _| table.keys.contains(name));
        let done = database.delete_item(DeleteItemRequest {
            table_name: table.name.clone(),
            key: item,
            condition_expression: Some(EXPIRED.to_owned()),
            expression_attribute_names: Some(names.clone()),
            expression_attribute_values: Some(values.clone()),
            ..DeleteItemRequest::default()
        });
        match done {
            Ok(_) => deleted += 1,
            // It was written again after it was read.
            Err(DynoxideError::ConditionalCheckFailedException(..)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ExpiryPage { deleted, last: read.last_evaluated_key })
}
